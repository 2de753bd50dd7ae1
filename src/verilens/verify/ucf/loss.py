"""The contrastive term that keeps what a feature says apart: within a class near, across far."""

import torch
from torch import Tensor
from torch.nn.functional import pairwise_distance


def contrast(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """Return the mean of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    anchor, positive, negative: (N, C), row by row; d is the Euclidean distance.
    """
    near, far = pairwise_distance(anchor, positive), pairwise_distance(anchor, negative)
    return (near - far + margin).clamp_min(0).mean()


def regularisation(common: Tensor, specific: Tensor, kinds: Tensor, margin: float) -> Tensor:
    """Return the sum of the terms of genuine and fake, common and specific features.

    common, specific: pooled features, (2 N, C), the genuine half first. kinds: (2 N,), 0 for
    genuine. Common positives are of the same half, specific ones of the same kind.
    """
    classes = torch.arange(len(kinds), device=kinds.device) // (len(kinds) // 2)
    total = common.new_zeros(())
    for features, groups in ((common, classes), (specific, kinds)):
        genuine, fake = features.chunk(2)
        genuine_like, fake_like = features[shuffled_within(groups)].chunk(2)
        total = total + contrast(genuine, genuine_like, fake_like, margin)
        total = total + contrast(fake, fake_like, genuine_like, margin)
    return total


def shuffled_within(groups: Tensor) -> Tensor:
    """Return a random order of the places, (N,), that gives each one of its own group."""
    drawn = torch.randperm(len(groups), device=groups.device)
    order = torch.empty_like(drawn)
    order[groups.argsort(stable=True)] = drawn[groups[drawn].argsort(stable=True)]
    return order
