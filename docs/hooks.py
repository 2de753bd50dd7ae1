"""Fill the pages of methods, data sets and coverage from the cards: nobody keeps them by hand."""

from verilens import catalog, taxonomy, weights
from verilens.card import Card, DataCard
from verilens.datasets import datasets


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace `<!-- methods -->`, `<!-- datasets -->` and `<!-- coverage -->` by what cards say."""
    cards = list(catalog.cards().values())
    if "<!-- methods -->" in markdown:
        markdown = markdown.replace("<!-- methods -->", "\n\n".join(map(section, cards)))
    if "<!-- datasets -->" in markdown:
        described = (described_set(adapter.CARD) for adapter in datasets().values())
        markdown = markdown.replace("<!-- datasets -->", "\n\n".join(described))
    if "<!-- coverage -->" in markdown:
        markdown = markdown.replace("<!-- coverage -->", coverage(cards))
        markdown = markdown.replace("<!-- published sets -->", published_sets())
    return markdown


def coverage(cards: list[Card]) -> str:
    """Return the table of cues against levels in Markdown, and what nobody reads."""
    cells = taxonomy.coverage(cards)
    head = f"| stage | cue | {' | '.join(taxonomy.LEVELS)} | also read by |"
    lines = [head, "|---" * (3 + len(taxonomy.LEVELS)) + "|"]
    for cue in taxonomy.cues():
        names = [", ".join(cells[cue.id, level]) for level in taxonomy.LEVELS]
        row = [cue.stage, named(cue), *names, "; ".join(cue.views)]
        lines.append(f"| {' | '.join(row)} |")
    unread = [f"- {named(cue)} (`{cue.id}`)" for cue in taxonomy.unread(cards)]
    return "\n".join([*lines, "", "## What nobody reads", "", *unread])


def named(cue: taxonomy.Node) -> str:
    """Return a cue with its branch, e.g. "Editing traces: Splicing"."""
    above = taxonomy.nodes()[cue.parent].label + ": " if cue.parent else ""
    return above + cue.label


def published_sets() -> str:
    """Return the public data sets of misinformation videos as a table in Markdown."""
    rows = [
        f"| {row.name} | {row.title} | {', '.join(row.platforms)} | {', '.join(row.languages)} | "
        f"{f'`{row.adapter}`' if row.adapter else ''} |"
        for row in taxonomy.published_sets()
    ]
    head = ["| name | what | platforms | languages | read by |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


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


def described_set(card: DataCard) -> str:
    """Return one data set's section in Markdown."""
    counts = f"{card.genuine:,} genuine, {card.fake:,} fake" if card.genuine or card.fake else ""
    facts = {
        "Layout": f"`{card.layout}`",
        "Holds": counts,
        "Paper": card.paper,
        "Licence": card.licence,
        "Access": card.access,
        "Consent": card.consent,
    }
    lines = [f"- **{label}**: {text}" for label, text in facts.items() if text]
    lines += [f"- **Trap**: {trap}" for trap in card.traps]
    lines += [f"- **Uncertain**: {item}" for item in card.uncertain]
    return f"### {card.title} (`{card.name}`)\n\n{card.summary}\n\n" + "\n".join(lines)
