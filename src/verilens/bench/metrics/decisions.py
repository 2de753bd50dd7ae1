"""How good the answers are once a threshold is set: scores above it are called fake.

For presentation attacks (ISO/IEC 30107-3) "fake" is an attack and "genuine" a bona fide
presentation. The threshold must come from validation data, never from the samples judged.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, Undefined, both_classes, checked
from verilens.bench.metrics.tallied import Tally


def accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of right answers."""
    scores, labels = checked(scores, labels)
    if not len(scores):
        raise Undefined("no samples")
    return float(np.mean((scores > threshold) == (labels > 0)))


def balanced_accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the mean of both classes' accuracy."""
    counts = tallied.tally(*both_classes(scores, labels))
    return float(tallied.balanced_accuracy(counts, threshold))


def true_positive_rate(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of fakes called fake (recall)."""
    return _defined(tallied.true_positive_rate, scores, labels, threshold, "no fake samples")


def false_positive_rate(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of genuine samples called fake."""
    return _defined(tallied.false_positive_rate, scores, labels, threshold, "no genuine samples")


def precision(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of fakes among what is called fake."""
    return weighted_precision(scores, labels, 1.0, threshold)


def weighted_precision(
    scores: ArrayLike, labels: ArrayLike, alpha: float = 100.0, threshold: float = 0.5
) -> float:
    """Return TP / (TP + alpha FP); alpha says how many times rarer fakes are in the field."""
    scores, labels = checked(scores, labels)
    value = tallied.precision(tallied.tally(scores, labels), threshold, alpha)
    return _finite(value, "nothing is called fake")


def f1(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the harmonic mean of precision and recall."""
    return _defined(tallied.f1, scores, labels, threshold, "no fakes, and nothing is called fake")


def macro_f1(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the mean of both classes' F1."""
    scores, labels = both_classes(scores, labels)
    called = (scores > threshold).astype(float)
    return (f1(called, labels) + f1(1 - called, 1 - labels)) / 2


def matthews(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return Matthews' correlation coefficient (MCC)."""
    counts = tallied.tally(*both_classes(scores, labels))
    return _finite(tallied.matthews(counts, threshold), "all samples get one answer")


def apcer_by_species(
    scores: ArrayLike, labels: ArrayLike, species: Sequence[str], threshold: float = 0.5
) -> dict[str, float]:
    """Return the share of attacks called bona fide, for each attack species (instrument type)."""
    scores, labels = checked(scores, labels)
    kinds = np.asarray(species, str)
    attacks = labels == 1
    return {
        str(kind): float((scores[attacks & (kinds == kind)] <= threshold).mean())
        for kind in np.unique(kinds[attacks])
    }


def apcer(
    scores: ArrayLike, labels: ArrayLike, species: Sequence[str], threshold: float = 0.5
) -> float:
    """Return the APCER of the species that fools the detector most, as the standard demands."""
    rates = apcer_by_species(scores, labels, species, threshold)
    if not rates:
        raise Undefined("no attack presentations")
    return max(rates.values())


def bpcer(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of bona fide presentations called attacks."""
    return false_positive_rate(scores, labels, threshold)


def acer(
    scores: ArrayLike, labels: ArrayLike, species: Sequence[str], threshold: float = 0.5
) -> float:
    """Return the mean of the worst species' APCER and BPCER."""
    worst = apcer(scores, labels, species, threshold)
    return (worst + bpcer(scores, labels, threshold)) / 2


def bpcer_at_apcer(
    scores: ArrayLike, labels: ArrayLike, species: Sequence[str], apcer: float
) -> float:
    """Return the smallest BPCER at which no species is let through more often than `apcer`.

    BPCER10 of ISO/IEC 30107-3 is that at 0.1, BPCER100 that at 0.01. The threshold is the best for
    the samples themselves, so it tells what scores could do, not what a system reaches in use.
    """
    scores, labels = both_classes(scores, labels)
    kinds = np.asarray(species, str)
    each = []
    for kind in np.unique(kinds[labels == 1]):
        rows = (labels == 0) | (kinds == kind)
        counts = tallied.tally(scores[rows], labels[rows])
        each.append(float(tallied.bpcer_at_apcer(counts, apcer)))
    return max(each)


def half_total_error_rate(scores: ArrayLike, labels: ArrayLike, threshold: float) -> float:
    """Return the mean of false acceptance and false rejection (HTER).

    threshold: no default; it comes from the development set, usually at its equal error rate.
    """
    return 1 - balanced_accuracy(scores, labels, threshold)


def _defined(
    metric: Callable[[Tally, float], Floats],
    scores: ArrayLike,
    labels: ArrayLike,
    threshold: float,
    reason: str,
) -> float:
    return _finite(metric(tallied.tally(*checked(scores, labels)), threshold), reason)


def _finite(value: Floats, reason: str) -> float:
    if np.isnan(value):
        raise Undefined(reason)
    return float(value)
