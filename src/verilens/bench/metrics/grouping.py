"""From frames to videos, and from groups to one figure.

A video is (data set, generator, id): folder names alone repeat, e.g. FaceForensics++ calls the
same pair of people 000_003 under each of its manipulations.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verilens.bench.metrics.arrays import Floats, Ints, Undefined

Pooling = Literal["mean", "median", "max"]


class Pooled(NamedTuple):
    """One row a video. first: position of its first frame. frames: how many it has.

    score: of the frames that have one, NaN when none has. missing: frames without a score.
    """

    score: Floats
    label: Ints
    first: Ints
    frames: Ints
    missing: Ints


def by_video(
    scores: ArrayLike, labels: ArrayLike, keys: Sequence[ArrayLike], pooling: Pooling = "mean"
) -> Pooled:
    """Return one score a video, in the order in which videos first appear.

    scores: of frames, (N,); NaN is a frame without one. keys: columns that together name a video,
    each (N,). ValueError when the frames of a video disagree on the label.
    """
    scores, labels = np.asarray(scores, float), np.asarray(labels, np.intp)
    first, member = distinct(keys)
    total = len(first)
    frames = np.bincount(member, minlength=total)
    label = labels[first]
    if (label[member] != labels).any():
        raise ValueError("frames of one video have both labels")
    known = ~np.isnan(scores)
    present = np.bincount(member[known], minlength=total)
    return Pooled(
        _pooled(scores[known], member[known], present, pooling),
        label,
        first,
        frames,
        frames - present,
    )


def distinct(keys: Sequence[ArrayLike]) -> tuple[Ints, Ints]:
    """Return where each distinct row of the key columns first stands, and which one each row is."""
    joined, sizes = np.zeros(len(np.asarray(keys[0])), np.int64), 1
    for column in keys:
        code = _coded(np.asarray(column))
        size = int(code.max(initial=0)) + 1
        if sizes * size > np.iinfo(np.int64).max:
            joined = np.unique(joined, return_inverse=True)[1].reshape(-1).astype(np.int64)
            sizes = len(joined)
        joined, sizes = joined * size + code, sizes * size
    _, first, member = np.unique(joined, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[member.reshape(-1)]


def _coded(column: NDArray[Any]) -> Ints:
    """Return small numbers that are equal where the column is."""
    if column.dtype.kind in "iu" and len(column):
        return np.asarray(column - column.min(), np.int64)
    return np.unique(column, return_inverse=True)[1].reshape(-1)


def macro(values: Sequence[float]) -> float:
    """Return the mean over groups, each counting once; those that are undefined (NaN) left out."""
    known = [value for value in values if not np.isnan(value)]
    if not known:
        raise Undefined("the metric is undefined in every group")
    return float(np.mean(known))


def worst(
    values: Mapping[str, float], count: int = 5, rises: bool = True
) -> list[tuple[str, float]]:
    """Return the `count` worst groups, worst first. rises: whether a higher value is better."""
    known = [(name, value) for name, value in values.items() if not np.isnan(value)]
    return sorted(known, key=lambda item: item[1] if rises else -item[1])[:count]


def _pooled(scores: Floats, member: Ints, present: Ints, pooling: Pooling) -> Floats:
    if pooling == "mean":
        total = np.bincount(member, scores, minlength=len(present))
        empty = np.full(len(present), np.nan)
        mean: Floats = np.divide(total, present, out=empty, where=present > 0)
        return mean
    pooled = np.full(len(present), np.nan)
    order = np.lexsort((scores, member))
    scores, ends = scores[order], np.cumsum(present)
    some = present > 0
    if pooling == "max":
        pooled[some] = scores[ends[some] - 1]
        return pooled
    begins, count = (ends - present)[some], present[some]
    pooled[some] = (scores[begins + (count - 1) // 2] + scores[begins + count // 2]) / 2
    return pooled
