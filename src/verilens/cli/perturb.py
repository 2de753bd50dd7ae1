"""verilens perturb: files in, damaged copies out, for robustness tests and augmentation."""

import json as plain
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.media.perturb.batch import Outcome, Task, Treatment

EXAMPLES = (
    "Examples:  verilens perturb photo.png worse.jpg --kind jpeg --severity 4   |   "
    "verilens perturb Celeb-DF-v2 c40 --kind h264 --severity 5 --keep-names   |   "
    "verilens perturb test/ damaged/ --suite genvideo   |   verilens perturb --list"
)


def perturb(
    source: Annotated[
        Path | None, typer.Argument(metavar="IN", help="A file or a folder.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="The file or folder to write.", show_default=False),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="What to do; may be given again.", show_default=False),
    ] = None,
    severity: Annotated[
        list[int] | None,
        typer.Option(
            metavar="1-5", help="How much; may be given again; 0 copies.", show_default="3"
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="All of a protocol: forgerynet, genvideo or deeperforensics."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Chance depends on it and on the file's name.")] = 0,
    keep_names: Annotated[
        bool,
        typer.Option(
            "--keep-names",
            help="Call copies as the originals, whatever they hold, and copy lists along: a data "
            "set stays readable as what it was.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Files at a time.", show_default="one a core"),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="S", help="Seconds a file.")] = 600.0,
    list_: Annotated[bool, typer.Option("--list", help="Show all kinds and severities.")] = False,
    json: Annotated[bool, typer.Option("--json", help="A line of JSON a file.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no lines.")] = False,
) -> None:
    """Write perturbed copies: compressed, blurred, noisy, shared on social media, filmed off a
    screen.

    A video is decoded, perturbed and encoded again with its time stamps and sound. The same seed
    gives the same files. What exists is skipped, so that a run that was stopped goes on. With more
    than one kind or severity, each gets a folder OUT/KIND-SEVERITY.

    Exit code 0: everything written; 3: some files could not be read, the rest is written.
    """
    if list_:
        _list(json)
        return
    from verilens.cli.exits import UNREADABLE
    from verilens.errors import ConfigError
    from verilens.media.opened import Limits
    from verilens.media.perturb.batch import perturb_many

    if source is None or out is None:
        raise ConfigError("name what to read and where to write: verilens perturb IN OUT --kind X")
    if not source.exists():
        raise ConfigError(f"{source}: no such file or folder")
    chosen = _treatments(kind or [], severity or [3], suite, seed)
    tally: Counter[str] = Counter()
    work = _work(source, out, chosen, keep_names)
    limits = Limits(seconds=timeout)
    for outcome in _watched(perturb_many(work, jobs or os.cpu_count() or 1, limits), quiet):
        tally[outcome.status] += 1
        if json:
            typer.echo(plain.dumps(_plain(outcome)))
        elif outcome.error and not quiet:
            typer.echo(outcome.error.message, err=True)
    if not quiet:
        counted = ", ".join(f"{count:,} {status}" for status, count in sorted(tally.items()))
        typer.echo(f"{out}: {counted or 'no files'}", err=True)
    if tally["failed"]:
        raise typer.Exit(UNREADABLE)


def _treatments(
    kinds: list[str], severities: list[int], suite: str | None, seed: int
) -> "list[Treatment]":
    from verilens.errors import ConfigError
    from verilens.media.perturb import kind, suite_of
    from verilens.media.perturb.apply import check_severity
    from verilens.media.perturb.batch import Treatment

    if bool(kinds) == bool(suite):
        raise ConfigError("name either --kind or --suite; 'verilens perturb --list' shows all")
    for severity in severities:
        check_severity(severity)
    pairs = suite_of(suite) if suite else [(kind(k).name, s) for k in kinds for s in severities]
    return [Treatment(kind=name, severity=severity, seed=seed) for name, severity in pairs]


def _work(source: Path, out: Path, chosen: "list[Treatment]", keep_names: bool) -> "Iterator[Task]":
    from verilens.media.perturb.batch import tasks

    for treatment in chosen:
        folder = out / f"{treatment.kind}-{treatment.severity}" if len(chosen) > 1 else out
        if len(chosen) > 1:
            folder.mkdir(parents=True, exist_ok=True)
        yield from tasks(source, folder, treatment, keep_names)


def _watched(outcomes: "Iterable[Outcome]", quiet: bool) -> "Iterator[Outcome]":
    """Yield the outcomes, showing how many and how fast on a terminal's standard error."""
    import time

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} files {task.fields[rate]}"))
    begun = time.monotonic()
    disabled = quiet or not console.is_terminal
    with Progress(*columns, console=console, disable=disabled, transient=True) as progress:
        task = progress.add_task("perturb", total=None, rate="")
        for number, outcome in enumerate(outcomes, 1):
            yield outcome
            rate = number / (time.monotonic() - begun)
            progress.update(task, completed=number, rate=f"{rate:,.1f} files/s")


def _plain(outcome: "Outcome") -> dict[str, object]:
    task, written, error = outcome.task, outcome.written, outcome.error
    facts: dict[str, object] = {"source": str(task.source), "status": outcome.status}
    facts |= {"path": str(outcome.path) if outcome.path else None}
    facts |= {"kind": task.treatment.kind, "severity": task.treatment.severity}
    facts |= {"seed": task.treatment.seed, "sample": task.sample}
    if written:
        facts |= {"media": written.kind, "format": written.format, "frames": written.frames}
        facts |= {"width": written.width, "height": written.height, "damaged": written.damaged}
    if error:
        facts["error"] = {"type": error.kind, "message": error.message}
    return facts


def _list(json: bool) -> None:
    from verilens.media.perturb import KINDS

    if json:
        names = ("name", "group", "unit", "levels", "applies", "draws", "falls", "suites")
        rows = [{name: getattr(kind, name) for name in names} for kind in KINDS.values()]
        typer.echo(plain.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("kind", "for", "severity 1", "2", "3", "4", "5", "unit", box=None, pad_edge=False)
    for kind in KINDS.values():
        levels = (" / ".join(f"{number:g}" for number in level) or "-" for level in kind.levels)
        table.add_row(kind.name, ", ".join(kind.applies), *levels, kind.unit)
    console = Console(highlight=False)
    console.width = max(console.width, 150) if not console.is_terminal else console.width
    console.print(table)
