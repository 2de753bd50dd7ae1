"""How well scores order fakes above genuine samples, whatever the threshold.

`scores` rise with fakeness, (N,) float; `labels` are 1 for fake and 0 for genuine, (N,). Equal
scores are one threshold, so no order among ties is rewarded.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, both_classes, checked


class Roc(NamedTuple):
    """False and true positive rates as the threshold falls; the first point is (0, 0)."""

    fpr: Floats
    tpr: Floats
    thresholds: Floats


class CrossAuc(NamedTuple):
    """value[a, b]: AUC of the genuine samples of names[a] against the fakes of names[b].

    NaN where one of them has none.
    """

    names: tuple[str, ...]
    value: Floats


def roc(scores: ArrayLike, labels: ArrayLike) -> Roc:
    """Return the ROC curve, one point per distinct score."""
    counts = _tally(scores, labels)
    return Roc(*tallied.rates(counts), thresholds=np.r_[np.inf, counts.values])


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the chance that a fake scores above a genuine one, ties counting half."""
    return float(tallied.auc(_tally(scores, labels)))


def average_precision(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return precision averaged over recall steps, without interpolation."""
    return float(tallied.average_precision(_tally(scores, labels)))


def equal_error_rate(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the rate at which false alarms equal misses."""
    return float(tallied.equal_error_rate(_tally(scores, labels)))


def tpr_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float) -> float:
    """Return the largest true positive rate with at most `fpr` false positives."""
    return float(tallied.tpr_at_fpr(_tally(scores, labels), fpr))


def cross_auc(scores: ArrayLike, labels: ArrayLike, domains: Sequence[str]) -> CrossAuc:
    """Return the AUC of every domain's genuine samples against every domain's fakes.

    Off the diagonal a detector that reads the domain instead of the forgery is found out.
    """
    scores, labels = checked(scores, labels)
    where = np.asarray(domains, str)
    names = np.unique(where)
    value = np.full((len(names), len(names)), np.nan)
    for row, left in enumerate(names):
        for column, right in enumerate(names):
            genuine = scores[(where == left) & (labels == 0)]
            fakes = scores[(where == right) & (labels == 1)]
            if len(genuine) and len(fakes):
                truth = np.r_[np.zeros(len(genuine)), np.ones(len(fakes))]
                value[row, column] = auc(np.r_[genuine, fakes], truth)
    return CrossAuc(tuple(names.tolist()), value)


def _tally(scores: ArrayLike, labels: ArrayLike) -> tallied.Tally:
    return tallied.tally(*both_classes(scores, labels))
