"""The losses of regions and masks, as functions of logits and labels in [0, 1].

logits, labels: (N, K). Each returns a mean over all of it.
"""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

SMOOTH = 1.0


def weighted_bce(logits: Tensor, labels: Tensor, negative: float = 0.2) -> Tensor:
    """Return cross-entropy in which absent regions weigh `negative`, present ones 1."""
    weight = torch.where(labels > 0.5, 1.0, negative)
    return bce(logits, labels, weight=weight)


def focal(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Return cross-entropy times (1 - p of the truth)^gamma; gamma 0 is cross-entropy."""
    each = bce(logits, labels, reduction="none")
    missed = (labels - logits.sigmoid()).abs()
    return (missed**gamma * each).mean()


def dice(logits: Tensor, labels: Tensor, smooth: float = SMOOTH) -> Tensor:
    """Return 1 - 2 |A B| / (|A| + |B|), mean over samples."""
    p = logits.sigmoid()
    shared = (p * labels).sum(1)
    return (1 - (2 * shared + smooth) / (p.sum(1) + labels.sum(1) + smooth)).mean()


def jaccard(logits: Tensor, labels: Tensor, smooth: float = SMOOTH) -> Tensor:
    """Return 1 - |A B| / |A or B|, mean over samples."""
    p = logits.sigmoid()
    shared = (p * labels).sum(1)
    union = p.sum(1) + labels.sum(1) - shared
    return (1 - (shared + smooth) / (union + smooth)).mean()


def mask_loss(logits: Tensor, labels: Tensor, positive: float = 2.0, twice: bool = False) -> Tensor:
    """Return the mask's cross-entropy, forged pixels weighing `positive`.

    twice: of the sigmoid of the logits as if it were logits, which is what the official code does.
    """
    given = logits.sigmoid() if twice else logits
    return bce(given, labels, pos_weight=torch.tensor(positive, device=logits.device))
