"""Who was trained on what and tested on what: one figure a cell, as one-versus-all protocols ask.

Read from a CSV with the columns train, test and a figure, or from the group rows of tables. A cell
nobody measured stays blank: it is no zero, and no mean counts it.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from verilens.bench.metrics.arrays import Bools, Floats
from verilens.bench.plots import Plot, drawing
from verilens.bench.result import Table, title
from verilens.datasets.df40 import REGISTRY
from verilens.errors import DatasetError


@dataclass(frozen=True)
class Matrix:
    """value[r, c]: figure of the method trained on trains[r], tested on tests[c]; NaN is blank."""

    trains: tuple[str, ...]
    tests: tuple[str, ...]
    value: Floats
    measure: str


class Transfer(NamedTuple):
    """Mean figures: tested on what it was trained on, and on anything else; NaN when no cell."""

    same: float
    other: float


def read(path: Path) -> Matrix:
    """Return the matrix of a CSV with the header train,test,FIGURE; an empty figure is blank."""
    cells: dict[tuple[str, str], float] = {}
    rows = _rows(path)
    _, header = next(rows, ("", []))
    if len(header) != 3 or header[:2] != ["train", "test"]:
        raise DatasetError(f"{path}:1: expected the header train,test,FIGURE, got {header}")
    for place, row in rows:
        if len(row) != 3:
            raise DatasetError(f"{place}: {len(row)} fields where the header has 3")
        train, test, text = row
        if (train, test) in cells:
            raise DatasetError(f"{place}: train {train}, test {test} comes twice")
        try:
            cells[train, test] = float(text) if text else float("nan")
        except ValueError:
            raise DatasetError(f"{place}: '{text}' is no number; leave it empty") from None
    return _filled(cells, header[2])


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield where each row of a CSV stands and its stripped cells; empty rows are skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for row in filter(None, reader):
                yield f"{path}:{reader.line_num}", [cell.strip() for cell in row]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: no UTF-8 CSV file ({error})") from error


def of_tables(tables: Mapping[str, Table], by: str = "generator", measure: str = "") -> Matrix:
    """Return the matrix of tables by what their method was trained on; their groups are tests.

    measure: one of the tables' figures, by default the first.
    """
    known = next(iter(tables.values())).measures
    measure = measure or known[0]
    if any(measure not in table.measures for table in tables.values()):
        raise DatasetError(f"not every table holds '{measure}'; they hold {', '.join(known)}")
    cells: dict[tuple[str, str], float] = {}
    for train, table in tables.items():
        rows = [row for row in table.of("group") if row.by == by]
        if len(table.methods) != 1 or not rows:
            raise DatasetError(
                f"the table of '{train}' needs one method and rows by {by}; score one predictions "
                f"file with --by {by}"
            )
        for row in rows:
            cell = row.cells.get(measure)
            value = None if cell is None else cell.value
            cells[train, row.name] = float("nan") if value is None else value
    return _filled(cells, title(measure))


def by_type(found: Matrix, types: Mapping[str, str]) -> Matrix:
    """Return means over the cells of each pair of types, blank cells left out.

    types: name -> type; a name without one is its own type.
    """
    sides = [[types.get(name, name) for name in side] for side in (found.trains, found.tests)]
    names = [tuple(dict.fromkeys(side)) for side in sides]
    value = np.full((len(names[0]), len(names[1])), np.nan)
    for r, train in enumerate(names[0]):
        for c, test in enumerate(names[1]):
            picked = np.ix_([t == train for t in sides[0]], [t == test for t in sides[1]])
            value[r, c] = _mean(found.value[picked])
    return Matrix(names[0], names[1], value, found.measure)


def transfer(found: Matrix, types: Mapping[str, str] | None = None) -> Transfer:
    """Return how a change of test changes the figure: of name, or of type when types are given."""
    known = types or {}
    trains = np.array([known.get(name, name) for name in found.trains])
    tests = np.array([known.get(name, name) for name in found.tests])
    same: Bools = trains[:, None] == tests[None]
    return Transfer(_mean(found.value[same]), _mean(found.value[~same]))


def markdown(found: Matrix) -> str:
    """Return the matrix in Markdown, rows trained on, columns tested on, with means of rows."""
    lines = ["| trained on | " + " | ".join((*found.tests, "mean")) + " |"]
    lines.append("| --- |" + " ---: |" * (len(found.tests) + 1))
    for name, row in zip(found.trains, found.value, strict=True):
        cells = [_text(value) for value in (*row, _mean(row))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def heat(found: Matrix) -> Plot:
    """Return the matrix as a heat map; blank cells stay empty."""
    rows, columns = found.value.shape

    def draw(axes: Any) -> None:
        shades = axes.pcolormesh(np.ma.masked_invalid(found.value), cmap="cividis", linewidth=0)
        low, high = shades.get_clim()
        for (r, c), value in np.ndenumerate(found.value):
            if np.isfinite(value) and rows * columns <= 400:
                is_dark = value < (low + high) / 2
                ink = "#ffffff" if is_dark else "#000000"
                axes.text(c + 0.5, r + 0.5, f"{value:.2f}", ha="center", va="center", color=ink)
        axes.set_xticks(np.arange(columns) + 0.5, found.tests, rotation=60, ha="right")
        axes.set_yticks(np.arange(rows) + 0.5, found.trains)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.set(xlabel="tested on", ylabel="trained on")

    svg = drawing("matrix", draw, (2.2 + 0.5 * columns, 1.8 + 0.4 * rows))
    return Plot(f"{found.measure}, trained on against tested on", svg, "Blank: not measured.")


def types_of(given: str) -> dict[str, str]:
    """Return name -> type: DF40's own for "df40", else of a CSV name,type; {} for nothing."""
    if not given:
        return {}
    if given == "df40":
        return {
            name: method.type
            for method in REGISTRY
            for name in (method.key, method.name, *method.lists)
        }
    path = Path(given)
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; give df40 or a CSV with name,type")
    found = {}
    for place, row in _rows(path):
        if len(row) != 2:
            raise DatasetError(f"{place}: {len(row)} fields, expected 2")
        found[row[0]] = row[1]
    return found


def plain(found: Matrix) -> dict[str, Any]:
    """Return the matrix as JSON-safe values; a blank cell is null."""
    cells = [[None if np.isnan(v) else float(v) for v in row] for row in found.value]
    return {**vars(found), "value": cells}


def _filled(cells: Mapping[tuple[str, str], float], measure: str) -> Matrix:
    trains = tuple(dict.fromkeys(train for train, _ in cells))
    tests = tuple(dict.fromkeys(test for _, test in cells))
    value = np.array([[cells.get((r, c), np.nan) for c in tests] for r in trains], float)
    return Matrix(trains, tests, value.reshape(len(trains), len(tests)), measure)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _text(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""
