"""Regions of a picture by name, and what a heat map or a timeline says of them.

Boxes are (left, top, right, bottom) as shares of width and height, in [0, 1].
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Share = tuple[float, float, float, float]

_ROWS = {"upper": (0.0, 1 / 3), "middle": (1 / 3, 2 / 3), "lower": (2 / 3, 1.0)}
_COLUMNS = {"left": (0.0, 1 / 3), "centre": (1 / 3, 2 / 3), "right": (2 / 3, 1.0)}
REGIONS: dict[str, Share] = {
    f"{row} {column}": (left, top, right, bottom)
    for row, (top, bottom) in _ROWS.items()
    for column, (left, right) in _COLUMNS.items()
} | {"whole picture": (0.0, 0.0, 1.0, 1.0)}
LEAST_SIDE = 0.02  # of a box


class Inside(NamedTuple):
    """Mean scores inside a region and outside it, and the highest outside; NaN without pixels."""

    inside: float
    outside: float
    elsewhere: float


def share(region: str, box: tuple[float, ...] | None) -> Share:
    """Return the box of a claim; the region's where the box is none or turned about."""
    if box is not None:
        left, top, right, bottom = box
        if right - left >= LEAST_SIDE and bottom - top >= LEAST_SIDE:
            return left, top, right, bottom
    return REGIONS[region]


def on_map(heatmap: NDArray[np.float32], place: Share) -> Inside:
    """Return what a heat map says of a place. Cells that the box touches are inside."""
    rows, columns = heatmap.shape
    left, top, right, bottom = place
    mask = np.zeros(heatmap.shape, bool)
    mask[
        int(top * rows) : max(int(np.ceil(bottom * rows)), int(top * rows) + 1),
        int(left * columns) : max(int(np.ceil(right * columns)), int(left * columns) + 1),
    ] = True
    return parted(heatmap, mask)


def on_timeline(timeline: tuple[tuple[float, float], ...], start_s: float, end_s: float) -> Inside:
    """Return what a timeline says of a span; the nearest moment stands for a span between two."""
    times = np.array([time_s for time_s, _ in timeline])
    scores = np.array([score for _, score in timeline], np.float32)
    mask = (times >= start_s) & (times <= end_s)
    if not mask.any():
        mask[np.abs(times - (start_s + end_s) / 2).argmin()] = True
    return parted(scores, mask)


def parted(scores: NDArray[np.float32], mask: NDArray[np.bool_]) -> Inside:
    """Return the scores inside and outside a mask."""
    inside, outside = scores[mask], scores[~mask]
    inside, outside = inside[np.isfinite(inside)], outside[np.isfinite(outside)]
    none = float("nan")
    return Inside(
        float(inside.mean()) if inside.size else none,
        float(outside.mean()) if outside.size else none,
        float(outside.max()) if outside.size else none,
    )


def overlap(place: Share, other: Share) -> float:
    """Return which share of `other` lies inside `place`."""
    width = min(place[2], other[2]) - max(place[0], other[0])
    height = min(place[3], other[3]) - max(place[1], other[1])
    area = (other[2] - other[0]) * (other[3] - other[1])
    return max(width, 0.0) * max(height, 0.0) / area if area > 0 else 0.0
