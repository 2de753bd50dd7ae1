"""verilens motion evaluate and recognize: recognisers judged on a set, or asked about a file."""

import json as plain
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from verilens.motion.recognizer import Recognizer

EVALUATE = (
    "Examples:  verilens motion evaluate runs/a/best.safetensors --data motion/nw_ucla "
    "--reference 1nn   |   verilens motion evaluate runs/j/best.safetensors "
    "runs/b/best.safetensors --data motion/nw_ucla --fuse"
)
RECOGNIZE = "Example:  verilens motion recognize clip.npz --weights runs/a/best.safetensors"


def evaluate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="WEIGHTS", help="Files that 'verilens motion train' wrote."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A motion set, as for training.")
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="cross-subject, cross-view, index or published; by default the set's usual one.",
        ),
    ] = "",
    reference: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also judge what learns nothing: mean, 1nn or dtw; repeatable.",
        ),
    ] = None,
    fuse: Annotated[
        bool, typer.Option("--fuse", help="Also judge the streams of all files together.")
    ] = False,
    confusion: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Draw which class is taken for which, of the last row."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Judge recognisers on the test clips of a protocol: Top-1, Top-5, mean class accuracy.

    Intervals are drawn over subjects where the test has five or more, else over clips.
    """
    from verilens.bench.recognition import draw_confusion, judged, markdown
    from verilens.errors import ConfigError
    from verilens.poses.sets import divide, open_set

    if data is None or not (files or reference):
        raise ConfigError("name weights or a --reference to judge, and --data to judge them on")
    motion = open_set(data)
    parts = divide(motion, protocol)
    if not parts.test:
        raise ConfigError(f"protocol '{protocol}' leaves no clip of {motion.name} to judge by")
    found = _predictions(files or [], reference or [], motion.actions, parts, fuse)
    rows = [judged(name, probabilities, parts.test) for name, probabilities in found.items()]
    if confusion:
        draw_confusion(confusion, list(found.values())[-1], parts.test, motion.actions)
    if json:
        typer.echo(plain.dumps([asdict(row) for row in rows], indent=2))
    else:
        typer.echo(markdown(rows), nl=False)


def recognize(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Poses, in any format read.")],
    weights: Annotated[
        Path, typer.Option(metavar="FILE", help="Weights that 'verilens motion train' wrote.")
    ],
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Say what the persons of a file do: the most probable classes."""
    from verilens.poses.read import read

    found = loaded(weights).recognize([read(file)])[0]
    if json:
        typer.echo(plain.dumps([asdict(guess) for guess in found.guesses], indent=2))
        return
    for guess in found.guesses:
        typer.echo(f"{guess.probability:.3f}  {guess.label}")


def loaded(path: Path) -> "Recognizer":
    """Return the recogniser whose weights lie in a file; MissingWeights, ConfigError."""
    from verilens import catalog
    from verilens.errors import ConfigError
    from verilens.motion.recognizer import Recognizer
    from verilens.weights import method_of

    name = method_of(path)
    method = catalog.load(name, str(path))
    if not isinstance(method, Recognizer):
        raise ConfigError(f"{path}: weights of {name}, which does not recognise movement")
    return method


def _predictions(
    files: list[Path], references: list[str], actions: tuple[str, ...], parts: Any, fuse: bool
) -> dict[str, Any]:
    """Return the probabilities of the test clips by row: references, files, all files together."""
    from verilens.motion.nearest import recognised, reference_of
    from verilens.motion.streams import fuse as fused

    found: dict[str, Any] = {}
    for name in references:
        found[name] = recognised(reference_of(name), parts.train, parts.test, len(actions))
    clips = [clip.persons for clip in parts.test]
    streams: dict[Any, Any] = {}
    for path in files:
        method = loaded(path)
        stream = getattr(method.config, "stream", "j")
        row = f"{method.name} {stream} ({path.parent.name})"
        found[row] = streams[stream] = method.probabilities(clips)
    if fuse:
        found[f"{'+'.join(streams)} together"] = fused(streams)
    return found
