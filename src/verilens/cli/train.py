"""verilens train: samples in, weights out, with a folder that says how."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from verilens.train.loop import Step
    from verilens.train.recipe import Recipe
    from verilens.train.run import Epoch, Job

EXAMPLES = (
    "Examples:  verilens train npr --data genimage.parquet --recipe genimage   |   "
    "verilens train npr --data mine.parquet --set plan.epochs=5 --early-stop 2 --out runs/a   |   "
    "accelerate launch -m verilens train npr --data mine.parquet --resume --out runs/a"
)
SETTINGS, RUNNING = "What is trained", "How it runs"
RUNS = Path("runs")

# One parameter an option: this is the command's grammar, so it is longer than a function may be.


def train(
    method: Annotated[
        str,
        typer.Argument(metavar="METHOD", help="As of 'verilens methods'.", show_default=False),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE|DIR",
            help="A manifest ('verilens data manifest' writes one), or the root of a known data "
            "set. Only its train and val splits are used.",
            show_default=False,
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A recipe of the method, or a .toml file such as config.toml of another run.",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change one value, e.g. plan.lr=3e-4; repeatable. --dry-run lists all keys.",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    early_stop: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Stop after N epochs without a better validation; plan.patience.",
            rich_help_panel=SETTINGS,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder; by default runs/METHOD-RECIPE."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out; start it if there is none."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the resolved recipe as TOML and what would train."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One line of JSON an epoch on standard output.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Files decoded at once; two more than cores.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep decoded pixels here, for other runs too; a folder in /dev/shm keeps them in "
            "memory. By default in the run's folder, until the run ends.",
            rich_help_panel=RUNNING,
        ),
    ] = None,
    cache_gib: Annotated[
        float,
        typer.Option(
            metavar="N",
            min=0,
            help="Keep at most so many GiB of pixels, and at most half of what is free; 0 keeps "
            "nothing.",
            rich_help_panel=RUNNING,
        ),
    ] = 8.0,
) -> None:
    """Train a method and export weights that 'verilens scan --methods' takes.

    Exit code 0: trained; 1: the loss or the data cannot be used; 2: wrong settings.
    """
    from verilens.train.resolve import resolve

    overrides = list(changes or [])
    if early_stop is not None:
        overrides.append(f"plan.patience={early_stop}")
    resolved = resolve(method, recipe, overrides)
    name = f"{method}-{Path(recipe).stem}" if recipe else method
    if dry_run:
        _explain(resolved, data)
        return
    from verilens.train.run import Job

    job = Job(
        recipe=resolved,
        data=data,
        out=out or RUNS / name,
        resume=resume,
        workers=workers,
        cache=cache,
        cache_bytes=int(cache_gib * 2**30),
    )
    _follow(job, json)


def _explain(recipe: "Recipe", data: Path) -> None:
    """Print the recipe, and after it, as comments, what it would be trained on."""
    import dataclasses

    from verilens import config
    from verilens.train.select import choose

    chosen = choose(data, recipe.data)
    typer.echo(config.dumps(dataclasses.asdict(recipe)))
    steps = max(1, len(chosen.train) // recipe.plan.batch)
    for line in (
        f"{chosen.dataset}: {len(chosen.train)} samples train in {steps} steps an epoch, "
        f"{len(chosen.val)} validate; the test split is not read",
        *chosen.notes,
    ):
        typer.echo(f"# {line}")


def _follow(job: "Job", json: bool) -> None:
    """Run the job and show it: progress on standard error, epochs as lines."""
    import dataclasses
    import json as plain

    from rich.console import Console

    from verilens import catalog
    from verilens.train.loop import accelerator
    from verilens.train.run import Epoch, run

    is_main = accelerator().is_main_process
    errors = Console(stderr=True, highlight=False, quiet=not is_main)
    last: Epoch | None = None
    for item in _shown(run(job), job, errors):
        if not isinstance(item, Epoch):
            continue
        last = item
        if json and is_main:
            typer.echo(plain.dumps(dataclasses.asdict(item)))
            sys.stdout.flush()
        elif not json:
            errors.print(_line(item, job.recipe.plan.epochs), soft_wrap=True)
    if last is None:
        errors.print(f"nothing left to train in {job.out}")
    if last and last.broken:
        errors.print(f"{last.broken} files could not be read; see {job.out / 'broken.json'}")
    what = "--task post POST.json" if catalog.card(job.recipe.method).reads == "post" else "PHOTO"
    errors.print(
        f"weights: {job.out / 'best.safetensors'}; try 'verilens scan {what} --methods "
        f"{job.recipe.method}={job.out / 'best.safetensors'}'",
        soft_wrap=True,
    )


def _shown(
    items: "Iterator[Step | Epoch]", job: "Job", console: "Console"
) -> "Iterator[Step | Epoch]":
    """Pass the items on, with a line of progress for what lies between epochs."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from verilens.train.loop import Step

    columns = (TextColumn("epoch {task.fields[epoch]}"), MofNCompleteColumn(), BarColumn())
    tail = (TextColumn("{task.fields[told]}"), TimeRemainingColumn(), TextColumn("left"))
    with Progress(
        *columns, *tail, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("train", total=None, epoch="1", told="")
        smoothed = seconds = 0.0
        for item in items:
            if isinstance(item, Step):
                smoothed = item.loss if not smoothed else 0.95 * smoothed + 0.05 * item.loss
                seconds = item.seconds if not seconds else 0.9 * seconds + 0.1 * item.seconds
                rate = job.recipe.plan.batch / seconds if seconds else 0.0
                told = f"loss {smoothed:.4f}  lr {item.lr:.2g}  {rate:.0f} samples/s"
                progress.update(
                    task,
                    completed=item.n,
                    total=item.total,
                    told=told,
                    epoch=f"{item.epoch + 1}/{job.recipe.plan.epochs}",
                )
            yield item


def _line(epoch: "Epoch", epochs: int) -> str:
    told = f"epoch {epoch.number + 1}/{epochs}: loss {epoch.loss:.4f}"
    if epoch.scores:
        scores = epoch.scores
        told += f"; validation AUC {scores.auc:.4f}, accuracy {scores.accuracy:.4f}"
        told += f", loss {scores.loss:.4f}"
    told += f"; {epoch.seconds:.1f} s"
    if epoch.is_best and epoch.scores:
        told += " (best so far)"
    return told + (" - done" if epoch.stops else "")
