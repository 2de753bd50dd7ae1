"""verilens motion train: clips of movement in, weights of a recogniser out."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.train.motion import MotionEpoch, MotionJob

EXAMPLES = (
    "Examples:  verilens motion train protogcn --data motion/nw_ucla --recipe nw_ucla_small   |   "
    "verilens motion train stgcnpp --data mine --set plan.epochs=30 --out runs/mine"
)
RUNS = Path("runs")


def train(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="As of 'verilens methods'.", show_default=False)
    ],
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="A packed motion set by its folder's name (nw_ucla, msr_action3d, utkinect, "
            "sfinge3d), or a folder for each class with pose files; several are joined.",
            show_default=False,
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="A recipe of the method, or a .toml file."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one value, e.g. plan.epochs=30, data.protocol=index, data.labelled=0.1, "
            "config.stream=b, init=FILE to start from weights; repeatable.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder; by default runs/METHOD-SET-RECIPE."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out; start it if there is none."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the resolved recipe as TOML.")
    ] = False,
) -> None:
    """Train a recogniser of movement; the test clips of the protocol are never opened.

    The classes, and unless --set names another the skeleton, are those of the data.
    """
    from verilens import config
    from verilens.poses.sets import joined, open_set
    from verilens.train.resolve import resolve

    motion = joined([open_set(folder) for folder in data])
    resolved = resolve(method, recipe, changes or [])
    from verilens.train.motion import MotionJob, resolved_for

    is_own = any(change.startswith("config.stretch.skeleton") for change in changes or [])
    resolved = resolved_for(resolved, motion, is_own)
    if dry_run:
        typer.echo(config.dumps(dataclasses.asdict(resolved)))
        return
    name = "-".join([method, motion.name, *([Path(recipe).stem] if recipe else [])])
    _follow(MotionJob(recipe=resolved, motion=motion, out=out or RUNS / name, resume=resume))


def _follow(job: "MotionJob") -> None:
    """Run the job and show each epoch as a line on standard error."""
    from verilens.train.motion import MotionEpoch, run

    ran = False
    for item in run(job):
        if isinstance(item, MotionEpoch):
            ran = True
            typer.echo(_line(item, job.recipe.plan.epochs), err=True)
    if not ran:
        typer.echo(f"nothing left to train in {job.out}", err=True)
    path = job.out / "best.safetensors"
    typer.echo(f"weights: {path}; try 'verilens motion evaluate {path} --data ...'", err=True)


def _line(epoch: "MotionEpoch", epochs: int) -> str:
    told = f"epoch {epoch.number + 1}/{epochs}: loss {epoch.loss:.4f}"
    if epoch.scores:
        told += f"; validation Top-1 {epoch.scores.accuracy:.4f}, loss {epoch.scores.loss:.4f}"
        told += " (best so far)" if epoch.is_best else ""
    return f"{told}; {epoch.seconds:.1f} s" + (" - done" if epoch.stops else "")
