"""The offline phase: clusters held by labels, thresholds of each class, class means.

Features are vectors of length 1, (N, D); labels are classes from 0, and -1 where there is none.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

ROUNDS = 100  # of k-means; it is stable long before
ROUNDING = 1e-6  # clips as sure as their class's mean are kept, whatever the mean was rounded to


class Phase(NamedTuple):
    """What an offline phase found.

    labels: of all samples, (N,) int64. confidence: in them, (N,). kept: which may be trained on,
    (N,) bool. thresholds: (C,). means: of labelled and kept samples, length 1, (C, D).
    """

    labels: Tensor
    confidence: Tensor
    kept: Tensor
    thresholds: Tensor
    means: Tensor


def offline(features: Tensor, labels: Tensor, classes: int, temperature: float) -> Phase:
    """Return labels for all samples and which of them to keep."""
    found = clustered(features, labels, classes)
    centres = class_means(features, found, classes)
    sure = confidence(features, centres, found, temperature)
    unlabelled = labels < 0
    limits = thresholds(sure[unlabelled], found[unlabelled], classes)
    kept = unlabelled & (sure >= limits[found] - ROUNDING)
    held = kept | ~unlabelled
    means = class_means(features[held], found[held], classes)
    return Phase(found, sure, kept, limits, means)


def clustered(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return the cluster of each sample, (N,): k-means whose labelled samples never move.

    Centres start at the means of the labelled samples; every class needs one.
    """
    known = labels >= 0
    lacking = sorted(set(range(classes)) - set(labels[known].tolist()))
    if lacking:
        raise ValueError(f"no labelled sample of class {', '.join(map(str, lacking))}")
    centres = class_means(features[known], labels[known], classes)
    found = labels
    for _ in range(ROUNDS):
        before = found
        nearest = (features @ centres.T).argmax(1)
        found = torch.where(known, labels, nearest)
        if torch.equal(found, before):
            break
        centres = class_means(features, found, classes)
    return found


def class_means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return the mean direction of each class, (C, D) of length 1; 0 for an empty class."""
    members = one_hot(labels, classes).to(features.dtype)
    return normalize(members.T @ features, dim=1)


def confidence(features: Tensor, centres: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return softmax(cos(z, centre) / temperature) of each sample's own class, (N,)."""
    cosines = normalize(features, dim=1) @ centres.T
    return (cosines / temperature).softmax(1).gather(1, labels[:, None]).squeeze(1)


def thresholds(confidence: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return each class's threshold, (C,): T mean_c / max mean, T the mean of all confidences.

    A class that learns slowly has a lower one. A class without samples has 0.
    """
    members = one_hot(labels, classes).to(confidence.dtype)
    means = (members.T @ confidence) / members.sum(0).clamp(min=1)
    top = means.max().clamp(min=torch.finfo(means.dtype).tiny)
    overall = confidence.mean() if len(confidence) else confidence.new_zeros(())
    return overall * means / top
