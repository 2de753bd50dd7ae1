"""Films of a drawn face: live ones change their expression, attacks keep one and glide or stand.

Every single frame of either is a random expression at a random place, so appearance tells nothing.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIDE = 32
SHIFT = 1.0  # pixels that a face glides at most, either way


def expression(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the landmarks of one expression: ends of four strokes, (4, 2, 2) in pixels."""
    middles = np.array([[9.0, 10.0], [9.0, 22.0], [16.0, 16.0], [24.0, 16.0]])
    angles, lengths = rng.uniform(0, np.pi, 4), rng.uniform(2.0, 5.5, 4)
    half = lengths[:, None] * np.stack([np.sin(angles), np.cos(angles)], 1)
    return np.stack([middles - half, middles + half], 1)


def drawn(landmarks: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a picture of the strokes in [0, 1], (SIDE, SIDE)."""
    place = np.stack(np.mgrid[:SIDE, :SIDE], -1).astype(np.float32)[:, :, None]
    start, along = landmarks[:, 0] + shift, landmarks[:, 1] - landmarks[:, 0]
    share = ((place - start) * along).sum(3) / (along**2).sum(1)
    away = place - start - share.clip(0, 1)[..., None] * along
    return np.exp(-(away**2).sum(3).min(2) / 1.8**2).astype(np.float32)


def film(is_attack: bool, moments: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the moments of one film, (moments, SIDE, SIDE)."""
    stands = is_attack and rng.random() < 0.5
    kept, place = expression(rng), rng.uniform(-SHIFT, SHIFT, 2)
    found = []
    for _ in range(moments):
        shift = place if stands else rng.uniform(-SHIFT, SHIFT, 2)
        found.append(drawn(kept if is_attack else expression(rng), shift))
    return np.stack(found)


def films(count: int, moments: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return films in [0, 1], (count, moments, 3, SIDE, SIDE), and labels, half of them attacks."""
    rng = np.random.default_rng(seed)
    labels = torch.arange(count) % 2
    grey = np.stack([film(bool(label), moments, rng) for label in labels])
    noisy = 0.3 + 0.4 * grey + rng.normal(0, 0.003, grey.shape).astype(np.float32)
    frames = torch.from_numpy(noisy.clip(0, 1))[:, :, None].expand(-1, -1, 3, -1, -1)
    return frames, labels.float()
