"""Fifteen ways to forge a part of a picture, each leaving another trace, with the mask of the part.

Kind 0 is genuine. Pictures are colour fields with a 1/f spectrum and the same sensor noise.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate
from toy_pictures import exposed, pink

from verilens.batch import ClipBatch

SIDE = 64


def _scaled(x: Tensor, factor: float, mode: str) -> Tensor:
    small = interpolate(x, scale_factor=1 / factor, mode="area")
    return interpolate(small, size=x.shape[-2:], mode=mode)


def _wave(
    along: int, across: int, period: float
) -> Callable[[Tensor, np.random.Generator], Tensor]:
    def forge(x: Tensor, rng: np.random.Generator) -> Tensor:
        y, u = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
        phase = 2 * torch.pi * ((along * u + across * y) / period + rng.random())
        return x + 0.06 * torch.sin(phase)

    return forge


def _noise(x: Tensor, rng: np.random.Generator) -> Tensor:
    return x + torch.from_numpy(rng.normal(0, 0.08, tuple(x.shape)).astype(np.float32))


def _specks(x: Tensor, rng: np.random.Generator) -> Tensor:
    hit = torch.from_numpy(rng.random((len(x), 1, SIDE, SIDE)) < 0.04)
    return torch.where(hit, 1 - x, x)


def _blocks(x: Tensor, rng: np.random.Generator) -> Tensor:
    return (x + _scaled(x, 8, "nearest")) / 2


def _sharpened(x: Tensor, rng: np.random.Generator) -> Tensor:
    return x + 2 * (x - avg_pool2d(x, 3, 1, 1, count_include_pad=False))


def _smeared(x: Tensor, rng: np.random.Generator) -> Tensor:
    return avg_pool2d(x, (1, 7), 1, (0, 3), count_include_pad=False)


def _shifted(channel: int) -> Callable[[Tensor, np.random.Generator], Tensor]:
    def forge(x: Tensor, rng: np.random.Generator) -> Tensor:
        y = x.clone()
        y[:, channel] += 0.3
        return y

    return forge


FORGERIES: tuple[Callable[[Tensor, np.random.Generator], Tensor], ...] = (
    lambda x, _: _scaled(x, 2, "nearest"),
    lambda x, _: _scaled(x, 4, "bilinear"),
    _wave(1, 0, 3),
    _wave(0, 1, 3),
    _wave(1, 1, 6),
    _wave(1, 0, 8),
    _noise,
    _specks,
    _blocks,
    _sharpened,
    _smeared,
    _shifted(0),
    _shifted(1),
    _shifted(2),
    lambda x, _: x.mean(1, keepdim=True).expand_as(x),
)


def forged(count: int, rng: np.random.Generator) -> ClipBatch:
    """Return `count` stills, kinds 0 to 15 in turn, with masks of ellipses or rectangles."""
    pictures = exposed(pink(count, SIDE, rng), rng, contrast=0.12)
    kinds = torch.arange(count) % (len(FORGERIES) + 1)
    masks = torch.stack([_part(rng) for _ in range(count)]) * (kinds > 0).view(-1, 1, 1, 1)
    for n, kind in enumerate(kinds.tolist()):
        if kind:
            whole = pictures[n : n + 1]
            pictures[n] = torch.lerp(whole, FORGERIES[kind - 1](whole, rng), masks[n : n + 1])[0]
    return ClipBatch(
        frames=pictures.clamp(0, 1)[:, None],
        labels=(kinds > 0).float(),
        kinds=kinds,
        masks=masks[:, None],
    )


def _part(rng: np.random.Generator) -> Tensor:
    """Return the mask of a random ellipse or rectangle, (1, SIDE, SIDE)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    (a, b), (cy, cx) = rng.uniform(13, 24, 2), rng.uniform(22, SIDE - 22, 2)
    u, v = np.abs(y - cy) / a, np.abs(x - cx) / b
    inside = np.hypot(u, v) < 1 if rng.random() < 0.5 else np.maximum(u, v) < 0.85
    return torch.from_numpy(inside[None].astype(np.float32))
