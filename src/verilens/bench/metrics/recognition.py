"""Metrics of recognition among many classes, and how sure they are.

probabilities: of every class, (N, C); labels: the right ones, (N,) integers from 0.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from verilens.bench.metrics.intervals import Interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Figure = Callable[[Floats, Ints], float]


def top(probabilities: Floats, labels: Ints, k: int = 1) -> float:
    """Return the share of samples whose class is among the `k` most probable.

    Of equally probable classes the one with the lower number comes first.
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(1).mean())


def mean_class_accuracy(probabilities: Floats, labels: Ints) -> float:
    """Return the mean of the classes' accuracies; classes without samples are left out."""
    right = probabilities.argmax(1) == labels
    total = np.bincount(labels)
    found = np.bincount(labels, right)
    return float((found[total > 0] / total[total > 0]).mean())


def log_loss(probabilities: Floats, labels: Ints) -> float:
    """Return the mean of -log of the right class's probability, at most 36."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, np.finfo(float).eps)).mean())


def confusion(probabilities: Floats, labels: Ints) -> NDArray[np.int64]:
    """Return how often class i (row) was taken for class j (column), (C, C)."""
    classes = probabilities.shape[1]
    found = np.zeros((classes, classes), np.int64)
    np.add.at(found, (labels, probabilities.argmax(1)), 1)
    return found


def interval(
    figure: Figure,
    probabilities: Floats,
    labels: Ints,
    groups: NDArray[np.generic] | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return a figure with its 95 % percentile interval.

    groups: whose members are drawn together, (N,), e.g. subjects; None draws single clips.
    """
    rng = np.random.default_rng(seed)
    codes = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    members = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    values = []
    for _ in range(draws):
        drawn = rng.integers(len(members), size=len(members))
        chosen = np.concatenate([members[n] for n in drawn])
        values.append(figure(probabilities[chosen], labels[chosen]))
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(figure(probabilities, labels), float(low), float(high))
