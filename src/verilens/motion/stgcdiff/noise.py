"""How noise grows and is taken away: the schedule and the steps of DDIM."""

import math

import torch
from torch import Tensor

from verilens.motion.stgcdiff.config import Config

LARGEST = 0.999  # of a step's share of noise


def kept(config: Config) -> Tensor:
    """Return how much of the signal's variance is left at every step, (steps,), falling."""
    if config.schedule == "linear":
        scale = 1000 / config.steps
        share = torch.linspace(1e-4 * scale, 0.02 * scale, config.steps, dtype=torch.float64)
    else:  # Nichol & Dhariwal 2021, Eq. 17
        time = torch.arange(config.steps + 1, dtype=torch.float64) / config.steps
        level = torch.cos((time + 0.008) / 1.008 * math.pi / 2).square()
        share = 1 - level[1:] / level[:-1]
    return (1 - share.clamp(max=LARGEST)).cumprod(0).float()


def noised(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Return sqrt(a) x + sqrt(1 - a) e. level: a of each sample, (N,)."""
    level = level.view(-1, *[1] * (clean.ndim - 1))
    return level.sqrt() * clean + (1 - level).sqrt() * noise


def clean_of(noised: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Return what was noised, given the noise."""
    level = level.view(-1, *[1] * (noised.ndim - 1))
    return (noised - (1 - level).sqrt() * noise) / level.sqrt()


def noise_of(noised: Tensor, clean: Tensor, level: Tensor) -> Tensor:
    """Return the noise, given what was noised."""
    level = level.view(-1, *[1] * (noised.ndim - 1))
    return (noised - level.sqrt() * clean) / (1 - level).sqrt()


def visited(config: Config) -> list[int]:
    """Return which steps sampling visits, from the noisiest."""
    spaced = torch.linspace(config.steps - 1, 0, config.sampling)
    return [round(float(step)) for step in spaced]
