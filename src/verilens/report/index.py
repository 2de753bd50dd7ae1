"""The index of a folder of pages: a table to sort and filter, made once all files are scanned.

Entries are appended to `entries.jsonl` as files are done, so memory stays flat. Of several entries
of one path the last counts.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from verilens.records import Decision, Kind, Report
from verilens.report import figures, words
from verilens.report.figures import RGB
from verilens.report.html import assets, environment

THUMBNAIL = 112
ENTRIES = "entries.jsonl"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row. page: file name in the folder. thumbnail: a data: address."""

    path: str
    page: str | None
    thumbnail: str | None = None
    kind: Kind | None = None
    decision: Decision | None = None
    probability: float | None = None
    sentence: str = ""
    error: str | None = None

    @property
    def rank(self) -> tuple[int, float]:
        """Return what rows are sorted by at first: most fake on top, errors last."""
        if self.decision is None or self.probability is None:
            return (len(words.ORDER), 0.0)
        return (words.ORDER.index(self.decision), -self.probability)


def entry(report: Report, preview: RGB | None, page: Path | None) -> Entry:
    """Return the row of a report; its thumbnail is made from `preview`."""
    verdict, error = report.verdict, report.error
    return Entry(
        path=report.path,
        page=None if page is None else page.name,
        thumbnail=None if preview is None else _thumbnail(preview),
        kind=report.media.kind if report.media else None,
        decision=verdict.decision if verdict else None,
        probability=verdict.probability if verdict else None,
        sentence=verdict.sentence if verdict else error.message if error else "",
        error=error.type if error else None,
    )


def _thumbnail(rgb: RGB) -> str:
    return figures.jpeg_uri(figures.fit(rgb, THUMBNAIL), 60)


class EntryFile:
    """The entries of one folder, on disk. `append` is thread-safe; iterating gives them ranked."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ENTRIES
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget the entries of an earlier scan into this folder."""
        self.path.unlink(missing_ok=True)

    def append(self, entry: Entry) -> None:
        """Add one entry at the end of the file."""
        text = json.dumps(asdict(entry), allow_nan=False) + "\n"
        with self._lock, self.path.open("a", encoding="ascii") as stream:
            stream.write(text)

    def __iter__(self) -> Iterator[Entry]:
        if not self.path.exists():
            return
        places: dict[str, tuple[tuple[int, float], int]] = {}
        with self.path.open("rb") as stream:
            offset = 0
            for line in stream:
                found = Entry(**json.loads(line))
                places[found.path] = (found.rank, offset)
                offset += len(line)
            for _, offset in sorted(places.values()):
                stream.seek(offset)
                yield Entry(**json.loads(stream.readline()))


def write_index(
    entries: Iterable[Entry], folder: Path, *, title: str = "", made_at: datetime | None = None
) -> Path:
    """Write `index.html` into `folder` and return its path.

    entries: read twice, one at a time, never held together: a list or an EntryFile. title: what
    was scanned.
    """
    counts: Counter[str] = Counter(entry.decision or "error" for entry in entries)
    path = folder / "index.html"
    page = (
        environment()
        .get_template("index.html.j2")
        .stream(
            assets=assets("index"),
            entries=entries,
            counts=[(name, counts[name]) for name in (*words.ORDER, "error") if counts[name]],
            total=counts.total(),
            title=title,
            made_at=made_at or datetime.now(UTC),
        )
    )
    page.enable_buffering(50)
    page.dump(str(path), encoding="utf-8")
    return path
