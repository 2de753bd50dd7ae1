"""Predictions in memory, column by column, so that a million rows are scored in seconds.

Rows are one score each: a sample, or a frame of one. `Columns.videos` makes one row a sample.
Text is kept as codes into its distinct values. A missing score is NaN and stays counted.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from verilens import tables
from verilens.bench import foreign, metrics, predictions
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.metrics.grouping import Pooling
from verilens.bench.predictions import FOUND, Prediction
from verilens.errors import ConfigError, DatasetError

TEXTS = ("id", "dataset", "generator", "source", "identity", "split", "kind")
KEY = ("dataset", "generator", "id")
FILE = "file."  # attributes of the file, which audits read and tables do not
UNREAD = (FILE, FOUND)


@dataclass(frozen=True)
class Text:
    """A column of text: names[codes[n]] is row n, (N,)."""

    codes: Ints
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[str]) -> "Text":
        """Return the column that holds `values`."""
        names, codes = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)
        return cls(codes.reshape(-1), tuple(names.tolist()))

    def take(self, rows: Ints) -> "Text":
        """Return the column of these rows."""
        return Text(self.codes[rows], self.names)

    def at(self, row: int) -> str:
        """Return the text of one row."""
        return self.names[int(self.codes[row])]

    @property
    def says(self) -> bool:
        """Return whether any row holds more than nothing."""
        return any(self.names[code] for code in np.unique(self.codes))


@dataclass(frozen=True, kw_only=True)
class Columns:
    """One file of predictions, N rows.

    name: what its rows are called in tables. score: (N,), NaN is missing. frame: -1 for none.
    texts: the columns TEXTS. attributes: those that were asked for. facts: of the file.
    """

    name: str
    path: Path
    score: Floats
    label: Ints
    frame: Ints
    texts: Mapping[str, Text]
    attributes: Mapping[str, Text] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.score)

    @property
    def missing(self) -> Any:
        """Return which rows have no score, (N,) bool."""
        return np.isnan(self.score)

    def text(self, name: str) -> Text:
        """Return a column or attribute; ConfigError suggests the nearest name."""
        known = {**self.texts, **self.attributes}
        if name in known:
            return known[name]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(known))}."
        raise ConfigError(f"{self.path}: no column or attribute '{name}'; {hint}")

    def take(self, rows: Ints) -> "Columns":
        """Return these rows."""
        return replace(
            self,
            score=self.score[rows],
            label=self.label[rows],
            frame=self.frame[rows],
            texts={name: column.take(rows) for name, column in self.texts.items()},
            attributes={name: column.take(rows) for name, column in self.attributes.items()},
        )

    def videos(self, pooling: Pooling = "mean") -> "Columns":
        """Return one row a sample; the score pools its frames. Attributes are the first frame's."""
        keys = [self.texts[name].codes for name in KEY]
        try:
            pooled = metrics.by_video(self.score, self.label, keys, pooling)
        except ValueError as error:
            raise DatasetError(f"{self.path}: {error}; labels must agree within a sample") from None
        one = self.take(pooled.first)
        return replace(one, score=pooled.score, frame=np.full(len(one), -1))

    def key(self, row: int) -> str:
        """Return in words which sample a row is."""
        return "/".join(filter(None, (self.texts[name].at(row) for name in KEY)))


def of(
    rows: Iterable[Prediction],
    path: Path,
    name: str = "",
    facts: Mapping[str, object] | None = None,
) -> Columns:
    """Return predictions as columns, with all their attributes but those of the file."""
    rows = list(rows)
    names = sorted({key for row in rows for key in row.attributes if not key.startswith(UNREAD)})
    found = Columns(
        name=name or path.stem,
        path=path,
        score=np.array([np.nan if r.score is None else r.score for r in rows], float),
        label=np.array([r.label for r in rows], np.intp),
        frame=np.array([-1 if r.frame is None else r.frame for r in rows], np.intp),
        texts={name: Text.of([getattr(r, name) for r in rows]) for name in TEXTS},
        attributes={name: Text.of([r.attributes.get(name, "") for r in rows]) for name in names},
        facts=facts or {},
    )
    return checked(found)


def load(path: Path, roles: Mapping[str, str] | None = None, inverted: bool = False) -> Columns:
    """Return the scores of a file of ours or, with `foreign.read`, of someone else's."""
    if path.suffix.lower() == ".parquet" and not roles and not inverted:
        names = set(tables.opened(path).schema_arrow.names)
        if names >= set(predictions.COLUMNS):
            return read(path)
    return of(foreign.read(path, roles, inverted), path)


def read(path: Path) -> Columns:
    """Return a predictions file (Parquet) as columns; DatasetError when it is none."""
    file = tables.opened(path)
    missing = set(predictions.COLUMNS) - set(file.schema_arrow.names)
    if missing:
        raise DatasetError(f"{path}: no predictions, it lacks {sorted(missing)}")
    table = file.read(columns=[*TEXTS, "score", "label", "frame", "attributes"])
    facts = tables.facts(path)
    found = Columns(
        name=str(facts.get("method") or path.stem),
        path=path,
        score=_numbers(table["score"], path),
        label=table["label"].to_numpy().astype(np.intp),
        frame=table["frame"].fill_null(-1).to_numpy().astype(np.intp),
        texts={name: _text(table[name]) for name in TEXTS},
        attributes=_attributes(table["attributes"]),
        facts=facts,
    )
    return checked(found)


def checked(found: Columns) -> Columns:
    """Return the columns; DatasetError when labels are not 0 or 1 or a row comes twice."""
    if not len(found):
        raise DatasetError(f"{found.path}: holds no predictions")
    odd = np.flatnonzero((found.label != 0) & (found.label != 1))
    if len(odd):
        row = int(odd[0])
        raise DatasetError(
            f"{found.path}: row {row + 1} has label {found.label[row]}; 1 is fake, 0 is genuine"
        )
    first, member = metrics.distinct([found.frame, *(found.texts[name].codes for name in KEY)])
    if len(first) < len(found):
        again = int(np.setdiff1d(np.arange(len(found)), first)[0])
        before = int(first[member[again]])
        raise DatasetError(
            f"{found.path}: {len(found) - len(first)} rows come twice, such as "
            f"'{found.key(again)}' (rows {before + 1} and {again + 1}); keep one of each"
        )
    return found


def _numbers(column: Any, path: Path) -> Floats:
    import pyarrow.compute as pc

    values: Floats = column.to_numpy().astype(float)
    odd = np.flatnonzero(~np.isfinite(values) & pc.is_valid(column).to_numpy())
    if len(odd):
        raise DatasetError(
            f"{path}: row {odd[0] + 1} has score {values[odd[0]]}; a sample without a score holds "
            "null, and 'error' says why"
        )
    return values


def _text(column: Any) -> Text:
    encoded = column.fill_null("").combine_chunks().dictionary_encode()
    if hasattr(encoded, "combine_chunks"):  # an empty table stays chunked
        encoded = encoded.combine_chunks()
    return Text(
        encoded.indices.to_numpy().astype(np.intp), tuple(map(str, encoded.dictionary.to_pylist()))
    )


def _attributes(column: Any) -> dict[str, Text]:
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = pc.unique(pa.chunked_array([c.keys for c in column.chunks], pa.string())).to_pylist()
    return {
        key: _text(pc.map_lookup(column, key, "first"))
        for key in sorted(keys)
        if not key.startswith(UNREAD)
    }
