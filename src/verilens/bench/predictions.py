"""What a detector said of each sample, kept so that no metric ever needs the model again.

One Parquet row a sample, or a frame of it. A sample that could not be scored keeps its row with
`score` null and the reason in `error`: it is counted as missing, never as 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from verilens import tables
from verilens.errors import DatasetError

if TYPE_CHECKING:
    import pyarrow as pa


FOUND = "found."  # attributes that a method of posts gave: a score a kind, and a box


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One score.

    id: the sample's; frame: position in the video, None for a score of the whole sample.
    score: rises with fakeness, any range; None when there is none, then `error` says why.
    dataset, generator, source, identity, split, kind, attributes: as in `records.Sample`, to group
        by. A video is (dataset, generator, id): never the name of its folder alone.
    where: segments (start, end, score) a localizer proposes, in seconds.
    mask: where the predicted pixel mask is, "" for none.
    """

    id: str
    label: int
    score: float | None
    frame: int | None = None
    dataset: str = ""
    generator: str = ""
    source: str = ""
    identity: str = ""
    split: str = ""
    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    where: tuple[tuple[float, float, float], ...] = ()
    mask: str = ""
    error: str = ""


COLUMNS = tuple(f.name for f in fields(Prediction))


def schema() -> "pa.Schema":
    """Return the columns: the fields of `Prediction`."""
    pa = tables.arrow()
    text = pa.string()
    types = {
        "label": pa.int8(),
        "score": pa.float64(),
        "frame": pa.int32(),
        "attributes": pa.map_(text, text),
        "where": pa.list_(pa.list_(pa.float64(), 3)),
    }
    return pa.schema([(name, types.get(name, text)) for name in COLUMNS])


def write(path: Path, predictions: Iterable[Prediction], facts: Mapping[str, object]) -> int:
    """Write predictions and return their number.

    facts: how they came about, e.g. method, config, seed, weights (sha256), manifest (digest),
        protocol, version, command.
    """
    return tables.write(path, map(row, predictions), schema(), facts)


def read(path: Path) -> Iterator[Prediction]:
    """Yield the predictions of a file; DatasetError when a column is missing."""
    missing = set(COLUMNS) - set(tables.opened(path).schema_arrow.names)
    if missing:
        raise DatasetError(f"{path}: no predictions, it lacks {sorted(missing)}")
    for row in tables.read(path):
        row["attributes"] = dict(row["attributes"])
        row["where"] = tuple((start, end, score) for start, end, score in row["where"])
        yield Prediction(**{name: row[name] for name in COLUMNS})


def row(prediction: Prediction) -> tables.Row:
    """Return the columns of one prediction."""
    row = {name: getattr(prediction, name) for name in COLUMNS}
    row["attributes"] = list(prediction.attributes.items())
    return row
