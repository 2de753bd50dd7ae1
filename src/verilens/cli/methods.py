"""verilens methods: what is installed, what it was measured at, and where it fails."""

import dataclasses
import json as plain
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from verilens.card import Card, WeightsCard

EXAMPLES = (
    "Examples:  verilens methods   |   verilens methods npr   |   verilens methods --coverage"
)


def methods(
    name: Annotated[
        str | None, typer.Argument(help="One method, in full.", show_default=False)
    ] = None,
    coverage: Annotated[
        bool,
        typer.Option("--coverage", help="Cues against levels: what is covered, what nobody reads."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """List the methods, or show one: what it reads, its weights, measured figures and limits."""
    from verilens import catalog, weights

    if coverage:
        _coverage(list(catalog.cards().values()), json)
        return
    cards = [catalog.card(name)] if name else list(catalog.cards().values())
    known = {card.name: weights.available(card) for card in cards}
    if json:
        described = [_plain(card, known[card.name]) for card in cards]
        typer.echo(plain.dumps(described[0] if name else described, indent=2))
        return
    from rich.console import Console

    console = Console(highlight=False)
    if name:
        for part in _one(cards[0], known[name]):
            console.print(part)
    else:
        console.print(_table(cards, known))


def _coverage(cards: list["Card"], as_json: bool) -> None:
    from verilens import taxonomy

    cells = taxonomy.coverage(cards)
    gaps, silent = taxonomy.gaps(cards), taxonomy.silent(cards)
    unread = [cue.id for cue in taxonomy.unread(cards)]
    if as_json:
        rows = [{"cue": c, "level": level, "methods": m} for (c, level), m in cells.items()]
        views = {cue.id: cue.views for cue in taxonomy.cues() if cue.views}
        found = {"cells": rows, "views": views, "unread": unread, "missing": gaps}
        typer.echo(plain.dumps(found, indent=2))
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table("stage", "cue", *taxonomy.LEVELS, "also read by", box=None, pad_edge=False)
        for cue in taxonomy.cues():
            names = (", ".join(cells[cue.id, level]) or "-" for level in taxonomy.LEVELS)
            table.add_row(cue.stage, cue.id, *names, "; ".join(cue.views))
        Console(highlight=False).print(table)
        typer.echo(f"read by nobody: {', '.join(unread)}")
    for missing, level in gaps:
        typer.echo(f"nothing covers {missing} at the level of a {level}", err=True)
    for stage in silent:
        typer.echo(f"nothing reads {stage}s", err=True)
    if gaps or silent:
        raise typer.Exit(1)


def _plain(card: "Card", weights: dict[str, "WeightsCard"]) -> dict[str, object]:
    facts = dataclasses.asdict(card)
    facts["weights"] = {
        name: {
            **dataclasses.asdict(found),
            "file": str(found.file),
            "measured": dict(found.measured),
        }
        for name, found in weights.items()
    }
    return facts


def _table(cards: list["Card"], weights: dict[str, dict[str, "WeightsCard"]]) -> "RenderableType":
    from rich.table import Table

    table = Table("method", "what it does", "for", "weights", box=None, pad_edge=False)
    for card in cards:
        names = ", ".join(weights[card.name]) or "none"
        table.add_row(card.name, card.summary, ", ".join(card.tasks), names)
    return table


def _one(card: "Card", weights: dict[str, "WeightsCard"]) -> "list[RenderableType]":
    from rich.markup import escape
    from rich.table import Table

    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_column(style="bold")
    rows = {
        "method": f"{card.name}: {card.title}",
        "summary": card.summary,
        "for": ", ".join(card.tasks),
        "paper": card.paper + (" (parts are our own reading)" if card.own_reading else ""),
        "licence": card.licence,
        "extras": ", ".join(card.extras),
        "risk": card.risk or "",
    }
    for label, text in rows.items():
        if text:
            facts.add_row(label, escape(text))
    for label, notes in (("limits", card.limits), ("uncertain", card.uncertain)):
        for number, note in enumerate(notes):
            facts.add_row("" if number else label, escape(note))
    return [facts, *(_weights(found) for found in weights.values())]


def _weights(card: "WeightsCard") -> "RenderableType":
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False, title_justify="left")
    table.title = f"weights: {card.name}"
    table.add_column(style="bold")
    for label in ("file", "sha256", "licence", "corpus", "recipe", "command", "seed"):
        table.add_row(label, escape(str(getattr(card, label))))
    for number, (figure, value) in enumerate(card.measured.items()):
        table.add_row("" if number else "measured", f"{figure} = {value:g}")
    for number, limit in enumerate(card.limits):
        table.add_row("" if number else "limits", escape(limit))
    return table
