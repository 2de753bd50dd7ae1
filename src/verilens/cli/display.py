"""What a person sees of a scan: progress on standard error, a line a file, a summary."""

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from verilens.cli.writer import Outputs
from verilens.media.sources import expand
from verilens.records import Report


class Display:
    """Shows reports as they come; counts decisions and errors."""

    def __init__(self, paths: list[str], outputs: Outputs, is_one: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.outputs = outputs
        self._begun = time.monotonic()
        self._errors = Console(stderr=True)
        self._is_one = is_one
        # On a terminal the lines go through the console that also draws the progress.
        self._lines = (
            self._errors if sys.stdout.isatty() else Console(highlight=False, width=10_000)
        )
        self._shows = not outputs.quiet and outputs.json != "-"
        self._progress = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._errors,
            disable=outputs.quiet or is_one or not self._errors.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("scan", total=None, rate="")
        if not self._progress.disable:
            threading.Thread(target=self._count, args=(paths,), daemon=True).start()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    @property
    def done(self) -> int:
        """Return how many files were shown."""
        return self.counts.total()

    def add(self, report: Report) -> None:
        """Show one report."""
        self.counts[report.verdict.decision if report.verdict else "error"] += 1
        rate = self.done / (time.monotonic() - self._begun)
        self._progress.update(self._task, advance=1, rate=f"{rate:.1f} files/s")
        if self._shows:
            self._lines.print(_line(report), soft_wrap=True)

    def say(self, message: str) -> None:
        """Show a message on standard error, also when quiet."""
        self._progress.stop()
        self._errors.print(escape(message), soft_wrap=True)

    def finish(self, store: Path | None) -> None:
        """Show the summary."""
        if self.outputs.quiet or self._is_one:
            return
        seconds = time.monotonic() - self._begun
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        kept = f"; results kept in {store}" if store else ""
        self.say(f"{self.done} files in {seconds:.0f} s: {counts or 'nothing to scan'}{kept}")

    def _count(self, paths: list[str]) -> None:
        """Work out how many files there are, for the time left; nothing is fetched for it."""
        total = 0
        for path in paths:
            if path == "-" or "://" in path:
                total += 1
            elif path.startswith("@"):
                return  # a list may hold addresses
            else:
                total += sum(1 for _ in expand([path]))
        self._progress.update(self._task, total=total)


def _line(report: Report) -> str:
    if report.error is not None:
        return f"error       {escape(report.path)}: {escape(report.error.message)}"
    assert report.verdict is not None
    verdict = report.verdict
    return f"{verdict.decision:10}  {verdict.probability:4.0%}  {escape(report.path)}"
