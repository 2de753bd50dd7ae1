"""The results of a scan as files: JSON Lines while it runs, tables and index at its end."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from verilens.errors import ConfigError
from verilens.options import Options, choices, of_movement, readers
from verilens.records import Report
from verilens.report import json

if TYPE_CHECKING:
    from verilens.report.pages import Pages


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where results go, each None when it is not asked for. json "-" is standard output."""

    json: str | None = None
    csv: Path | None = None
    parquet: Path | None = None
    html: Path | None = None
    quiet: bool = False


class Writer:
    """Writes each report as it comes. `pages` is for the scan, which knows the pixels."""

    def __init__(
        self, outputs: Outputs, paths: Sequence[str] = (), options: Options | None = None
    ) -> None:
        self.outputs = outputs
        for path in (outputs.csv, outputs.parquet):
            if path is not None and not path.parent.is_dir():  # said before hours of scanning
                raise ConfigError(f"cannot write {path}: there is no folder {path.parent}")
        self.pages = _pages(outputs.html, paths, options or Options())
        self._stack = ExitStack()
        self._streams: list[IO[str]] = []
        self._spool: IO[str] | None = None
        if outputs.json == "-":
            self._streams.append(sys.stdout)
        elif outputs.json:
            self._streams.append(self._open(Path(outputs.json)))
        if outputs.csv or outputs.parquet:
            spool = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115
            self._spool = self._stack.enter_context(spool)
            self._streams.append(self._spool)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        if self.pages:
            self.pages.finish()

    def add(self, report: Report) -> None:
        """Write one report to every stream."""
        if self._streams:
            text = json.dumps(report) + "\n"
            for stream in self._streams:
                stream.write(text)
                if stream is not self._spool:
                    stream.flush()

    def finish(self) -> None:
        """Write the tables."""
        from verilens.report.table import write_csv, write_parquet

        for write, path in ((write_csv, self.outputs.csv), (write_parquet, self.outputs.parquet)):
            if path is not None:
                write(self._lines(), path)

    def _lines(self) -> Iterator[json.Line]:
        assert self._spool is not None
        self._spool.seek(0)
        return (json.line(report) for report in json.loads(self._spool))

    def _open(self, path: Path) -> IO[str]:
        try:
            return self._stack.enter_context(path.open("w", encoding="ascii"))
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def _pages(folder: Path | None, paths: Sequence[str], options: Options) -> "Pages | None":
    if folder is None:
        return None
    from verilens.report.html import context
    from verilens.report.pages import Pages

    chosen = choices(options.methods) + (readers(options.posts) if options.posts else [])
    chosen += choices(tuple(of_movement()), "poses")
    shared = context({choice.card.name: choice.weights for choice in chosen})
    try:
        return Pages(folder, shared, title=", ".join(paths))
    except OSError as error:
        raise ConfigError(f"cannot write pages to {folder}: {error.strerror}") from error
