"""How well proposed time spans fit the forged spans of videos (temporal forgery localisation).

Average precision as in activity detection: over all videos, proposals by falling score; each takes
the yet untaken true span of its video that it overlaps most, and is right when their overlap
(tIoU) reaches the threshold. Precision is made non-increasing before it is averaged over recall.
Average recall at k asks only whether one of a video's best k proposals reaches a true span.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics.arrays import Floats, Ints, Undefined

OVERLAPS = tuple(step / 20 for step in range(10, 20))  # 0.5, 0.55, ... 0.95


class Spans(NamedTuple):
    """Spans of many videos. video: which one, (N,). bounds: (start, end), (N, 2), one time unit.

    score: (N,), of proposals; leave it empty for true spans.
    """

    video: Ints
    bounds: Floats
    score: Floats

    @classmethod
    def of(
        cls, rows: Sequence[tuple[int, float, float, float] | tuple[int, float, float]]
    ) -> "Spans":
        """Return spans from rows (video, start, end) or (video, start, end, score)."""
        table = np.array([(*row, np.nan)[:4] for row in rows], float).reshape(-1, 4)
        if (table[:, 2] < table[:, 1]).any():
            raise ValueError("a span ends before it starts")
        return cls(table[:, 0].astype(np.intp), table[:, 1:3], table[:, 3])


def tiou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the overlap of every span in `first` (P, 2) with every one in `second` (T, 2)."""
    a, b = np.asarray(first, float)[:, None], np.asarray(second, float)[None]
    shared = np.minimum(a[..., 1], b[..., 1]) - np.maximum(a[..., 0], b[..., 0])
    shared = np.maximum(shared, 0.0)
    union = a[..., 1] - a[..., 0] + b[..., 1] - b[..., 0] - shared
    overlap: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap


def temporal_ap(proposals: Spans, truth: Spans, overlap: float) -> float:
    """Return average precision at one tIoU threshold; Undefined without a true span."""
    total = len(truth.video)
    if not total:
        raise Undefined("no forged spans in the truth")
    if not np.isfinite(proposals.score).all():
        raise ValueError("every proposal needs a finite score")
    right = _matched(proposals, truth, overlap)
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((falling * right).sum() / total)


def mean_temporal_ap(proposals: Spans, truth: Spans, overlaps: Sequence[float] = OVERLAPS) -> float:
    """Return average precision, averaged over tIoU thresholds (0.5 to 0.95 in steps of 0.05)."""
    return float(np.mean([temporal_ap(proposals, truth, overlap) for overlap in overlaps]))


def average_recall(
    proposals: Spans, truth: Spans, k: int, overlaps: Sequence[float] = OVERLAPS
) -> float:
    """Return the share of true spans reached by a video's `k` best proposals, over thresholds."""
    total = len(truth.video)
    if not total:
        raise Undefined("no forged spans in the truth")
    reached = np.zeros(total)
    for video in np.unique(truth.video):
        true = np.flatnonzero(truth.video == video)
        own = np.flatnonzero(proposals.video == video)
        best = own[np.argsort(-proposals.score[own], kind="stable")][:k]
        if len(best):
            reached[true] = tiou(proposals.bounds[best], truth.bounds[true]).max(0)
    return float(np.mean([(reached >= overlap).mean() for overlap in overlaps]))


def _matched(proposals: Spans, truth: Spans, overlap: float) -> Floats:
    """Return 1 for right and 0 for wrong proposals, by falling score."""
    order = np.argsort(-proposals.score, kind="stable")
    right, taken = np.zeros(len(order)), np.zeros(len(truth.video), bool)
    members = {video: np.flatnonzero(truth.video == video) for video in np.unique(truth.video)}
    for rank, place in enumerate(order):
        own = members.get(proposals.video[place])
        if own is None:
            continue
        free = own[~taken[own]]
        if not len(free):
            continue
        overlaps = tiou(proposals.bounds[place][None], truth.bounds[free])[0]
        best = int(overlaps.argmax())
        if overlaps[best] >= overlap:
            right[rank], taken[free[best]] = 1.0, True
    return right
