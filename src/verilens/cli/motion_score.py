"""verilens motion score and check: produced signing against a reference, as SLRTP 2025 does."""

import dataclasses
import json as plain
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.bench.signing import Leaderboard, Scores

SCORE = (
    "Examples:  verilens motion score predictions.pt test.pt   |   "
    "verilens motion score predictions.pt test.pt --weights reader.safetensors --json"
)
CHECK = "Example:  verilens motion check predictions.pt --reference test.pt"

Pred = Annotated[
    Path, typer.Argument(metavar="PRED", help=".pt, .pkl, .json, .skels or a folder of .pose.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON on standard output.")]


def score(
    predictions: Pred,
    reference: Annotated[Path, typer.Argument(metavar="REF", help="The same with text and gloss.")],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of the method slrtp; without them no text measure."),
    ] = None,
    fps: Annotated[
        int, typer.Option(min=1, help="Of the predictions; only 25 is halved, as officially.")
    ] = 25,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Published rows: phoenix14t-test or hidden-test.")
    ] = "phoenix14t-test",
    json: AsJson = False,
) -> None:
    """Score movements against a reference and show them beside the published rows."""
    from verilens import catalog
    from verilens.bench import signing
    from verilens.motion.submission import read_submission

    board = signing.leaderboard(split)
    reader = None if weights is None else catalog.load("slrtp", str(weights))
    found = signing.score(
        read_submission(predictions),
        read_submission(reference),
        reader,  # type: ignore[arg-type]
        fps,
    )
    if json:
        typer.echo(plain.dumps(dataclasses.asdict(found), indent=2))
        return
    _show(predictions.name, found, board)


def _show(name: str, found: "Scores", board: "Leaderboard") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", *board.columns, box=None, pad_edge=False)
    rows: list[tuple[str, Sequence[float | None]]] = [(name, found.row())]
    rows += [(f"published: {team}", row) for team, row in board.rows.items()]
    for label, values in rows:
        padded = [*values, *[None] * (len(board.columns) - len(values))]
        table.add_row(label, *("-" if v is None else f"{v:.4g}" for v in padded))
    Console(highlight=False).print(table)
    if found.frechet is not None:
        typer.echo(f"Fréchet distance of the reader's features: {found.frechet:.4g}")
    if found.bleu is None:
        typer.echo("no text measures: they need --weights of the method slrtp")
    else:
        typer.echo("text measures compare only among rows that the same weights read")


def check(
    predictions: Pred,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="REF", help="Compare names and lengths with it."),
    ] = None,
    joints: Annotated[int, typer.Option(min=1, help="Of a frame.")] = 178,
) -> None:
    """Say whether movements can be scored, and if not what is wrong with them."""
    from verilens.cli.exits import UNREADABLE
    from verilens.motion.submission import problems, read_submission

    found = read_submission(predictions)
    wanted = read_submission(reference) if reference else {}
    lengths = {name: len(signed.joints) for name, signed in wanted.items()}
    told = problems(found, joints, list(wanted), lengths)
    for line in told:
        typer.echo(line)
    frames = sum(len(signed.joints) for signed in found.values())
    typer.echo(f"{len(found)} sentences, {frames:,} frames, {len(told) or 'no'} problems")
    if told:
        raise typer.Exit(UNREADABLE)
