"""Fill the methods page from the cards, so that nobody keeps that table by hand."""

from verilens import catalog, weights
from verilens.card import Card


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace the placeholder `<!-- methods -->` by a section per card."""
    if "<!-- methods -->" not in markdown:
        return markdown
    cards = catalog.cards().values()
    return markdown.replace("<!-- methods -->", "\n\n".join(section(card) for card in cards))


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
