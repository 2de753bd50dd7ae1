"""The losses AMD adds to that of its answers."""

import math

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

EPS = 1e-6


def orthogonal(tokens: Tensor) -> Tensor:
    """Return the squared products of different tokens, summed. tokens: (N, C)."""
    gram = tokens @ tokens.T
    return (gram - gram.diag().diag()).square().sum()


def magnitude(tokens: Tensor) -> Tensor:
    """Return how unevenly a token's energy lies in its width, as mean KL divergence; 0 is even."""
    energy = tokens.square()
    shares = energy / (energy.sum(1, keepdim=True) + EPS)
    return (shares * ((shares + EPS).log() + math.log(tokens.shape[1]))).sum(1).mean()


def boxes(found: Tensor, wanted: Tensor) -> Tensor:
    """Return L1 plus 1 - GIoU, meant over the batch. Both (B, 4): centre, width, height."""
    return l1_loss(found, wanted, reduction="sum") / len(found) + (1 - giou(found, wanted)).mean()


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Return the generalised overlap of boxes, (B,), in [-1, 1]. Both (B, 4): centre, w, h."""
    a, b = corners(first), corners(second)
    inner = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp_min(0)
    outer = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    shared, hull = inner.prod(1), outer.prod(1).clamp_min(EPS)
    union = (first[:, 2:].prod(1) + second[:, 2:].prod(1) - shared).clamp_min(EPS)
    return shared / union - (hull - union) / hull


def corners(boxes: Tensor) -> Tensor:
    """Return (left, top, right, bottom) of (centre x, centre y, width, height), (B, 4)."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([centre - half, centre + half], 1)
