"""Movements with a gap: which frames are hidden, how they are measured, and plain ways across.

Convention: x is (N, T, V, 3), movements of N samples and V joints.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.motion.fillers import hermite_weights, shares

Floats = NDArray[np.float64]
SMALL = 1e-6


class Span(NamedTuple):
    """Which frames are hidden: from `start` up to `end`, without it; both sides are seen."""

    start: int
    end: int


class Measure(NamedTuple):
    """Where a movement is and how large. centre: (N, 1, 1, 3); extent: (N, 1, 1, 1)."""

    centre: Tensor
    extent: Tensor

    @classmethod
    def of(cls, x: Tensor) -> "Measure":
        """Return the middle of all joints, and their deviation from it."""
        centre = x.mean((1, 2), keepdim=True)
        extent = (x - centre).square().mean((1, 2, 3), keepdim=True).sqrt()
        return cls(centre, extent.clamp_min(SMALL))

    def measured(self, x: Tensor) -> Tensor:
        """Return movements in extents around the centre."""
        return (x - self.centre) / self.extent

    def placed(self, x: Tensor) -> Tensor:
        """Return measured movements as they were."""
        return x * self.extent + self.centre


def hidden(shares: tuple[float, float], frames: int) -> Span:
    """Return which of so many frames are hidden, drawn anew; shares: least and largest."""
    low, high = (max(1, round(share * frames)) for share in shares)
    length = min(int(torch.randint(low, high + 1, ())), frames - 2)
    start = int(torch.randint(1, frames - length, ()))
    return Span(start, start + length)


def beside(x: Tensor, span: Span) -> Tensor:
    """Return the two frames on the sides of a gap, (N, 2, V, 3)."""
    return torch.stack([x[:, span.start - 1], x[:, span.end]], 1)


def within(inside: Tensor, around: Tensor, span: Span) -> Tensor:
    """Return `inside` in the gap and `around` outside."""
    both = around.clone()
    both[:, slice(*span)] = inside[:, slice(*span)]
    return both


def crossed(x: Tensor, span: Span, kind: Literal["zero", "linear", "cubic"]) -> Tensor:
    """Return movements whose gap holds nothing, or an even or cubic passage of what is seen."""
    crossing = x.clone()
    if kind == "zero":
        crossing[:, slice(*span)] = 0
        return crossing
    first, last = max(0, span.start - 2), min(x.shape[1] - 1, span.end + 1)
    known = x[:, [first, span.start - 1, span.end, last]]
    frames = span.end - span.start
    weights = hermite_weights(frames) if kind == "cubic" else straight(frames)
    table = torch.from_numpy(weights).to(x)
    crossing[:, slice(*span)] = torch.einsum("gk,nkvc->ngvc", table, known)
    return crossing


def straight(frames: int) -> Floats:
    """Return the weights of an even passage, as `hermite_weights` gives them."""
    passed = shares(frames)[:, 0, 0]
    still = np.zeros(frames)
    return np.stack([still, 1 - passed, passed, still], 1)
