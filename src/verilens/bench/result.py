"""A table of figures, complete in itself: it can be written, read again and drawn without scores.

Cells hold fractions, not percent. A cell without a value says why. Nothing here computes.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from verilens.bench.measures import MEASURES
from verilens.errors import DatasetError

Kind = Literal["overall", "group", "macro", "worst", "baseline"]
FORMAT = "verilens table 1"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A figure with its interval; None where it is undefined, then `reason` says why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method on one group of samples. by: the column that makes the group, name: its value.

    fakes, genuine: scored samples; missing: those without a score, which no figure counts.
    """

    method: str
    kind: Kind
    by: str = ""
    name: str = ""
    fakes: int = 0
    genuine: int = 0
    missing: int = 0
    cells: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Where scores begin to be called fake, and where that comes from."""

    value: float = 0.5
    note: str = "as stated"


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What the plots of one method show, thinned to some hundred points.

    roc: (fpr, tpr); reliability: (stated, observed, samples) a bin, empty when scores are no
    probabilities; robustness: perturbation -> (severity, value of the first measure).
    """

    roc: tuple[tuple[float, float], ...] = ()
    reliability: tuple[tuple[float, float, float], ...] = ()
    robustness: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What `score` found. measures: columns in order. notes: sentences a reader must know.

    facts: of each method's predictions file. intervals: how they were made, in words.
    """

    rows: tuple[Row, ...]
    measures: tuple[str, ...]
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    curves: Mapping[str, Curves] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    intervals: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods in order of appearance."""
        return tuple(dict.fromkeys(row.method for row in self.rows))

    def of(self, kind: Kind, method: str | None = None) -> Iterator[Row]:
        """Yield the rows of a kind, of one method or of all."""
        return (r for r in self.rows if r.kind == kind and method in (None, r.method))


def plain(table: Table) -> dict[str, Any]:
    """Return the table as JSON-safe values."""
    return {"format": FORMAT, **asdict(table)}


def read(path: Path) -> Table:
    """Return a table that `plain` made; DatasetError when the file holds none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a readable table ({error})") from error
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        raise DatasetError(f"{path}: no table; write one with 'verilens bench score ... --json'")
    found["rows"] = tuple(
        Row(**{**row, "cells": {name: Cell(**c) for name, c in row["cells"].items()}})
        for row in found["rows"]
    )
    found["curves"] = {name: _curves(curve) for name, curve in found["curves"].items()}
    found["thresholds"] = {name: Threshold(**t) for name, t in found["thresholds"].items()}
    return Table(**{**found, **{key: tuple(found[key]) for key in ("measures", "notes")}})


def words(cell: Cell | None, measure: str) -> str:
    """Return a figure as tables print it: three decimals, percent for rates, "-" if undefined."""
    if cell is None or cell.value is None or math.isnan(cell.value):
        return "-"
    if measure in RATES:
        return f"{100 * cell.value:.1f} %"
    return f"{cell.value:.3f}"


def bounds(cell: Cell | None, measure: str) -> str:
    """Return the interval as tables print it, "" when there is none."""
    if cell is None or cell.low is None or cell.high is None:
        return ""
    if measure in RATES:
        return f"{100 * cell.low:.1f}–{100 * cell.high:.1f}"
    return f"{cell.low:.3f}–{cell.high:.3f}"


def title(measure: str) -> str:
    """Return what a column is called."""
    return MEASURES[measure].title if measure in MEASURES else measure


NUMBERS = {"auc", "ap", "f1", "mcc", "brier", "ece", "logloss", "aurc", "precision", "wp"}
RATES = frozenset(MEASURES) - NUMBERS


def _curves(found: Mapping[str, Any]) -> Curves:
    return Curves(
        roc=tuple((x, y) for x, y in found["roc"]),
        reliability=tuple((x, y, n) for x, y, n in found["reliability"]),
        robustness={
            name: tuple((x, y) for x, y in points) for name, points in found["robustness"].items()
        },
    )
