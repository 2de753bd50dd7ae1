"""Plots of a table as SVG to put inside a page: ROC, DET, reliability, groups, robustness.

Colours are the page's own variables and text is text, so a plot follows the page's theme and can
be read aloud. No style attribute is left in it: the pages' Content-Security-Policy allows none.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np

from verilens.bench.measures import MEASURES
from verilens.bench.result import Row, Table, title
from verilens.errors import MissingExtra

INK, PALE = "#010203", "#040506"  # stand for the page's colours until the SVG is written
LINES = tuple(f"#0a0b{n:02x}" for n in range(8))
DASHES = ("-", "--", ":", "-.")
DET_RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
MOST_BARS, MOST_PANELS = 60, 12
PROBIT = NormalDist().inv_cdf
STYLE = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": PALE,
    "grid.alpha": 0.25,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
}


Severities = Mapping[str, Sequence[tuple[float, float]]]


class Plot(NamedTuple):
    """A drawing and what it shows, in words."""

    title: str
    svg: str
    caption: str


def plots(table: Table) -> list[Plot]:
    """Return the plots this table has data for."""
    found = [roc(table), det(table), reliability(table)]
    found += [groups(table, by) for by in dict.fromkeys(r.by for r in table.of("group"))]
    return [plot for plot in (*found, robustness(table)) if plot]


def roc(table: Table) -> Plot | None:
    """Return true over false positive rate."""
    shown = {m: np.array(c.roc) for m, c in table.curves.items() if c.roc}
    if not shown:
        return None

    def draw(axes: Any) -> None:
        for n, (method, points) in enumerate(shown.items()):
            axes.plot(*points.T, label=method, **_line(n))
        axes.plot([0, 1], [0, 1], color=PALE, lw=1, ls=":")
        axes.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
        axes.legend(loc="lower right")

    caption = "The higher and further left the better; the diagonal is a coin."
    return Plot("ROC", drawing("roc", draw, (4.6, 4.4)), caption)


def det(table: Table) -> Plot | None:
    """Return the miss rate over the false positive rate on normal-deviate axes."""
    shown = {m: np.array(c.roc) for m, c in table.curves.items() if c.roc}
    if not shown:
        return None
    ends = DET_RATES[0], DET_RATES[-1]

    def draw(axes: Any) -> None:
        for n, (method, points) in enumerate(shown.items()):
            fpr, miss = points[:, 0], 1 - points[:, 1]
            inside = (fpr > 0) & (fpr < 1) & (miss > 0) & (miss < 1)
            probits = [[PROBIT(float(v)) for v in part[inside]] for part in (fpr, miss)]
            axes.plot(*probits, label=method, **_line(n))
        places, names = [PROBIT(r) for r in DET_RATES], [f"{100 * r:g} %" for r in DET_RATES]
        axes.set(xlabel="false positive rate", ylabel="miss rate", aspect="equal")
        axes.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
        limits = (PROBIT(ends[0]), PROBIT(ends[1]))
        axes.set(xlim=limits, ylim=limits)
        axes.legend(loc="upper right")

    caption = "The same, spread out where errors are rare; the lower left is better."
    return Plot("DET", drawing("det", draw, (4.6, 4.4)), caption)


def reliability(table: Table) -> Plot | None:
    """Return observed frequency over stated probability."""
    shown = {m: np.array(c.reliability) for m, c in table.curves.items() if c.reliability}
    if not shown:
        return None

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=PALE, lw=1, ls=":")
        for n, (method, bins) in enumerate(shown.items()):
            axes.plot(bins[:, 0], bins[:, 1], label=method, marker="o", ms=4, **_line(n))
        axes.set(xlabel="stated probability", ylabel="observed share of fakes", aspect="equal")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.legend(loc="upper left")

    caption = "On the diagonal, what is stated is what happens. Bins are a tenth wide."
    return Plot("Reliability", drawing("reliability", draw, (4.6, 4.4)), caption)


def groups(table: Table, by: str) -> Plot | None:
    """Return the first measure of each group with its interval, worst at the bottom."""
    measure = table.measures[0]
    rows = [r for r in table.of("group") if r.by == by and r.cells[measure].value is not None]
    names = _ranked(rows, measure)[-MOST_BARS:]
    if not names:
        return None
    methods = list(dict.fromkeys(row.method for row in rows))

    def draw(axes: Any) -> None:
        for n, method in enumerate(methods):
            own = {r.name: r.cells[measure] for r in rows if r.method == method}
            drawn = [(names.index(name), cell) for name, cell in own.items() if name in names]
            at = [place + (n - (len(methods) - 1) / 2) * 0.7 / len(methods) for place, _ in drawn]
            values = np.array([cell.value for _, cell in drawn], float)
            ends = np.array([[c.low, c.high] for _, c in drawn], float)
            reach = np.abs(np.nan_to_num(ends, nan=0.0) - values[:, None]).T
            reach[:, np.isnan(ends).any(1)] = 0
            colour = LINES[n % len(LINES)]
            axes.errorbar(values, at, xerr=reach, fmt="o", ms=4, color=colour, label=method, lw=1.4)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(title(measure))
        if len(methods) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)

    height = 1.2 + len(names) * (0.16 + 0.12 * len(methods))
    svg = drawing(f"groups-{_plain(by)}", draw, (6.4, max(2.2, height)))
    left = len({row.name for row in rows}) - len(names)
    rest = f" The {left} best are left out." if left else ""
    return Plot(f"{title(measure)} by {by}", svg, f"Bars are intervals; the worst is last.{rest}")


def robustness(table: Table) -> Plot | None:
    """Return the first measure over severity, one panel a perturbation."""
    curves = {method: found.robustness for method, found in table.curves.items()}
    if not any(curves.values()):
        return None
    svg = severities(curves, table.measures[0])
    return Plot("Robustness", svg, "Severity 0 is the untouched file.")


def severities(curves: Mapping[str, Severities], measure: str) -> str:
    """Return SVG of a measure over severity, one panel a perturbation and one line a method.

    curves: (severity, value) by perturbation, by method.
    """
    kinds = list(dict.fromkeys(kind for found in curves.values() for kind in found))[:MOST_PANELS]
    across = min(3, len(kinds))
    down = -(-len(kinds) // across)

    def draw(grid: Any) -> None:
        panels = np.atleast_1d(grid).ravel()
        for panel, kind in zip(panels, kinds, strict=False):
            for n, (method, found) in enumerate(curves.items()):
                points = np.array(found.get(kind, ())).reshape(-1, 2)
                panel.plot(*points.T, marker="o", ms=3, label=method, **_line(n))
            panel.set_title(kind, fontsize=10)
            panel.set_xlabel("severity")
        panels[0].set_ylabel(title(measure))
        panels[0].legend(loc="best", fontsize=8)
        for panel in panels[len(kinds) :]:
            panel.set_visible(False)

    size = (3.0 * across + 0.6, 2.6 * down)
    return drawing("robustness", draw, size, nrows=down, ncols=across, sharey=True)


def _ranked(rows: Sequence[Row], measure: str) -> list[str]:
    """Return group names, best first, by their mean over methods."""
    values: dict[str, list[float]] = {}
    for row in rows:
        values.setdefault(row.name, []).append(row.cells[measure].value or 0.0)
    sign = -1 if MEASURES[measure].rises else 1
    return sorted(values, key=lambda name: sign * float(np.mean(values[name])))


def _line(number: int) -> Mapping[str, Any]:
    dashes = DASHES[number // len(LINES) % len(DASHES)]
    return {"color": LINES[number % len(LINES)], "ls": dashes}


def drawing(
    name: str, draw: Callable[[Any], None], size: tuple[float, float], **layout: Any
) -> str:
    """Return what `draw` puts on axes as SVG without style attributes, its ids its own."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("plots need matplotlib: pip install 'verilens[bench]'") from error
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        draw(figure.subplots(**layout))
        for axes in figure.axes:
            axes.patch.set_visible(False)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(stream.getvalue(), name)


