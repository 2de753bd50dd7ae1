"""Decision thresholds chosen on validation samples; scores above one are called fake.

A threshold lies halfway between two neighbouring scores, so that it does not hang on either.
"""

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, both_classes


def threshold_at_eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold at which false alarms and misses differ least."""
    counts = tallied.tally(*both_classes(scores, labels))
    fpr, tpr = tallied.rates(counts)
    return _above(counts.values, int(np.argmin(np.abs(fpr - (1 - tpr)))))


def threshold_at_fpr(scores: ArrayLike, labels: ArrayLike, fpr: float) -> float:
    """Return the lowest threshold with at most `fpr` false positives."""
    counts = tallied.tally(*both_classes(scores, labels))
    alarms = np.cumsum(counts.genuine)
    allowed = np.floor(fpr * alarms[-1] + 1e-9)
    return _above(counts.values, int((alarms <= allowed).sum()))


def threshold_at_balance(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the threshold with the highest balanced accuracy."""
    counts = tallied.tally(*both_classes(scores, labels))
    fpr, tpr = tallied.rates(counts)
    return _above(counts.values, int(np.argmax(tpr - fpr)))


def _above(values: Floats, called: int) -> float:
    """Return a threshold that calls the `called` highest of the distinct values fake."""
    if called == 0:
        return float(np.nextafter(values[0], np.inf))
    if called == len(values):
        return float(np.nextafter(values[-1], -np.inf))
    high, low = values[called - 1], values[called]
    middle = float(low + (high - low) / 2)
    return middle if low <= middle < high else float(low)
