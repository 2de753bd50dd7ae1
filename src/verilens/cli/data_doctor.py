"""verilens data doctor: what is wrong with a data set, before a run and not after it."""

import hashlib
import json as plain
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from verilens.bench.doctor import Findings
    from verilens.records import Sample

EXAMPLES = (
    "Examples:  verilens data doctor Celeb-DF-v2   |   verilens data doctor celeb.parquet --json"
)


def doctor(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT|MANIFEST", help="A data set's folder or its manifest.")
    ],
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Which data set; told from the layout if not."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Files at a time.", show_default="one a core"),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Look at every file again, also at unchanged ones.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON on standard output.")] = False,
) -> None:
    """Look at every file: missing, unreadable, too short, too small, copies, leaks, wrong labels.

    What was seen of a file is kept until it changes, so a run that was stopped goes on.

    Exit code 0: no errors (there may be warnings); 3: something would spoil a result.
    """
    from verilens.bench.doctor import examine
    from verilens.bench.doctor import plain as plain_findings
    from verilens.cli.exits import UNREADABLE
    from verilens.media.fingerprint import Looked

    log = _log(root)
    if fresh:
        log.unlink(missing_ok=True)
    with Looked(log, jobs or os.cpu_count() or 1) as looked:
        found = examine(_watched(_samples(root, as_)), looked.looks)
    if json:
        typer.echo(plain.dumps(plain_findings(found), indent=2))
    else:
        _show(found)
    if found.errors:
        raise typer.Exit(UNREADABLE)


def _samples(root: Path, name: str | None) -> "Iterator[Sample]":
    from verilens import manifest
    from verilens.datasets import dataset, recognise
    from verilens.errors import DatasetError

    if root.is_file():
        return manifest.read(root)
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder or manifest")
    return (dataset(name) if name else recognise(root)).samples(root.resolve())


def _log(root: Path) -> Path:
    from verilens.options import cache_folder

    digest = hashlib.sha256(os.fsencode(os.path.abspath(root))).hexdigest()[:16]
    return cache_folder() / "doctor" / f"{digest}.jsonl"


def _watched(samples: "Iterable[Sample]") -> "Iterator[Sample]":
    """Yield the samples, counting them on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} files"))
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as progress:
        task = progress.add_task("doctor", total=None)
        for sample in samples:
            yield sample
            progress.advance(task)


def _show(found: "Findings") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    counted = ", ".join(
        f"{split or 'no split'} {labels['genuine']:,} genuine and {labels['fake']:,} fake"
        for split, labels in found.by_split.items()
    )
    console.print(f"{found.samples:,} samples: {counted or 'none'}", soft_wrap=True)
    for finding in found.findings:
        style = "red" if finding.level == "error" else "yellow"
        console.print(
            f"[{style}]{finding.level}[/] {finding.kind}: {finding.count:,}. {finding.advice}",
            soft_wrap=True,
        )
        for example in finding.examples:
            console.print(f"    {escape(example)}", soft_wrap=True)
    if not found.findings:
        console.print("nothing wrong was found")
