"""A table as Markdown, LaTeX or a page of HTML that needs nothing but itself.

All three say what was judged, how many samples had no score, how the threshold was set and how
intervals were made. A cell without a value is a dash, and the reason stands below the table.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from markupsafe import Markup

from verilens.bench import plots
from verilens.bench.compare import Comparison
from verilens.bench.measures import MEASURES
from verilens.bench.result import Cell, Row, Table, bounds, title, words
from verilens.report.escape import visible
from verilens.report.html import assets, environment

HEADS = ("method", "samples", "fakes", "genuine", "missing")
LATEX = {
    **{mark: rf"\{mark}" for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
}


def name(row: Row) -> str:
    """Return what samples a row is of, in words."""
    if row.kind in ("overall", "baseline"):
        return row.name or "all"
    return row.name if row.kind == "worst" else f"{row.by}: {row.name}"


def markdown(table: Table) -> str:
    """Return the table in Markdown (GitHub's dialect), intervals in brackets."""
    columns = [*HEADS, *(title(m) for m in table.measures)]
    lines = [_piped(columns), _piped(["---", "---", *["---:"] * (len(columns) - 2)])]
    lines += [_piped([_in_pipes(cell) for cell in cells]) for cells in _cells(table, "{} [{}]")]
    lines += ["", *(f"- {_in_pipes(note)}" for note in remarks(table))]
    return "\n".join(lines) + "\n"


def compared(comparison: Comparison) -> str:
    """Return a comparison in Markdown; p-values are corrected for the number of pairs."""
    heads = ["first", "second", "difference", "p (Holm)", "p, DeLong (Holm)"]
    lines = [_piped(heads), _piped(["---", "---", "---:", "---:", "---:"])]
    lines += [_piped([_in_pipes(cell) for cell in cells]) for cells in pairs(comparison)]
    lines += ["", *(f"- {_in_pipes(note)}" for note in said_of(comparison))]
    return "\n".join(lines) + "\n"


def pairs(comparison: Comparison) -> Iterator[list[str]]:
    """Yield the cells of each pair: names, difference with bounds, corrected p-values."""
    for pair in comparison.pairs:
        reach = f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]"
        delong = "-" if pair.corrected_delong is None else f"{pair.corrected_delong:.3g}"
        yield [pair.first, pair.second, reach, f"{pair.corrected:.3g}", delong]


def said_of(comparison: Comparison) -> list[str]:
    """Return what stands below a comparison."""
    what = title(comparison.measure)
    drawn = f"by {comparison.cluster}" if comparison.cluster else "sample by sample"
    said = [
        f"difference in {what}, first minus second, on {comparison.fakes} fakes and "
        f"{comparison.genuine} genuine samples that all methods scored",
        f"intervals and p from a paired bootstrap drawn {drawn}; p corrected after Holm",
    ]
    said += [f"{name}: {n} samples left out" for name, n in comparison.left_out.items() if n]
    return [visible(note) for note in (*said, *comparison.notes)]


def latex(table: Table) -> str:
    """Return the table in LaTeX, for the package booktabs; the best overall value is bold."""
    best = _best(table)
    heads = [_tex(head) for head in (*HEADS, *(title(m) for m in table.measures))]
    lines = [rf"\begin{{tabular}}{{ll{'r' * (len(heads) - 2)}}}", r"\toprule"]
    lines += [" & ".join(heads) + r" \\", r"\midrule"]
    kind = None
    for row in table.rows:
        if kind is not None and (kind == "overall") != (row.kind == "overall"):
            lines.append(r"\midrule")
        kind = row.kind
        cells = [_tex(cell) for cell in counts(row)]
        for measure in table.measures:
            cell = row.cells.get(measure)
            text = _tex(words(cell, measure))
            if row.kind == "overall" and (row.method, measure) in best:
                text = rf"\textbf{{{text}}}"
            reach = bounds(cell, measure)
            cells.append(text + (rf" {{\scriptsize [{_tex(reach)}]}}" if reach else ""))
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*lines, *(f"% {note}" for note in remarks(table))]) + "\n"


def html(table: Table, heading: str = "Detectors compared", made_at: datetime | None = None) -> str:
    """Return a page with the table to sort and filter, and its plots; it loads nothing."""
    drawn = [plot._replace(svg=Markup(plot.svg)) for plot in plots.plots(table)]  # our own drawing
    return (
        environment()
        .get_template("bench.html.j2")
        .render(
            assets=assets("bench"),
            heading=heading,
            table=table,
            heads=HEADS,
            titles=[title(m) for m in table.measures],
            rows=[(row, counts(row), list(_figures(row, table))) for row in table.rows],
            rises={m: MEASURES[m].rises for m in table.measures if m in MEASURES},
            plots=drawn,
            remarks=remarks(table),
            facts=[(method, list(_facts(table, method))) for method in table.methods],
            made_at=made_at or datetime.now(UTC),
        )
    )


def remarks(table: Table) -> list[str]:
    """Return what stands below a table: intervals, notes, and why cells are empty."""
    said = [table.intervals] if table.intervals else []
    empty: dict[str, list[str]] = {}
    for row in table.rows:
        for measure, cell in row.cells.items():
            if cell.value is None and row.kind != "overall":
                place = f"{title(measure)} of {row.method}, {name(row)}"
                empty.setdefault(cell.reason, []).append(place)
    for reason, places in empty.items():
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        said.append(f"undefined: {places[0]}{more}: {reason}")
    return [visible(note) for note in (*said, *table.notes)]


def _cells(table: Table, form: str) -> Iterator[list[str]]:
    for row in table.rows:
        cells = counts(row)
        for measure in table.measures:
            value = words(row.cells.get(measure), measure)
            reach = bounds(row.cells.get(measure), measure)
            cells.append(form.format(value, reach) if reach else value)
        yield cells


def counts(row: Row) -> list[str]:
    """Return the first cells of a row: HEADS."""
    if row.kind in ("macro", "worst", "baseline"):
        return [row.method, name(row), "", "", ""]
    return [row.method, name(row), f"{row.fakes}", f"{row.genuine}", f"{row.missing}"]


def _figures(row: Row, table: Table) -> Iterator[tuple[str, str, Cell]]:
    for measure in table.measures:
        cell = row.cells.get(measure, Cell())
        yield words(cell, measure), bounds(cell, measure), cell


def _best(table: Table) -> set[tuple[str, str]]:
    """Return which (method, measure) of several overall rows is best."""
    rows = list(table.of("overall"))
    found = set()
    for measure in table.measures if len(rows) > 1 else ():
        values = {
            row.method: value for row in rows if (value := row.cells[measure].value) is not None
        }
        if values:
            top = (max if MEASURES[measure].rises else min)(values.values())
            found |= {(method, measure) for method, value in values.items() if value == top}
    return found


def _facts(table: Table, method: str) -> Iterator[tuple[str, str]]:
    for key, value in sorted(table.facts.get(method, {}).items()):
        yield key, value if isinstance(value, str) else repr(value)


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _in_pipes(text: str) -> str:
    return re.sub(r"([|\\`*_<])", r"\\\1", visible(text))


def _tex(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in visible(text))