def alone(svg: str) -> str:
    """Return a drawing with colours of its own, to look at outside a page."""
    sheet = files("verilens.report") / "templates" / "bench.css"
    colours = sheet.read_text(encoding="utf-8").splitlines()[0]
    rest = "svg { --muted: #5b5953; background: #fff; font-family: sans-serif; }"
    space = "" if "xmlns=" in svg.partition(">")[0] else ' xmlns="http://www.w3.org/2000/svg"'
    head, mark, tail = svg.partition(">")
    return f"{head}{space}{mark}<style>{colours} {rest}</style>{tail}"


def _inline(svg: str, name: str) -> str:
    svg = svg[svg.index("<svg") :]
    for block in ("metadata", "style"):
        svg = re.sub(rf"<{block}.*?</{block}>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'style="([^"]*)"', lambda found: " ".join(_attributes(found[1])), svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    for n, colour in enumerate(LINES):
        svg = svg.replace(colour, f"var(--line-{n})")
    svg = svg.replace(INK, "currentColor").replace(PALE, "var(--muted)")
    return svg.replace("<svg ", '<svg stroke-linejoin="round" aria-hidden="true" ', 1)


def _attributes(style: str) -> Iterator[str]:
    """Yield CSS declarations as attributes; a font keeps its size only, the page has the face."""
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        key, _, value = declaration.partition(":")
        if key == "font":
            size = re.search(r"[\d.]+px", value)
            key, value = "font-size", size[0] if size else "10px"
        if key not in ("font-family", "white-space"):
            yield f'{key}="{value.strip()}"'


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())
