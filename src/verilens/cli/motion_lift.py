"""verilens motion lift and fill: joints of a picture into space, and the gap between movements."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.motion.fillers import Fills
    from verilens.records import Pose, Skeleton

LIFT_EXAMPLES = (
    "Examples:  verilens motion lift walk.npz -o walk-3d.npz   |   "
    "verilens motion lift walk.pose -o walk-3d.pose --size 1920x1080   |   "
    "verilens motion lift walk.npz -o walk-3d.npz --method g_sformer --weights large.safetensors"
)
FILL_EXAMPLES = (
    "Examples:  verilens motion fill first.pose second.pose -o both.pose   |   "
    "verilens motion fill first.npz second.npz -o both.npz --method spline --frames 12"
)
SIZE = re.compile(r"([1-9]\d{0,5})[xX×]([1-9]\d{0,5})")

Out = Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="The file to write.")]
Person = Annotated[int, typer.Option(min=0, help="Who of several in a file.")]


def lift(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Joints in a picture.")],
    out: Out,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="A method of lifting.")
    ] = "temporal_conv",
    weights: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="By name, or a .safetensors file.")
    ] = "starter",
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Of the picture, where the file does not say."),
    ] = None,
    person: Person = 0,
) -> None:
    """Lift joints seen in a picture to three dimensions, relative to the root.

    Exit code 0: written; 1: the file or the weights cannot be used; 2: wrong use.
    """
    import dataclasses

    from verilens import catalog
    from verilens.errors import UnknownName
    from verilens.motion.lifter import Lifter
    from verilens.poses.convert import convert
    from verilens.poses.read import write

    if "lift" not in catalog.card(method).tasks:
        raise UnknownName(f"{method} does not lift; {named('lift')} do")
    pose = chosen(source, person)
    if size is not None:
        pose = dataclasses.replace(pose, size=parsed(size))
    lifter = catalog.load(method, weights)
    assert isinstance(lifter, Lifter)
    found = lifter.lift(convert(pose, lifter.config.skeleton))
    write(out, [found])
    typer.echo(f"{out}: {len(found)} frames of {found.skeleton.name}, in metres from the root")


def fill(
    first: Annotated[Path, typer.Argument(metavar="A", help="The movement before the gap.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The movement after it.")],
    out: Out,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="stgcdiff, linear, cubic, spline, dtw-blend, hold.")
    ] = "stgcdiff",
    weights: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="By name, or a .safetensors file.")
    ] = "starter",
    frames: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Of the gap.", show_default="a third of a second"),
    ] = None,
    person: Person = 0,
) -> None:
    """Join two movements by frames that lead from one to the other; both stay as they are.

    Exit code 0: written; 1: a file or the weights cannot be used; 2: wrong use.
    """
    from verilens.motion.fillers import joined
    from verilens.poses.read import write

    before, after = chosen(first, person), chosen(second, person)
    whole = joined(before, after, filler(method, weights, before.skeleton), frames)
    write(out, [whole])
    gap = len(whole) - len(before) - len(after)
    typer.echo(f"{out}: {len(before)} + {gap} + {len(after)} frames by {method}")


def filler(method: str, weights: str, skeleton: "Skeleton") -> "Fills":
    """Return what fills gaps of a skeleton by name; UnknownName lists the names."""
    from verilens import catalog
    from verilens.errors import UnknownName
    from verilens.motion.fillers import SIMPLE, Learned

    if method in SIMPLE:
        return SIMPLE[method]
    known = catalog.cards()
    if method not in known or "in-between" not in known[method].tasks:
        raise UnknownName(f"{method} fills no gaps; {named('in-between')}, {', '.join(SIMPLE)} do")
    network = catalog.load(method, weights)
    assert isinstance(network, Learned)
    return network.fitted_to(skeleton)


def named(task: str) -> str:
    """Return the names of the methods of a task."""
    from verilens import catalog

    return ", ".join(card.name for card in catalog.cards().values() if task in card.tasks)


def chosen(path: Path, person: int) -> "Pose":
    """Return one person of a file; ConfigError when there are fewer."""
    from verilens.errors import ConfigError
    from verilens.poses.read import read

    poses = read(path)
    if person >= len(poses):
        raise ConfigError(f"{path}: no person {person}; it holds {len(poses)}, counted from 0")
    return poses[person]


def parsed(size: str) -> tuple[int, int]:
    """Return WIDTHxHEIGHT as numbers."""
    from verilens.errors import ConfigError

    found = SIZE.fullmatch(size.strip())
    if not found:
        raise ConfigError(f"--size {size}: give it as WIDTHxHEIGHT in pixels, such as 1920x1080")
    return int(found[1]), int(found[2])
