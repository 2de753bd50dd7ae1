"""The bidirectional Mamba block that reads a zone's sequence.

    y = x + DropPath(Mamba(RMSNorm(x)))

Gu and Dao, arXiv:2312.00752, with a second set of weights for the way back.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from verilens.nn.selective_scan import selective_scan
from verilens.verify.demamba.config import Scan

FASTEST, SLOWEST = 0.1, 0.001  # step sizes the block starts with, log-uniform
LEAST = 1e-4


class Direction(nn.Module):
    """A causal convolution and a selective scan over sequences (N, L, D)."""

    def __init__(self, width: int, rank: int, scan: Scan) -> None:
        super().__init__()
        self.sizes = (rank, scan.state, scan.state)
        self.convolution = nn.Conv1d(
            width, width, scan.kernel, groups=width, padding=scan.kernel - 1
        )
        self.select = nn.Linear(width, sum(self.sizes), bias=False)
        self.step = nn.Linear(rank, width)
        self.log_decay = nn.Parameter(torch.arange(1.0, scan.state + 1).log().repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))
        self.reset_step()

    def reset_step(self) -> None:
        """Draw step sizes log-uniformly; softplus of the bias gives them."""
        width, rank = self.step.weight.shape
        nn.init.uniform_(self.step.weight, -(rank**-0.5), rank**-0.5)
        span = math.log(FASTEST) - math.log(SLOWEST)
        sizes = torch.exp(torch.rand(width) * span + math.log(SLOWEST)).clamp(min=LEAST)
        with torch.no_grad():
            self.step.bias.copy_(sizes + torch.log(-torch.expm1(-sizes)))  # inverse of softplus

    def convolved(self, x: Tensor) -> Tensor:
        """Return the activated convolution of (N, L, D), in which no step sees a later one."""
        y: Tensor = self.convolution(x.transpose(1, 2))[..., : x.shape[1]]
        return silu(y.transpose(1, 2))

    def scanned(self, x: Tensor) -> Tensor:
        """Return what the state space makes of (N, L, D)."""
        step, enter, leave = self.select(x).split(self.sizes, -1)
        delta = softplus(self.step(step))
        return selective_scan(x, delta, -self.log_decay.exp(), enter, leave, self.skip)

    def forward(self, x: Tensor) -> Tensor:
        return self.scanned(self.convolved(x))


class BidirectionalMamba(nn.Module):
    """Gated scans of sequences (N, L, C) in both directions; returns the same shape."""

    def __init__(self, channels: int, scan: Scan) -> None:
        super().__init__()
        width = scan.expand * channels
        rank = scan.rank or math.ceil(channels / 16)
        self.turns_time = scan.layout == "paper"
        self.enter = nn.Linear(channels, 2 * width, bias=False)
        self.there = Direction(width, rank, scan)
        self.back = Direction(width, rank, scan)
        self.leave = nn.Linear(width, channels, bias=False)
        if not self.turns_time:
            self.back.step.reset_parameters()
            self.back.convolution.requires_grad_(False)  # the release never calls it

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.enter(x).chunk(2, -1)
        if self.turns_time:
            y = self.there(x) + self.back(x.flip(1)).flip(1)
        else:
            x = self.there.convolved(x)
            y = self.there.scanned(x) + self.back.scanned(x.flip(2)).flip(2)
        leaving: Tensor = self.leave(y * silu(gate))
        return leaving


class Block(nn.Module):
    """The residual block over sequences (N, L, C)."""

    def __init__(self, channels: int, scan: Scan) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(channels, eps=1e-5)
        self.mamba = BidirectionalMamba(channels, scan)
        self.drop = scan.drop_path

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mamba(self.norm(x))
        if self.training and self.drop:
            kept = torch.rand(len(y), 1, 1, device=y.device, dtype=y.dtype) >= self.drop
            y = y * kept / (1 - self.drop)
        return x + y
