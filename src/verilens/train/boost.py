"""Momentum difficulty boosting: samples that stay hard weigh more.

    m_i <- a m_i + (1 - a) d_i        d_i: difficulty of sample i when it is seen, m_i starts at 0
    w_i = B softmax(m / T)_i          inside a batch of B, so that weights have mean 1
    loss = mean of w_i l_i

Bhattacharyya et al., "Diffusion Deepfake", arXiv:2404.01579, publish the idea; the formula, its
constants and the epoch with uniform weights are our reading, hence every part is a setting of
`recipe.Boost`. No parity with the published figures is claimed.
"""

import torch
from torch import Tensor

from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.train.recipe import Boost


class Difficulty:
    """The smoothed difficulty of every training sample."""

    def __init__(self, count: int, boost: Boost) -> None:
        self.boost = boost
        self.momentum = torch.zeros(count)  # (samples,)

    def update(self, index: Tensor, difficulty: Tensor) -> Tensor:
        """Take in what some samples cost and return their smoothed difficulty, (B,).

        index: (B,) int64. A sample that comes twice in a batch counts once, with its last value.
        """
        a = self.boost.momentum
        before = self.momentum[index]
        self.momentum[index] = a * before + (1 - a) * difficulty.to(before)
        return self.momentum[index]

    def of(self, each: Tensor) -> Tensor:
        """Return the difficulty that per-sample losses mean, detached and on the processor."""
        losses = each.detach().float().cpu()
        return losses if self.boost.measure == "loss" else -torch.expm1(-losses)


def weights(momentum: Tensor, boost: Boost) -> Tensor:
    """Return a weight a sample with mean 1, rising with its smoothed difficulty. momentum: (B,)."""
    if boost.rule == "softmax":
        raw = torch.softmax(momentum.double() / boost.temperature, 0)
    else:
        raw = momentum.double().clamp_min(1e-12) ** (1 / boost.temperature)
    return (raw / raw.mean()).float()


def boosted(loss: Loss, weight: Tensor) -> Tensor:
    """Return the total with its per-sample term weighted; other terms stay. weight: (B,)."""
    if loss.each is None:
        raise ConfigError("plan.boost: this method gives no loss per sample, so it cannot be used")
    return loss.total + ((weight.to(loss.each) - 1) * loss.each).mean()
