"""verilens camera: who stands before a camera, and whether each is a living face."""

import json as plain
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.live import News

EXAMPLES = (
    "Examples:  verilens camera   |   verilens camera 1 --seconds 60   |   "
    "verilens camera visitor.mp4 --json | jq .decision"
)


def camera(
    source: Annotated[
        str, typer.Argument(metavar="NUMBER|FILE", help="A camera of this machine, or a film.")
    ] = "0",
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[=WEIGHTS]",
            help="Who looks, e.g. minifasnet=my.safetensors; by default the shipped weights.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, metavar="S", help="Stop after this time.", show_default="none")
    ] = float("inf"),
    json: Annotated[bool, typer.Option("--json", help="A line of JSON for each change.")] = False,
) -> None:
    """Ask of each face before a camera whether it is a living one (ISO/IEC 30107-3).

    Says who comes, what is decided about each, and who goes; Ctrl-C stops it.
    """
    from itertools import takewhile

    from verilens.live import news, open_gate
    from verilens.media.camera import frames

    stream = takewhile(lambda frame: frame[0] < seconds, frames(source))
    for item in news(open_gate(method), stream):
        typer.echo(plain.dumps(_facts(item)) if json else _line(item))


def _facts(item: "News") -> dict[str, object]:
    seen = item.seen
    return {
        "time_s": round(item.time_s, 3),
        "track": seen.track,
        "decision": "gone" if item.gone else seen.decision,
        "probability": round(seen.probability, 4),
        "box": seen.box,
        "why": seen.why,
    }


def _line(item: "News") -> str:
    from verilens.report.words import LABELS

    seen = item.seen
    head = f"{item.time_s:8.1f} s  person {seen.track}"
    if item.gone:
        return f"{head}  gone"
    said = LABELS.get(seen.decision, seen.decision)
    return f"{head}  {said}" + (f" ({seen.why})" if seen.why else f" {seen.probability:.2f}")
