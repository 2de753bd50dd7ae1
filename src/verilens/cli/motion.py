"""verilens motion: look at human movement, and carry it from one format to another.

A further command is a module motion_<name>.py with a function and its EXAMPLES, and a line below.
"""

import json as plain
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from verilens.cli.motion_estimate import EXAMPLES as ESTIMATE
from verilens.cli.motion_estimate import estimate
from verilens.cli.motion_lexicon import app as lexicon
from verilens.cli.motion_lift import FILL_EXAMPLES, LIFT_EXAMPLES, fill, lift
from verilens.cli.motion_recognize import EVALUATE, RECOGNIZE, evaluate, recognize
from verilens.cli.motion_score import CHECK, SCORE, check, score
from verilens.cli.motion_sign import SIGN, TEACH, sign, teach
from verilens.cli.motion_train import EXAMPLES as TRAIN
from verilens.cli.motion_train import train
from verilens.errors import ConfigError

if TYPE_CHECKING:
    from verilens.records import Pose

SHOW = (
    "Examples:  verilens motion show sign.pose --html sign.html   |   "
    "verilens motion show walk.bvh --gif walk.gif --view side   |   "
    "verilens motion show ntu60.pkl --clip S001C001P001R001A001 --json"
)
CONVERT = (
    "Examples:  verilens motion convert walk.bvh walk.npz --skeleton h36m17 --fps 50   |   "
    "verilens motion convert frames/ clip.pose --as-fps 30   |   "
    "verilens motion convert clip.pose clip.json --skeleton coco17 --fill"
)
SHOWN_CLIPS = 20

app = typer.Typer(
    name="motion",
    help="Human movement: look at it, convert it, recognise it, train what reads it.",
    epilog=SHOW,
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command(epilog=ESTIMATE)(estimate)
app.command(epilog=TRAIN)(train)
app.command(epilog=EVALUATE)(evaluate)
app.command(epilog=RECOGNIZE)(recognize)
app.command(epilog=LIFT_EXAMPLES)(lift)
app.command(epilog=FILL_EXAMPLES)(fill)
app.command(epilog=SIGN)(sign)
app.command(epilog=TEACH)(teach)
app.command(epilog=SCORE)(score)
app.command(epilog=CHECK)(check)
app.add_typer(lexicon, name="lexicon")

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="Poses in any known format, or OpenPose frames.")
]
Clip = Annotated[
    str, typer.Option(metavar="NAME", help="Which clip of a file that holds many.", show_default="")
]
Person = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="One person only, from 0.", show_default="all"),
]
AsFps = Annotated[
    float | None,
    typer.Option(metavar="N", help="The frame rate, where the file is silent or wrong about it."),
]


