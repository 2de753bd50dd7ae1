"""verilens motion lexicon: a folder of signs, one recording each."""

import json as plain
from pathlib import Path
from typing import Annotated

import typer

ADD = (
    "Example:  verilens motion lexicon add signs regen.pose --word regen --gloss REGEN --signed gsg"
)
LIST = "Example:  verilens motion lexicon list signs"
COMPOSE = "Example:  verilens motion lexicon compose signs kleine kinder -o kleine-kinder.pose"

app = typer.Typer(
    help="Keep signs, one recording each, and join them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=LIST,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The lexicon: index.csv and files.")]
Spoken = Annotated[str, typer.Option(help="Of the words, e.g. de.")]
Signed = Annotated[str, typer.Option(help="Of the signs, e.g. sgg; needed where there are two.")]


@app.command(epilog=ADD)
def add(
    folder: Folder,
    recording: Annotated[Path, typer.Argument(metavar="FILE", help="A pose file of one person.")],
    word: Annotated[str, typer.Option(help="What is signed.")] = "",
    gloss: Annotated[str, typer.Option(help="Its gloss.")] = "",
    spoken: Spoken = "de",
    signed: Signed = "sgg",
    priority: Annotated[int, typer.Option(help="The lowest comes first.")] = 0,
) -> None:
    """Add a recording; the lexicon is begun when there is none."""
    from verilens.motion import lexicon

    entry = lexicon.Entry(
        path="",
        spoken_language=spoken,
        signed_language=signed,
        words=word,
        glosses=gloss,
        priority=priority,
    )
    typer.echo(f"{folder / lexicon.add(folder, recording, entry).path}: added")


@app.command("list", epilog=LIST)
def list_(
    folder: Folder,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """List the signs of a lexicon."""
    from dataclasses import asdict

    from verilens.motion.lexicon import read_index

    entries = read_index(folder)
    if json:
        typer.echo(plain.dumps([asdict(entry) for entry in entries], indent=2, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("word", "gloss", "languages", "file", box=None, pad_edge=False)
    for entry in entries:
        languages = f"{entry.spoken_language} to {entry.signed_language}"
        table.add_row(*map(escape, (entry.words, entry.glosses, languages, entry.path)))
    Console(highlight=False).print(table)


@app.command(epilog=COMPOSE)
def compose(
    folder: Folder,
    glosses: Annotated[list[str], typer.Argument(metavar="GLOSS...", help="Signs, in order.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The pose file.")],
    spoken: Spoken = "de",
    signed: Signed = "",
) -> None:
    """Join signs into one movement; a sign that is missing is named."""
    from verilens.motion.joining import on_canvas
    from verilens.motion.lexicon import Lexicon
    from verilens.poses.read import write

    said = Lexicon(folder, spoken, signed).say(" ".join(glosses))
    write(out, [on_canvas(said.pose)])
    told(said.missing)
    typer.echo(f"{out}: {len(said.signs)} signs, {len(said.pose.joints) / said.pose.fps:.1f} s")


def told(missing: tuple[str, ...]) -> None:
    """Name the words without a sign on standard error."""
    if missing:
        typer.echo(f"no sign for: {', '.join(missing)}", err=True)
