"""Fill the methods and taxonomy pages from the cards, so that nobody keeps them by hand."""

from verilens import catalog, taxonomy, weights
from verilens.card import Card


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace `<!-- methods -->` by a section per card, `<!-- coverage -->` by their table."""
    cards = list(catalog.cards().values())
    if "<!-- methods -->" in markdown:
        markdown = markdown.replace("<!-- methods -->", "\n\n".join(map(section, cards)))
    if "<!-- coverage -->" in markdown:
        markdown = markdown.replace("<!-- coverage -->", coverage(cards))
    return markdown


def coverage(cards: list[Card]) -> str:
    """Return the table of cues against levels in Markdown."""
    cells = taxonomy.coverage(cards)
    head = f"| cue | {' | '.join(taxonomy.LEVELS)} |"
    lines = [head, "|---" * (1 + len(taxonomy.LEVELS)) + "|"]
    for cue in taxonomy.cues():
        parents = taxonomy.nodes()[cue.parent].label + ": " if cue.parent else ""
        names = [", ".join(cells[cue.id, level]) for level in taxonomy.LEVELS]
        lines.append(f"| {parents}{cue.label} | {' | '.join(names)} |")
    return "\n".join(lines)


def section(card: Card) -> str:
    """Return one method's section in Markdown."""
    lines = [
        f"## {card.title} (`{card.name}`)",
        card.summary,
        f"- **Tasks**: {', '.join(card.tasks)}",
        f"- **Paper**: {card.paper}",
        f"- **Licence**: {card.licence}",
    ]
    if card.own_reading:
        lines.append("- Parts of this method are ours, not the paper's.")
    lines += [f"- **Limit**: {limit}" for limit in card.limits]
    lines += [f"- **Left open by the paper**: {item}" for item in card.uncertain]
    for name, known in weights.available(card).items():
        figures = ", ".join(f"{key} {value:g}" for key, value in known.measured.items())
        lines += [
            f"- **Weights `{name}`**: {known.corpus} Recipe: {known.recipe} Seed {known.seed}. "
            f"Licence: {known.licence}",
            f"- **Measured**: {figures} (`{known.command}`)",
            *[f"- **Limit of `{name}`**: {limit}" for limit in known.limits],
        ]
    return f"{lines[0]}\n\n{lines[1]}\n\n" + "\n".join(lines[2:])
