"""Parquet files written and read in batches, so a million rows need no more memory than a thousand.

Imports pyarrow only when a table is opened; without it MissingExtra says what to install.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verilens.errors import DatasetError, MissingExtra

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 20_000  # a row group
FACTS = b"verilens"  # key of the file's metadata under which what is said of the table stands

Row = dict[str, Any]


def arrow() -> Any:
    """Return pyarrow, its Parquet module loaded."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("tables need pyarrow: pip install 'verilens[bench]'") from error
    return pa


@contextmanager
def writer(
    path: Path, schema: "pa.Schema", facts: Mapping[str, object]
) -> Iterator[Callable[[Row], None]]:
    """Give a function that adds a row; the file appears, whole, when the block ends well."""
    pa = arrow()
    schema = schema.with_metadata({FACTS: json.dumps(facts, sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    waiting: list[Row] = []
    try:
        with pa.parquet.ParquetWriter(partial, schema, compression="zstd") as file:

            def flush() -> None:
                file.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
                waiting.clear()

            def add(row: Row) -> None:
                waiting.append(row)
                if len(waiting) == ROWS:
                    flush()

            yield add
            flush()
        os.replace(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def write(path: Path, rows: Iterable[Row], schema: "pa.Schema", facts: Mapping[str, object]) -> int:
    """Write the rows and what is said of them; return how many. A killed write leaves no file."""
    count = 0
    with writer(path, schema, facts) as add:
        for count, row in enumerate(rows, 1):  # noqa: B007
            add(row)
    return count


def read(path: Path) -> Iterator[Row]:
    """Yield the rows in order."""
    for batch in opened(path).iter_batches(batch_size=ROWS):
        yield from batch.to_pylist()


def facts(path: Path) -> dict[str, Any]:
    """Return what was said of the table when it was written; empty when it is not ours."""
    metadata = opened(path).schema_arrow.metadata or {}
    found: dict[str, Any] = json.loads(metadata.get(FACTS, b"{}"))
    return found


def opened(path: Path) -> Any:
    """Return the Parquet file; DatasetError when it is none."""
    pa = arrow()
    try:
        return pa.parquet.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path}: not a readable Parquet file ({error})") from error
