"""What a person sees of a scan: progress on standard error, a line a file, a summary."""

import sys
import threading
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from verilens.cli.writer import Outputs
from verilens.media.sources import expand
from verilens.records import Report
from verilens.report.escape import visible
from verilens.report.terminal import Tally, detail, line, summary

PIPED_WIDTH = 400  # columns of a line that goes into a file or another program


class Display:
    """Shows reports as they come, and counts them in `tally`."""

    def __init__(self, paths: list[str], outputs: Outputs, is_one: bool) -> None:
        self.tally = Tally()
        self._outputs = outputs
        self._is_one = is_one
        self._begun = time.monotonic()
        self._errors = Console(stderr=True, highlight=False)
        is_watched = sys.stdout.isatty()
        # On a terminal the lines go through the console that also draws the progress.
        self._lines = self._errors if is_watched else Console(highlight=False, width=PIPED_WIDTH)
        self._path_width = 40 if is_watched else None
        self._shows = not outputs.quiet and outputs.json != "-"
        self._progress = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
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

    def add(self, report: Report) -> None:
        """Show one report."""
        self.tally.add(report)
        rate = self.tally.total / (time.monotonic() - self._begun)
        self._progress.update(self._task, advance=1, rate=f"{rate:.1f} files/s")
        if self._shows and self._is_one:
            self._lines.width = min(self._lines.width, 100)
            self._lines.print(detail(report))
        elif self._shows:
            self._lines.print(line(report, self._path_width))

    def say(self, message: str) -> None:
        """Show a message on standard error, also when quiet."""
        self._progress.stop()
        self._errors.print(Text(visible(message)), soft_wrap=True)

    def finish(self, store: Path | None) -> None:
        """Show the summary, and where results lie."""
        self._progress.stop()
        if self._outputs.quiet:
            return
        if not self._is_one:
            self._errors.print(summary(self.tally, time.monotonic() - self._begun))
        if self._outputs.html:
            self.say(f"pages: {self._outputs.html / 'index.html'}")
        if store:
            self.say(f"results are kept in {store}; --fresh forgets them")

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
