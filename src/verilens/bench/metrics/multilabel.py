"""Several labels a sample, and boxes: what was done to a post, and where.

Convention: `scores` and `labels` are (N, K); a score above the threshold says that label k holds.
Boxes are corners (left, top, right, bottom), (N, 4); all zeros is no box.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics.arrays import Bools, Floats, Undefined
from verilens.bench.metrics.ranking import average_precision


class Labelled(NamedTuple):
    """Precision, recall and F1 over all labels together, and as the mean of the labels' own."""

    overall_precision: float
    overall_recall: float
    overall_f1: float
    class_precision: float
    class_recall: float
    class_f1: float


def mean_average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean over labels of the average precision; labels that nobody has are left out."""
    scores, truth = _tables(scores, labels)
    usable = [k for k in range(truth.shape[1]) if truth[:, k].any()]
    if not usable:
        raise Undefined("no sample has any of the labels")
    return float(np.mean([average_precision(scores[:, k], truth[:, k]) for k in usable]))


def labelled(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> Labelled:
    """Return OP, OR, OF1, CP, CR and CF1; a label that is never called has precision 0."""
    scores, truth = _tables(scores, labels)
    called = scores > threshold
    if not truth.any():
        raise Undefined("no sample has any of the labels")
    hits, named, there = ((x).sum(0).astype(float) for x in (called & truth, called, truth))
    op, recall = _over(hits.sum(), named.sum()), _over(hits.sum(), there.sum())
    cp, cr = float(np.mean(_ratio(hits, named))), float(np.mean(_ratio(hits, there)))
    return Labelled(op, recall, _harmonic(op, recall), cp, cr, _harmonic(cp, cr))


def mean_box_iou(found: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean overlap of boxes; two that are empty agree, one alone scores 0."""
    a, b = np.asarray(found, float), np.asarray(truth, float)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 4:
        raise ValueError(f"boxes {a.shape} and {b.shape} must both be (N, 4)")
    if not len(a):
        raise Undefined("no boxes")
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.clip(sides, 0, None).prod(1)
    union = _areas(a) + _areas(b) - shared
    empty = ~a.any(1) & ~b.any(1)
    return float(np.where(empty, 1.0, _ratio(shared, union)).mean())


def _areas(boxes: Floats) -> Floats:
    areas: Floats = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    return areas


def _tables(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Bools]:
    scores, truth = np.asarray(scores, float), np.asarray(labels, float)
    if scores.shape != truth.shape or scores.ndim != 2:
        raise ValueError(f"scores {scores.shape} and labels {truth.shape} must both be (N, K)")
    if not np.isfinite(scores).all() or not ((truth == 0) | (truth == 1)).all():
        raise ValueError("scores must be finite and labels 0 or 1")
    if not len(scores):
        raise Undefined("no samples")
    return scores, truth > 0


def _over(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _ratio(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return result


def _harmonic(first: float, second: float) -> float:
    return 2 * first * second / (first + second) if first + second else 0.0
