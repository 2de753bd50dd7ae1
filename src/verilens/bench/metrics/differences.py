"""Whether two detectors differ: DeLong's test of AUCs on the same samples, and Holm's correction.

DeLong, DeLong and Clarke-Pearson 1988; ranks instead of all pairs after Sun and Xu 2014.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics.arrays import Floats, Undefined, both_classes
from verilens.bench.metrics.intervals import Difference, Interval


class DeLong(NamedTuple):
    """The AUC of each of M scores, (M,), and their covariance, (M, M)."""

    auc: Floats
    covariance: Floats


def delong(scores: ArrayLike, labels: ArrayLike) -> DeLong:
    """Return AUCs and their covariance. scores: (M, N) or (N,), of the same samples."""
    rows = np.atleast_2d(np.asarray(scores, float))
    by_fake, by_genuine = [], []
    for row in rows:
        values, truth = both_classes(row, labels)
        is_fake = truth == 1
        fakes, genuine = int(is_fake.sum()), int((~is_fake).sum())
        if min(fakes, genuine) < 2:
            raise Undefined("DeLong's variance needs two fakes and two genuine samples")
        ranks = _midranks(values)
        by_fake.append((ranks[is_fake] - _midranks(values[is_fake])) / genuine)
        by_genuine.append(1 - (ranks[~is_fake] - _midranks(values[~is_fake])) / fakes)
    above, below = np.array(by_fake), np.array(by_genuine)
    covariance = np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1]
    return DeLong(above.mean(1), np.atleast_2d(covariance))


def delong_interval(scores: ArrayLike, labels: ArrayLike, level: float = 0.95) -> Interval:
    """Return the AUC with DeLong's normal interval, cut to [0, 1]."""
    found = delong(scores, labels)
    value = float(found.auc[0])
    reach = _z(level) * math.sqrt(float(found.covariance[0, 0]))
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach))


def delong_test(
    first: ArrayLike, second: ArrayLike, labels: ArrayLike, level: float = 0.95
) -> Difference:
    """Return the difference of two AUCs on the same samples with DeLong's interval and p-value.

    Samples must be independent; when they come in groups use the bootstrap by group.
    """
    found = delong(np.stack([np.asarray(first, float), np.asarray(second, float)]), labels)
    gap = float(found.auc[0] - found.auc[1])
    (a, ab), (_, b) = found.covariance
    spread = math.sqrt(max(0.0, float(a + b - 2 * ab)))
    if spread < 1e-12:  # both order the samples alike, or one never errs in either
        if abs(gap) < 1e-12:
            return Difference(0.0, 0.0, 0.0, 1.0)
        raise Undefined("the difference of the AUCs has no variance on these samples")
    p = math.erfc(abs(gap) / spread / math.sqrt(2))
    return Difference(gap, gap - _z(level) * spread, gap + _z(level) * spread, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are (Holm 1979), in the given order."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda n: p_values[n])):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = worst
    return corrected


def _midranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle: Floats = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return middle


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
