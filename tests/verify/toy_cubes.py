"""Spectral cubes made from noise: skin and mask look alike in three colours, not in three bands."""

import numpy as np
import torch
from torch import Tensor
from toy_pictures import pink

BANDS, TOLD = 33, (10, 17, 25)  # where skin absorbs and a mask does not
SHIFT = 0.4


def cubes(count: int, is_attack: bool, side: int, seed: int) -> Tensor:
    """Return cubes in [0, 1], (count, 1, 33, side, side).

    Every band is one albedo with noise of its own; of live faces the bands TOLD are darker.
    """
    rng = np.random.default_rng([seed, is_attack])
    albedo = pink(count, side, rng)[:, :1] * 0.04
    tint = torch.from_numpy(rng.normal(0.5, 0.02, (count, BANDS, 1, 1)).astype(np.float32))
    grain = torch.from_numpy(rng.normal(0, 0.03, (count, BANDS, side, side)).astype(np.float32))
    found = albedo + tint + grain
    if not is_attack:
        found[:, list(TOLD)] -= SHIFT
    return found.clamp(0, 1)[:, None]


def pair(live: int, attacks: int, side: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return cubes and labels, live ones first."""
    both = [cubes(live, False, side, seed), cubes(attacks, True, side, seed)]
    labels = torch.cat([torch.zeros(live), torch.ones(attacks)])
    return torch.cat(both), labels
