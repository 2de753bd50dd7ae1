"""Metrics of tallies: how many fakes and genuine samples have each score, the highest first.

Scores are sorted once; a bootstrap draw is then only another set of counts, so every function here
works on (..., K) counts and returns (...,) values, a thousand draws at a time. What a draw leaves
undefined is NaN. The fronts that take scores and labels are in `ranking`, `decisions` and
`calibration`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from verilens.bench.metrics.arrays import Floats

TAIL = 1.01  # growth of bins from the top of the genuine scores down: 1 % of a false alarm rate


class Tally(NamedTuple):
    """fakes, genuine: counts, (..., K), leading axes are draws. values: scores, (K,), falling."""

    fakes: Floats
    genuine: Floats
    values: Floats


Tallied = Callable[[Tally], Floats]


def tally(scores: Floats, labels: Floats) -> Tally:
    """Return the counts at each distinct score: nothing is lost but the order of the samples."""
    order = np.argsort(-scores, kind="stable")
    scores, labels = scores[order], labels[order]
    last = np.flatnonzero(np.r_[np.diff(scores) != 0, True]) if len(scores) else order
    hits = np.cumsum(labels)[last]
    fakes = np.diff(hits, prepend=0.0)
    return Tally(fakes, np.diff(last + 1.0, prepend=0.0) - fakes, scores[last])


def thinned(exact: Tally, bins: int, cuts: Floats) -> Tally:
    """Return at most about 2 x `bins` counts whose bins are fine where few genuine scores are.

    cuts: values that stay bin edges (decision thresholds): no bin holds scores on both sides.
    """
    return binned(exact, tops(exact, bins, cuts))


def tops(exact: Tally, bins: int, cuts: Floats) -> Floats:
    """Return the highest value of each bin that `thinned` makes, (K,), falling."""
    if len(exact.values) <= bins:
        return exact.values
    starts = [np.zeros(1, np.intp), np.searchsorted(-exact.values, -cuts, side="left")]
    for counts in (exact.fakes, exact.genuine):
        reached = np.cumsum(counts)
        starts.append(np.searchsorted(reached, _ranks(reached[-1], bins)))
    edges = np.unique(np.concatenate(starts))
    highest: Floats = exact.values[edges[edges < len(exact.values)]]
    return highest


def binned(exact: Tally, tops: Floats) -> Tally:
    """Return counts in bins that begin at `tops`, the first of which is the highest score."""
    if len(tops) == len(exact.values):
        return exact
    place = np.searchsorted(-tops, -exact.values, side="right") - 1
    weight = exact.fakes + exact.genuine
    fakes, genuine, total, sums = (
        np.bincount(place, counts, minlength=len(tops))
        for counts in (exact.fakes, exact.genuine, weight, weight * exact.values)
    )
    values = np.divide(sums, total, out=tops.astype(float), where=total > 0)
    return Tally(fakes.astype(float), genuine.astype(float), values)


def _ranks(total: float, bins: int) -> Floats:
    """Return where bins begin: single samples at the top, growing to equal shares of all."""
    even = np.linspace(0, total, bins // 2)
    steps = np.arange(1, max(2.0, np.log(max(total, 2.0)) / np.log(TAIL)))
    tail = TAIL**steps
    ranks: Floats = np.r_[even, tail[tail < total]]
    return ranks


def rates(t: Tally) -> tuple[Floats, Floats]:
    """Return false and true positive rates as the threshold falls, (..., K + 1), from (0, 0)."""
    return _from_zero(t.genuine), _from_zero(t.fakes)


def auc(t: Tally) -> Floats:
    """Area under the ROC curve, ties counting half."""
    total = t.genuine.sum(-1)
    below = total[..., None] - np.cumsum(t.genuine, -1) + t.genuine / 2
    return _over((t.fakes * below).sum(-1), total * t.fakes.sum(-1))


def average_precision(t: Tally) -> Floats:
    """Precision averaged over recall steps, without interpolation."""
    hits, seen = np.cumsum(t.fakes, -1), np.cumsum(t.fakes + t.genuine, -1)
    return _over((t.fakes * (hits / np.maximum(seen, 1e-300))).sum(-1), hits[..., -1])


def equal_error_rate(t: Tally) -> Floats:
    """The mean of false alarm and miss rate where they differ least."""
    fpr, tpr = rates(t)
    at = np.argmin(np.abs(fpr - (1 - tpr)), -1)[..., None]
    pick = np.take_along_axis
    value: Floats = ((pick(fpr, at, -1) + 1 - pick(tpr, at, -1)) / 2)[..., 0]
    return value


def tpr_at_fpr(t: Tally, fpr: float) -> Floats:
    """The largest true positive rate with at most `fpr` false positives."""
    alarms = np.cumsum(t.genuine, -1)
    allowed = np.floor(fpr * alarms[..., -1:] + 1e-9)
    last = (alarms <= allowed).sum(-1)[..., None]
    hits = np.concatenate([np.zeros_like(alarms[..., :1]), np.cumsum(t.fakes, -1)], -1)
    reached: Floats = np.take_along_axis(hits, last, -1)[..., 0]
    return _over(reached, np.where(alarms[..., -1] > 0, hits[..., -1], 0))


def bpcer_at_apcer(t: Tally, apcer: float) -> Floats:
    """The smallest false positive rate with at most `apcer` of the fakes missed."""
    false_alarms, _ = rates(t)
    missed = t.fakes.sum(-1)[..., None] - np.cumsum(t.fakes, -1)
    missed = np.concatenate([t.fakes.sum(-1)[..., None], missed], -1)
    allowed = np.floor(apcer * missed[..., :1] + 1e-9)
    first = np.argmax(missed <= allowed, -1)[..., None]
    reached: Floats = np.take_along_axis(false_alarms, first, -1)[..., 0]
    return np.where(missed[..., 0] > 0, reached, np.nan)


class Confusion(NamedTuple):
    """Counts at a threshold, (...,): scores above it are called fake."""

    tp: Floats
    fp: Floats
    tn: Floats
    fn: Floats


def confusion(t: Tally, threshold: float) -> Confusion:
    """Return the four counts when scores above `threshold` are called fake."""
    called = (t.values > threshold).astype(float)
    tp, fp = t.fakes @ called, t.genuine @ called
    return Confusion(tp=tp, fp=fp, tn=t.genuine.sum(-1) - fp, fn=t.fakes.sum(-1) - tp)


def accuracy(t: Tally, threshold: float) -> Floats:
    """The share of right answers."""
    c = confusion(t, threshold)
    return _over(c.tp + c.tn, c.tp + c.fp + c.tn + c.fn)


def true_positive_rate(t: Tally, threshold: float) -> Floats:
    """The share of fakes called fake (recall)."""
    c = confusion(t, threshold)
    return _over(c.tp, c.tp + c.fn)


def false_positive_rate(t: Tally, threshold: float) -> Floats:
    """The share of genuine samples called fake."""
    c = confusion(t, threshold)
    return _over(c.fp, c.fp + c.tn)


def balanced_accuracy(t: Tally, threshold: float) -> Floats:
    """The mean of both classes' accuracy."""
    return (true_positive_rate(t, threshold) + 1 - false_positive_rate(t, threshold)) / 2


