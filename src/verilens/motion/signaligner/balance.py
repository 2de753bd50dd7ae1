"""Weights of losses that follow how fast each falls: what falls slowly counts more."""

import torch
from torch import Tensor, nn

SMALL = 1e-8


def shares(last: Tensor, before: Tensor, tau: float) -> Tensor:
    """Return n weights that sum to n: n softmax(L(t-1) / (L(t-2) tau)). last, before: (n,)."""
    ratios = last / before.clamp_min(SMALL)
    return len(last) * (ratios / tau).softmax(0)


class Balance(nn.Module):
    """Remembers the losses of the last two steps; equal weights until it has both."""

    last: Tensor
    before: Tensor

    def __init__(self, count: int, tau: float) -> None:
        super().__init__()
        self.tau = tau
        self.register_buffer("last", torch.ones(count))
        self.register_buffer("before", torch.ones(count))

    def forward(self, losses: Tensor) -> Tensor:
        """Return the weights of these losses, (n,), and remember the losses when training."""
        weights = shares(self.last, self.before, self.tau)
        if self.training:
            self.before.copy_(self.last)
            self.last.copy_(losses.detach())
        return weights
