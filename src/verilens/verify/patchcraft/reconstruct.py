"""Smash and reconstruct: two pictures tiled from the richest and the poorest patches of one.

Patches are cut at random places, sorted by texture diversity and tiled row by row. Seams between
tiles stay: the filters run across them on purpose.
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

LUMA = (0.299, 0.587, 0.114)


class Pair(NamedTuple):
    """The rebuilt pictures, each (N, 3, side x patch, side x patch); extremes at the top left."""

    rich: Tensor
    poor: Tensor


def luma(frames: Tensor) -> Tensor:
    """Return brightness. frames: RGB, (..., 3, H, W). Returns (..., H, W)."""
    red, green, blue = frames.unbind(-3)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def diversity(patches: Tensor) -> Tensor:
    """Return the summed absolute differences of neighbours in four directions.

    patches: one channel, (..., M, M). Returns (...).
    """
    up, down = patches[..., :-1, :], patches[..., 1:, :]
    differences = (
        patches[..., 1:] - patches[..., :-1],
        down - up,
        down[..., 1:] - up[..., :-1],  # diagonal
        down[..., :-1] - up[..., 1:],  # counter-diagonal
    )
    return torch.stack([d.abs().sum((-2, -1)) for d in differences]).sum(0)


def mirrored(frames: Tensor, least: int) -> Tensor:
    """Return `frames` (N, C, H, W) with sides below `least` continued by mirroring."""
    for axis in (2, 3):
        length = frames.shape[axis]
        if length < least:
            period = max(1, 2 * length - 2)
            at = torch.arange(least, device=frames.device) % period
            frames = frames.index_select(axis, torch.minimum(at, period - at))
    return frames


def smash(frames: Tensor, count: int, patch: int, generator: Generator | None) -> Tensor:
    """Return `count` patches a frame from random places, (N, count, 3, patch, patch).

    frames: (N, 3, H, W). generator: draws one set of places for all frames; None draws each
    frame's own from the global state.
    """
    # A generator is read once, so that a frame's patches do not depend on the batch around it.
    return cut(frames, patch, places(1 if generator else len(frames), count, generator))


def places(sets: int, count: int, generator: Generator | None) -> Tensor:
    """Return where patches are cut, as shares of the room there is: (sets, count, 2) in [0, 1)."""
    return torch.rand(sets, count, 2, generator=generator, device="cpu")


def cut(frames: Tensor, patch: int, places: Tensor) -> Tensor:
    """Return the patches at these places, (N, count, 3, patch, patch).

    frames: (N, 3, H, W). places: one set for all frames, (1, count, 2), or one for each.
    """
    frames = mirrored(frames, patch)
    n, _, height, width = frames.shape
    top, left = places.expand(n, -1, -1).unbind(-1)
    offsets = torch.arange(patch, device=frames.device)
    rows = (top * (height - patch + 1)).long().to(frames.device)[..., None] + offsets
    columns = (left * (width - patch + 1)).long().to(frames.device)[..., None] + offsets
    rows, columns = rows[..., :, None], columns[..., None, :]
    at = torch.arange(n, device=frames.device).view(n, 1, 1, 1)
    return frames.permute(0, 2, 3, 1)[at, rows, columns].permute(0, 1, 4, 2, 3)


def reconstruct(patches: Tensor, side: int) -> Pair:
    """Return the pictures tiled from the side x side richest and poorest patches.

    patches: RGB, (N, count, 3, M, M).
    """
    order = diversity(luma(patches)).argsort(dim=1, stable=True)
    kept = side * side
    return Pair(
        rich=_tiled(patches, order.flip(1)[:, :kept], side),
        poor=_tiled(patches, order[:, :kept], side),
    )


def _tiled(patches: Tensor, chosen: Tensor, side: int) -> Tensor:
    n, _, channels, size, _ = patches.shape
    tiles = patches[torch.arange(n, device=patches.device)[:, None], chosen]
    tiles = tiles.view(n, side, side, channels, size, size).permute(0, 3, 1, 4, 2, 5)
    return tiles.reshape(n, channels, side * size, side * size)
