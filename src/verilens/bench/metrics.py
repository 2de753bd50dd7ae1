"""Metrics as functions of two arrays.

Convention: `scores` and `probabilities` rise with fakeness, (N,) float; `labels` are 1 for fake and
0 for genuine, (N,). Equal scores are one threshold, so no order among ties is rewarded. A metric
that needs both classes raises ValueError when one is absent; so does a score that is not finite.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]


class Roc(NamedTuple):
    """False and true positive rates as the threshold falls; the first point is (0, 0)."""

    fpr: Floats
    tpr: Floats
    thresholds: Floats


class Interval(NamedTuple):
    """A value and its confidence bounds."""

    value: float
    low: float
    high: float


def roc(scores: ArrayLike, labels: ArrayLike) -> Roc:
    """Return the ROC curve, one point per distinct score."""
    scores, labels = _checked(scores, labels)
    hits, alarms, thresholds = _counts(scores, labels)
    return Roc(
        fpr=np.r_[0.0, alarms / alarms[-1]],
        tpr=np.r_[0.0, hits / hits[-1]],
        thresholds=np.r_[np.inf, thresholds],
    )


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the chance that a fake scores above a genuine one, ties counting half."""
    curve = roc(scores, labels)
    return float((np.diff(curve.fpr) * (curve.tpr[1:] + curve.tpr[:-1]) / 2).sum())


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return precision averaged over recall steps, without interpolation."""
    scores, labels = _checked(scores, labels)
    hits, alarms, _ = _counts(scores, labels)
    precision, recall = hits / (hits + alarms), hits / hits[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def equal_error_rate(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the rate at which false alarms equal misses."""
    curve = roc(scores, labels)
    at = np.argmin(np.abs(curve.fpr - (1 - curve.tpr)))
    return float((curve.fpr[at] + 1 - curve.tpr[at]) / 2)


def accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of right answers when scores above `threshold` are called fake."""
    return float(np.mean((np.asarray(scores) > threshold) == (np.asarray(labels) > 0)))


def balanced_accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the mean of both classes' accuracy at `threshold`."""
    scores, labels = _checked(scores, labels)
    called = scores > threshold
    return float((called[labels == 1].mean() + 1 - called[labels == 0].mean()) / 2)


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float) -> float:
    """Return the largest true positive rate with at most `fpr` false positives."""
    curve = roc(scores, labels)
    return float(curve.tpr[curve.fpr <= fpr].max())


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 10
) -> float:
    """Return the mean gap between stated and observed frequency over equal-width bins.

    probabilities: in [0, 1].
    """
    stated, labels = np.asarray(probabilities, float), np.asarray(labels, float)
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("probabilities must lie in [0, 1]")
    position = np.minimum((stated * bins).astype(int), bins - 1)
    gaps = np.bincount(position, stated - labels, minlength=bins)
    return float(np.abs(gaps).sum() / len(stated))


def bootstrap(
    metric: Metric,
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 1000,
) -> Interval:
    """Return `metric` with its percentile interval under resampling from a fixed seed.

    groups: whose members are drawn together, (N,), e.g. the sources of the files; None resamples
        the samples of each class on their own. Draws that lose a class are drawn again.
    """
    scores, labels = _checked(scores, labels)
    rng = np.random.default_rng(0)
    if groups is None:
        clusters = [np.array([n]) for n in range(len(labels))]
        strata = [np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)]
    else:
        _, member_of = np.unique(np.asarray(groups), return_inverse=True)
        clusters = [np.flatnonzero(member_of == g) for g in range(member_of.max() + 1)]
        strata = [np.arange(len(clusters))]
    values: list[float] = []
    while len(values) < draws:
        drawn = np.concatenate([rng.choice(stratum, len(stratum)) for stratum in strata])
        chosen = np.concatenate([clusters[cluster] for cluster in drawn])
        if np.ptp(labels[chosen]) > 0:
            values.append(metric(scores[chosen], labels[chosen]))
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(metric(scores, labels), float(low), float(high))


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    scores, labels = np.asarray(scores, float), np.asarray(labels, float)
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} must be one length")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    if set(np.unique(labels)) != {0.0, 1.0}:
        raise ValueError("labels must be 0 and 1, both present")
    return scores, labels


def _counts(scores: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hits and false alarms at each distinct score, from the highest down."""
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    last = np.flatnonzero(np.r_[np.diff(scores) != 0, True])  # last of each run of ties
    hits = np.cumsum(labels)[last]
    return hits, last + 1 - hits, scores[last]