@app.command(epilog=SHOW)
def show(
    file: File,
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="A page that plays it, in one file.")
    ] = None,
    gif: Annotated[Path | None, typer.Option(metavar="OUT", help="A moving picture.")] = None,
    mp4: Annotated[Path | None, typer.Option(metavar="OUT", help="A film.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="OUT", help="A strip of moments.")] = None,
    view: Annotated[
        str, typer.Option(help="front, side or top; for --gif, --mp4, --svg.")
    ] = "front",
    size: Annotated[
        int, typer.Option(min=32, max=4096, help="Longer side of --gif and --mp4 in pixels.")
    ] = 480,
    clip: Clip = "",
    person: Person = None,
    as_fps: AsFps = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Show what a file of poses holds, and draw it."""
    from verilens.poses.draw import write_gif, write_mp4, write_svg
    from verilens.poses.look import VIEWS
    from verilens.poses.player import write_html

    if view not in VIEWS:
        raise ConfigError(f"no view {view!r}; there are {', '.join(VIEWS)}")
    if not clip and not any((html, gif, mp4, svg)) and _list_clips(file, json):
        return
    poses = _chosen(file, clip, person, as_fps)
    for out in (html, gif, mp4, svg):
        if out and not out.parent.is_dir():
            raise ConfigError(f"cannot write {out}: there is no folder {out.parent}")
    if html:
        write_html(html, poses, clip or file.name)
    if gif:
        write_gif(gif, poses, view, size)
    if mp4:
        write_mp4(mp4, poses, view, size)
    if svg:
        write_svg(svg, poses, view)
    _tell(file, [_facts(pose) for pose in poses], json)


@app.command(epilog=CONVERT)
def convert(
    file: Annotated[Path, typer.Argument(metavar="IN", help="Poses in any known format.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, by its suffix.")],
    skeleton: Annotated[
        str, typer.Option(metavar="NAME", help="Another skeleton, such as coco17.", show_default="")
    ] = "",
    fps: Annotated[
        float | None, typer.Option(metavar="N", help="Another frame rate, the movement as long.")
    ] = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="Put missing joints between where they were seen.")
    ] = False,
    clip: Clip = "",
    person: Person = None,
    as_fps: AsFps = None,
) -> None:
    """Write a file of poses in another format, on another skeleton or at another rate."""
    from verilens.poses import timing
    from verilens.poses.convert import convert as on
    from verilens.poses.read import write

    poses = _chosen(file, clip, person, as_fps)
    if fill:
        poses = [timing.fill(pose) for pose in poses]
    if skeleton:
        poses = [on(pose, skeleton) for pose in poses]
    if fps is not None:
        poses = [timing.resample(pose, fps) for pose in poses]
    write(out, poses)
    _tell(out, [_facts(pose) for pose in poses], False)


@app.command(epilog="Examples:  verilens motion skeletons   |   verilens motion skeletons coco17")
def skeletons(
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="List its joints.", show_default="")
    ] = "",
) -> None:
    """List the skeletons that have a name, or the joints of one."""
    from verilens.poses.skeletons import names, skeleton, title

    if not name:
        for each in names():
            typer.echo(f"{each:12} {len(skeleton(each)):4}  {title(each)}")
        return
    of = skeleton(name)
    for joint, parent in zip(of.joints, of.parents, strict=True):
        typer.echo(f"{of.index(joint):4}  {joint:24} {of.joints[parent] if parent >= 0 else '-'}")


def _chosen(file: Path, clip: str, person: int | None, fps: float | None) -> "list[Pose]":
    from dataclasses import replace

    from verilens.poses.make import FASTEST
    from verilens.poses.read import read

    poses = read(file, clip)
    if person is not None:
        if person >= len(poses):
            raise ConfigError(f"{file}: no person {person}; it has {len(poses)}, counted from 0")
        poses = [replace(poses[person], person=0)]
    if fps is not None:
        if not 0 < fps <= FASTEST:
            raise ConfigError(f"--as-fps {fps}: it must be above 0 and at most {FASTEST:g}")
        poses = [replace(pose, fps=fps) for pose in poses]
    return poses


def _list_clips(file: Path, json: bool) -> bool:
    """List the clips of a file that holds several, and return whether it does."""
    from verilens.poses.read import clips

    found = clips(file)
    rows = [
        {"clip": name, "persons": len(poses), "frames": len(poses[0]) if poses else 0}
        for name, poses in (found if json else islice(found, SHOWN_CLIPS + 1))
    ]
    if len(rows) < 2:
        return False
    if json:
        typer.echo(plain.dumps({"file": str(file), "clips": rows}, indent=2))
        return True
    for row in rows[:SHOWN_CLIPS]:
        typer.echo(f"{row['clip']}  {row['persons']} x {row['frames']} frames")
    if len(rows) > SHOWN_CLIPS:
        typer.echo("... and more; --json lists them all, --clip NAME shows one")
    return True


def _facts(pose: "Pose") -> dict[str, Any]:
    seen = pose.confidence > 0
    ever = seen.max(0).tolist()
    never = [joint for joint, was in zip(pose.skeleton.joints, ever, strict=True) if not was]
    return {
        "person": pose.person,
        "skeleton": pose.skeleton.name,
        "joints": len(pose.skeleton),
        "axes": pose.joints.shape[2],
        "frames": len(pose),
        "fps": round(pose.fps, 4),
        "seconds": round((len(pose) - 1) / pose.fps, 3),
        "units": pose.units,
        "frame": pose.frame,
        "missing": round(1 - float(seen.mean()), 4),
        "never_seen": never,
    }


def _tell(file: Path, facts: Sequence[dict[str, Any]], json: bool) -> None:
    if json:
        typer.echo(plain.dumps({"file": str(file), "persons": list(facts)}, indent=2))
        return
    for fact in facts:
        never = fact["never_seen"]
        some = f"; never seen: {', '.join(never[:6])}{' ...' if len(never) > 6 else ''}"
        typer.echo(
            f"{file}: person {fact['person']}, {fact['skeleton']} ({fact['joints']} joints, "
            f"{fact['axes']}D), {fact['frames']} frames at {fact['fps']:g} a second, "
            f"{fact['seconds']:g} s, {fact['units']} in {fact['frame']} coordinates, "
            f"{fact['missing']:.1%} missing{some if never else ''}"
        )
