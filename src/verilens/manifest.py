"""Samples on disk: one Parquet file that every command reads, whatever the data set was.

The file's metadata holds the data set's name, its root and the version that wrote it. `digest`
tells whether two machines read the same data set, under whatever roots.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from verilens import tables
from verilens.errors import DatasetError
from verilens.records import Sample

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = tuple(field.name for field in fields(Sample))


def schema() -> "pa.Schema":
    """Return the columns: the fields of `Sample`."""
    pa = tables.arrow()
    text = pa.string()
    types = {
        "label": pa.int8(),
        "frames": pa.list_(text),
        "segments": pa.list_(pa.list_(pa.float64(), 2)),
        "attributes": pa.map_(text, text),
    }
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS])


def write(path: Path, samples: Iterable[Sample], dataset: str, root: Path) -> int:
    """Write a manifest and return its number of rows; an id that comes twice is an error."""
    from verilens import __version__

    facts = {"dataset": dataset, "root": str(root), "version": __version__}
    return tables.write(path, map(_row, _unique(samples)), schema(), facts)


def read(path: Path) -> Iterator[Sample]:
    """Yield the samples of a manifest; DatasetError when a column is missing."""
    missing = set(COLUMNS) - set(tables.opened(path).schema_arrow.names)
    if missing:
        raise DatasetError(f"{path}: no manifest, it lacks {sorted(missing)}; see 'verilens data'")
    for row in tables.read(path):
        row["frames"] = tuple(row["frames"])
        row["segments"] = tuple((start, end) for start, end in row["segments"])
        row["attributes"] = dict(row["attributes"])
        yield Sample(**{name: row[name] for name in COLUMNS})


def relocate(sample: Sample, prefixes: Mapping[str, str]) -> Sample:
    """Return the sample with the beginning of its paths replaced, as {"old": "new"} says.

    Whole folder names are compared, / and \\ alike; of several that fit, the longest is taken.
    """
    uri, mask = _moved(sample.uri, prefixes), _moved(sample.mask, prefixes)
    if (uri, mask) == (sample.uri, sample.mask):
        return sample
    return replace(sample, uri=uri, mask=mask)


def _moved(path: str, prefixes: Mapping[str, str]) -> str:
    plain = path.replace("\\", "/")
    for old in sorted(prefixes, key=len, reverse=True):
        before = old.replace("\\", "/").rstrip("/")
        if plain == before or plain.startswith(f"{before}/"):
            return prefixes[old].rstrip("/") + plain[len(before) :]
    return path


def digest(samples: Iterable[Sample]) -> str:
    """Return a sha256 of what the samples are, wherever they lie: ids, labels, splits, groups."""
    total = hashlib.sha256()
    for s in samples:
        facts = (s.id, s.kind, s.label, s.generator, s.source, s.identity, s.split, s.frames)
        total.update(repr((*facts, s.segments, s.text)).encode())
    return total.hexdigest()


def _row(sample: Sample) -> tables.Row:
    row = {name: getattr(sample, name) for name in COLUMNS}
    row["attributes"] = list(sample.attributes.items())
    return row


def _unique(samples: Iterable[Sample]) -> Iterator[Sample]:
    seen: set[int] = set()  # hashes, not ids: 100 bytes a row instead of several hundred
    for sample in samples:
        key = hash(sample.id)
        if key in seen:
            raise DatasetError(f"sample id '{sample.id}' comes twice; ids must be unique")
        seen.add(key)
        yield sample
