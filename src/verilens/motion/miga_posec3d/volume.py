"""Joints drawn as Gaussian spots: a film with a channel for every joint or limb.

    joints -> tight square box of the clip, or a part of it -> pixels -> spots

Convention: pixel (0, 0) has its middle at coordinates (0, 0); x to the right, y down.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from verilens.motion.miga_posec3d.config import Draw

FAINT = 1e-3  # joints less sure than this draw nothing
REACH = 3.0  # sigmas


def placed(joints: Tensor, confidence: Tensor, draw: Draw, vary: bool = False) -> Tensor:
    """Return joints in pixels of the film, (B, M, T, J, 2).

    joints: x and y in any unit, (B, M, T, J, 2). vary: crop at random, as in training.
    """
    side = draw.train_side if vary else draw.side
    low, high = _box(joints, confidence)
    middle, half = (low + high) / 2, (high - low).max(-1, keepdim=True).values / 2
    half = (half * (1 + draw.padding)).clamp(min=1e-6)
    low, length = middle - half, 2 * half
    if vary:
        low, length = _part(low, length, draw.least)
    return (joints - low[:, None, None, None]) / length[:, None, None, None] * (side - 1)


def _box(joints: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
    """Return the corners of the tight box of all seen joints of each clip, (B, 2) each."""
    seen = (confidence >= FAINT)[..., None]
    low = joints.masked_fill(~seen, float("inf")).flatten(1, 3).amin(1)
    high = joints.masked_fill(~seen, float("-inf")).flatten(1, 3).amax(1)
    empty = ~torch.isfinite(low)
    return low.masked_fill(empty, 0.0), high.masked_fill(empty, 1.0)


def _part(low: Tensor, length: Tensor, least: float) -> tuple[Tensor, Tensor]:
    """Return a random part of each box: area from `least` to 1, sides 3:4 to 4:3."""
    b = len(low)
    area = least + (1 - least) * torch.rand(b, 1, device=low.device)
    ratio = torch.exp((2 * torch.rand(b, 1, device=low.device) - 1) * 0.28768)  # log(4 / 3)
    share = torch.cat([(area * ratio).sqrt(), (area / ratio).sqrt()], 1).clamp(max=1.0)
    start = torch.rand(b, 2, device=low.device) * (1 - share)
    return low + start * length, share * length


def spots(pixels: Tensor, confidence: Tensor, side: int, sigma: float) -> Tensor:
    """Return the film of joints, (B, J, T, side, side), values in [0, 1].

    A spot is confidence x exp(-d^2 / 2 sigma^2) within three sigma along each axis; of several
    persons the brighter one counts. pixels: (B, M, T, J, 2).
    """
    grid = torch.arange(side, dtype=pixels.dtype, device=pixels.device)
    away = pixels[..., None] - grid  # (B, M, T, J, 2, side)
    along = torch.exp(-(away**2) / (2 * sigma**2)) * (away.abs() <= REACH * sigma)
    value = confidence * (confidence >= FAINT)
    across, down = along.unbind(-2)
    film = torch.zeros(())
    for person in range(pixels.shape[1]):
        drawn = torch.einsum(
            "btj,btjy,btjx->bjtyx", value[:, person], down[:, person], across[:, person]
        )
        film = drawn if person == 0 else torch.maximum(film, drawn)
    return film


def limbs(
    pixels: Tensor, confidence: Tensor, edges: Sequence[tuple[int, int]], side: int, sigma: float
) -> Tensor:
    """Return the film of limbs, (B, E, T, side, side), by the distance to each segment.

    A limb is as sure as the less sure of its ends.
    """
    first, second = (torch.tensor(ends, device=pixels.device) for ends in zip(*edges, strict=True))
    a, b = pixels[..., first, :], pixels[..., second, :]  # (B, M, T, E, 2)
    value = torch.minimum(confidence[..., first], confidence[..., second])
    value = value * (value >= FAINT)
    axis = torch.arange(side, dtype=pixels.dtype, device=pixels.device)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)  # (H, W, 2)
    film = pixels.new_zeros(len(pixels), len(edges), pixels.shape[2], side, side)
    for person in range(pixels.shape[1]):
        start, along = a[:, person, ..., None, None, :], (b - a)[:, person, ..., None, None, :]
        length = (along**2).sum(-1).clamp(min=1.0)
        at = (((points - start) * along).sum(-1) / length).clamp(0, 1)
        away = ((points - start - at[..., None] * along) ** 2).sum(-1)
        drawn = torch.exp(-away / (2 * sigma**2)) * (away <= (REACH * sigma) ** 2)
        drawn = drawn * value[:, person, ..., None, None]  # (B, T, E, H, W)
        film = torch.maximum(film, drawn.transpose(1, 2))
    return film
