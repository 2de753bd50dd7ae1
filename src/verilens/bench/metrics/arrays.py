"""What a metric accepts: arrays of one length, finite, with 0 and 1 as labels.

A metric that the samples cannot answer raises Undefined with the reason, so that nobody mistakes
a filled-in 0.5 for a measurement.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class Undefined(ValueError):
    """The samples do not determine this metric; the message says why."""


def checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Return both as float arrays, (N,); ValueError when they are no scores and labels."""
    scores, labels = np.asarray(scores, float), np.asarray(labels, float)
    if scores.shape != labels.shape or scores.ndim != 1:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} must be one length")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite; leave missing ones out and count them")
    if not ((labels == 0) | (labels == 1)).all():
        raise ValueError("labels must be 0 (genuine) and 1 (fake)")
    return scores, labels


def both_classes(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Return `checked` arrays; Undefined when fakes or genuine samples are absent."""
    scores, labels = checked(scores, labels)
    for value, name in ((0, "genuine"), (1, "fake")):
        if not (labels == value).any():
            raise Undefined(f"no {name} samples; both classes must be present")
    return scores, labels


def probabilities(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats]:
    """Return `checked` arrays; Undefined unless all scores lie in [0, 1] and there are some."""
    scores, labels = checked(scores, labels)
    if not len(scores):
        raise Undefined("no samples")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise Undefined("scores must be probabilities in [0, 1]")
    return scores, labels
