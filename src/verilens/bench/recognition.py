"""How well movement is recognised: figures with intervals, and a picture of what is mistaken.

Predictions first, figures afterwards: a row needs the probabilities of the test clips and nothing
of the method that gave them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from verilens.bench.metrics.intervals import Interval
from verilens.bench.metrics.recognition import confusion, interval, mean_class_accuracy, top
from verilens.errors import ConfigError, MissingExtra
from verilens.poses.packs import Labelled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
FEWEST = 5  # groups to draw intervals from; of fewer, clips are drawn
DPI = 120


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row of a table. by: what intervals draw, "subjects" or "clips"."""

    name: str
    clips: int
    top1: Interval
    top5: Interval
    mean_class: Interval
    by: str


def judged(name: str, probabilities: Floats, test: Sequence[Labelled], draws: int = 1000) -> Judged:
    """Return the figures of one method on test clips; probabilities: (N, C)."""
    labels = np.array([clip.label for clip in test])
    if probabilities.shape[0] != len(labels) or probabilities.shape[1] <= labels.max():
        raise ConfigError(
            f"{name}: probabilities of shape {probabilities.shape} for {len(labels)} clips of "
            f"{labels.max() + 1} classes: it was trained on other classes"
        )
    subjects = np.array([clip.subject for clip in test])
    by_subject = len(np.unique(subjects)) >= FEWEST and subjects.all()
    groups = subjects if by_subject else None

    def top5(found: Floats, right: NDArray[np.int64]) -> float:
        return top(found, right, 5)

    figures = [
        interval(figure, probabilities, labels, groups, draws)
        for figure in (top, top5, mean_class_accuracy)
    ]
    return Judged(
        name=name,
        clips=len(labels),
        top1=figures[0],
        top5=figures[1],
        mean_class=figures[2],
        by="subjects" if by_subject else "clips",
    )


def markdown(rows: Iterable[Judged]) -> str:
    """Return rows as a table in Markdown, intervals in brackets."""
    lines = [
        "| method | clips | Top-1 | Top-5 | mean class accuracy | intervals over |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        cells = (shown(row.top1), shown(row.top5), shown(row.mean_class))
        lines.append(f"| {row.name} | {row.clips} | {' | '.join(cells)} | {row.by} |")
    return "\n".join(lines) + "\n"


def shown(found: Interval) -> str:
    """Return a figure with its interval, to three places."""
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def draw_curves(path: Path, losses: Mapping[str, Floats]) -> None:
    """Write a picture of the loss of each epoch, one line a network."""
    figure = _figure(6.0, 3.2)
    axes = figure.subplots()
    for name, values in losses.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=DPI)


def draw_confusion(
    path: Path, probabilities: Floats, test: Sequence[Labelled], actions: Sequence[str]
) -> None:
    """Write a picture of which class (row) was taken for which (column), as shares of the row."""
    counts = confusion(probabilities, np.array([clip.label for clip in test]))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 2.2 + 0.42 * len(actions)
    figure = _figure(side + 1, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(actions))
    axes.set_xticks(ticks, actions, rotation=60, ha="right", fontsize=8)
    axes.set_yticks(ticks, actions, fontsize=8)
    axes.set_xlabel("recognised as")
    axes.set_ylabel("is")
    for row, column in zip(*np.nonzero(counts), strict=True):
        ink = "white" if shares[row, column] > 0.5 else "black"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=7)
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the row")
    figure.savefig(path, dpi=DPI)


def _figure(width: float, height: float) -> "Figure":
    """Return an empty picture, sides in inches; MissingExtra without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        message = "pictures of results need matplotlib: pip install 'verilens[bench]'"
        raise MissingExtra(message) from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
