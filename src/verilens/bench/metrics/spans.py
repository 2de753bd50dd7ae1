"""How well proposed time spans fit the forged spans of videos (temporal forgery localisation).

Average precision as in activity detection: over all videos, proposals by falling score; each takes
the yet untaken true span of its video that it overlaps most, and is right when their overlap
(tIoU) reaches the threshold. Precision is made non-increasing before it is averaged over recall.
Average recall at k asks only whether one of a video's best k proposals reaches a true span.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics.arrays import Bools, Floats, Ints, Undefined

CELLS = 4_000_000  # weights held at a time
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
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
    return mean_temporal_ap(proposals, truth, (overlap,))


def mean_temporal_ap(proposals: Spans, truth: Spans, overlaps: Sequence[float] = OVERLAPS) -> float:
    """Return average precision, averaged over tIoU thresholds (0.5 to 0.95 in steps of 0.05)."""
    _some(truth)
    once = np.ones((1, _videos(proposals, truth)))
    return float(ap_of_draws(proposals, truth, overlaps, once)[:, 0].mean())


def average_recall(
    proposals: Spans, truth: Spans, k: int, overlaps: Sequence[float] = OVERLAPS
) -> float:
    """Return the share of true spans reached by a video's `k` best proposals, over thresholds."""
    _some(truth)
    once = np.ones((1, _videos(proposals, truth)))
    return float(recall_of_draws(proposals, truth, k, once, overlaps)[0])


def ap_of_draws(
    proposals: Spans, truth: Spans, overlaps: Sequence[float], weights: Floats
) -> Floats:
    """Return average precision at each threshold when videos count `weights` times, (O, draws).

    weights: (draws, videos). Matching is done once: it looks at one video at a time. NaN where no
    drawn video has a true span.
    """
    if not np.isfinite(proposals.score).all():
        raise ValueError("every proposal needs a finite score")
    order = np.argsort(-proposals.score, kind="stable")
    right = matched(proposals, truth, overlaps)[:, order]
    step = max(1, CELLS // max(1, len(order)))
    parts = [
        _precision(right, weights[n : n + step][:, proposals.video[order]])
        for n in range(0, len(weights), step)
    ]
    total = weights[:, truth.video].sum(1)
    empty = np.full((len(right), len(total)), np.nan)
    value: Floats = np.divide(np.hstack(parts), total, out=empty, where=total > 0)
    return value


def _precision(right: Bools, counts: Floats) -> Floats:
    """Return precision summed over right proposals, by falling score, (O, draws)."""
    seen = np.maximum(np.cumsum(counts, 1), 1e-300)
    rows = []
    for flags in right:
        hits = counts * flags
        precision = np.cumsum(hits, 1) / seen
        falling = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        rows.append((falling * hits).sum(1))
    return np.array(rows)


def recall_of_draws(
    proposals: Spans, truth: Spans, k: int, weights: Floats, overlaps: Sequence[float] = OVERLAPS
) -> Floats:
    """Return average recall at `k` when videos count `weights` times, (draws,)."""
    reached = np.zeros(len(truth.video))
    for own, true in _by_video(proposals, truth):
        if len(own):
            reached[true] = tiou(proposals.bounds[own[:k]], truth.bounds[true]).max(0)
    share = (reached[:, None] >= np.array(overlaps)).mean(1)
    counts = weights[:, truth.video]
    total = counts.sum(1)
    empty = np.full(len(total), np.nan)
    value: Floats = np.divide(counts @ share, total, out=empty, where=total > 0)
    return value


def matched(proposals: Spans, truth: Spans, overlaps: Sequence[float]) -> Bools:
    """Return which proposals are right at each threshold, (O, P)."""
    right = np.zeros((len(overlaps), len(proposals.video)), bool)
    for own, true in _by_video(proposals, truth):
        table = tiou(proposals.bounds[own], truth.bounds[true]).tolist()
        for rank, overlap in enumerate(overlaps):
            free = set(range(len(true)))
            for place, row in zip(own.tolist(), table, strict=True):
                best = max(free, key=row.__getitem__)
                if row[best] >= overlap:
                    right[rank, place] = True
                    free.remove(best)
                    if not free:
                        break
    return right


def _by_video(proposals: Spans, truth: Spans) -> Iterator[tuple[Ints, Ints]]:
    """Yield for each video with true spans its proposals, best first, and its true spans."""
    order = np.lexsort((-proposals.score, proposals.video))
    sides = order, np.argsort(truth.video, kind="stable")
    keys = proposals.video[sides[0]], truth.video[sides[1]]
    for video in np.unique(truth.video):
        first, last = ([np.searchsorted(key, video, side) for key in keys] for side in SIDES)
        yield sides[0][first[0] : last[0]], sides[1][first[1] : last[1]]


def _some(truth: Spans) -> None:
    if not len(truth.video):
        raise Undefined("no forged spans in the truth")


def _videos(proposals: Spans, truth: Spans) -> int:
    return int(max(proposals.video.max(initial=0), truth.video.max(initial=0))) + 1
