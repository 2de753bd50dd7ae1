"""Lines of JSON as flat tables: CSV for a spreadsheet, Parquet for everything else.

Both writers take any iterable of lines (`report.json.line`), hold one at a time, and replace the
file only when all are written. Parquet is written by DuckDB.
"""

import contextlib
import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

Line = Mapping[str, Any]
Cell = str | int | float | bool | None

TYPES: Mapping[str, str] = {
    "path": "VARCHAR",
    "sha256": "VARCHAR",
    "kind": "VARCHAR",
    "format": "VARCHAR",
    "codec": "VARCHAR",
    "size_bytes": "BIGINT",
    "width": "INTEGER",
    "height": "INTEGER",
    "duration_s": "DOUBLE",
    "decision": "VARCHAR",
    "probability": "DOUBLE",
    "interval_low": "DOUBLE",
    "interval_high": "DOUBLE",
    "sentence": "VARCHAR",
    "scores": "VARCHAR",  # JSON object: score by method
    "segments": "VARCHAR",  # JSON list of [start_s, end_s, score, method]
    "provenance_state": "VARCHAR",
    "provenance_claims": "VARCHAR",
    "jpeg_quality": "INTEGER",
    "quality_notes": "VARCHAR",
    "conflicts": "VARCHAR",
    "error_type": "VARCHAR",
    "error_message": "VARCHAR",
    "seconds": "DOUBLE",
    "version": "VARCHAR",
}
"""Columns in order, with DuckDB's types."""

# A spreadsheet runs a cell that starts with one of these; the last four are their full-width twins.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def row(line: Line) -> dict[str, Cell]:
    """Return one line as a flat row; its keys are those of TYPES."""
    low, high = line["interval"] or (None, None)
    provenance, quality = line["provenance"] or {}, line["quality"] or {}
    error, evidence = line["error"] or {}, line["evidence"]
    derived: dict[str, Cell] = {
        "interval_low": low,
        "interval_high": high,
        "scores": json.dumps({e["method"]: e["score"] for e in evidence if e.get("track") is None}),
        "segments": json.dumps(list(dict.fromkeys(_segments(evidence)))),
        "provenance_state": provenance.get("state"),
        "provenance_claims": _joined(c["statement"] for c in provenance.get("claims", ())),
        "jpeg_quality": quality.get("jpeg_quality"),
        "quality_notes": _joined(quality.get("notes", ())),
        "conflicts": _joined(line["conflicts"] or ()),
        "error_type": error.get("type"),
        "error_message": error.get("message"),
    }
    return {name: derived[name] if name in derived else line[name] for name in TYPES}


def _segments(evidence: Sequence[Line]) -> Iterator[tuple[float, float, float, str]]:
    """Yield the flagged segments of the file and of its persons; the first are among the last."""
    for e in evidence:
        for s in e["where"]["segments"]:
            yield s["start_s"], s["end_s"], s["score"], e["method"]


def write_csv(lines: Iterable[Line], path: Path) -> int:
    """Write one row a line to `path` (UTF-8, header first) and return how many there were.

    Text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    with (
        _replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        return write_csv_to(lines, stream)


def write_csv_to(lines: Iterable[Line], stream: TextIO) -> int:
    """Write rows to an open text stream, such as standard output; see `write_csv`."""
    writer = csv.writer(stream)  # RFC 4180: a lone carriage return must be quoted too
    writer.writerow(TYPES)
    return _each(lines, lambda cells: writer.writerow([_safe(cell) for cell in cells.values()]))


def write_parquet(lines: Iterable[Line], path: Path) -> int:
    """Write one row a line to `path` (Parquet, zstd) and return how many there were."""
    import duckdb

    with _replacing(path) as temporary:
        source = temporary.with_suffix(".jsonl")
        with source.open("w", encoding="ascii") as stream:
            count = _each(lines, lambda cells: stream.write(json.dumps(cells) + "\n"))
        columns = ", ".join(f"{name}: '{kind}'" for name, kind in TYPES.items())
        with duckdb.connect(config={"threads": 1, "memory_limit": "512MB"}) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_json({_quoted(source)}, columns={{{columns}}}, "
                f"format='newline_delimited')) TO {_quoted(temporary)} "
                "(FORMAT parquet, COMPRESSION zstd)"
            )
    return count


def _each(lines: Iterable[Line], write: Callable[[dict[str, Cell]], object]) -> int:
    count = 0
    for line in lines:
        write(row(line))
        count += 1
    return count


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path with a plain name whose file becomes `path` when all went well."""
    with tempfile.TemporaryDirectory(prefix="verilens-") as folder:
        temporary = Path(folder) / "table"
        yield temporary
        staged = path.with_name(f".{path.name}.part")
        shutil.copyfile(temporary, staged)
        os.replace(staged, path)


def _safe(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\0", "\\x00")
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(texts)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