def precision(t: Tally, threshold: float, alpha: float = 1.0) -> Floats:
    """TP / (TP + alpha FP); alpha makes up for a share of fakes unlike that of the field."""
    c = confusion(t, threshold)
    return _over(c.tp, c.tp + alpha * c.fp)


def f1(t: Tally, threshold: float) -> Floats:
    """The harmonic mean of precision and recall."""
    c = confusion(t, threshold)
    return _over(2 * c.tp, 2 * c.tp + c.fp + c.fn)


def matthews(t: Tally, threshold: float) -> Floats:
    """Matthews' correlation between answer and label."""
    c = confusion(t, threshold)
    square = (c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn)
    return _over(c.tp * c.tn - c.fp * c.fn, np.sqrt(square))


class Answered(NamedTuple):
    """Samples in steps of equal confidence, the surest first, (..., S): all, and the wrong ones."""

    samples: Floats
    wrong: Floats


def answered(t: Tally, threshold: float) -> Answered:
    """Return samples by confidence, the distance of their score from `threshold`."""
    confidence = np.round(np.abs(t.values - threshold), 12)
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf))
    wrong = np.where(t.values > threshold, t.genuine, t.fakes)
    samples = t.fakes + t.genuine
    return Answered(*(np.add.reduceat(c[..., order], starts, axis=-1) for c in (samples, wrong)))


def aurc(t: Tally, threshold: float) -> Floats:
    """The area under the risk-coverage curve: the mean risk over all coverages."""
    steps = answered(t, threshold)
    risk = _over(np.cumsum(steps.wrong, -1), np.cumsum(steps.samples, -1))
    return _over(np.nansum(risk * steps.samples, -1), steps.samples.sum(-1))


def brier(t: Tally) -> Floats:
    """The mean squared gap between stated probability and truth."""
    squared = t.fakes @ (1 - t.values) ** 2 + t.genuine @ t.values**2
    return _over(squared, t.fakes.sum(-1) + t.genuine.sum(-1))


def log_loss(t: Tally, floor: float = 1e-15) -> Floats:
    """The mean surprise in nats; probabilities are kept `floor` away from 0 and 1."""
    stated = np.clip(t.values, floor, 1 - floor)
    surprise = -(t.fakes @ np.log(stated)) - t.genuine @ np.log1p(-stated)
    return _over(surprise, t.fakes.sum(-1) + t.genuine.sum(-1))


def calibration_error(t: Tally, bins: int = 10) -> Floats:
    """The mean gap between stated and observed frequency over equal-width bins."""
    position = np.minimum((t.values * bins).astype(int), bins - 1)
    member = np.eye(bins)[position]
    gaps = (t.fakes * (t.values - 1) + t.genuine * t.values) @ member
    return _over(np.abs(gaps).sum(-1), t.fakes.sum(-1) + t.genuine.sum(-1))


def _from_zero(counts: Floats) -> Floats:
    reached = np.cumsum(counts, -1)
    rate = _over(reached, reached[..., -1:])
    return np.concatenate([np.zeros_like(rate[..., :1]), rate], -1)


def _over(part: Floats, whole: Floats) -> Floats:
    """Return part / whole, NaN where the whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    ratio: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole != 0)
    return ratio
