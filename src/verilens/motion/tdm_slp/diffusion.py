"""The schedule of the diffusion and how a sample is drawn in few steps (DDIM).

p_t = sqrt(abar_t) p_0 + sqrt(1 - abar_t) eps
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

OFFSET, LARGEST = 0.008, 0.999  # of the cosine schedule; of a step's beta


def cosine(times: int) -> Tensor:
    """Return abar of every time, falling, (times,) float64."""
    x = torch.linspace(0, times, times + 1, dtype=torch.float64) / times
    wanted = torch.cos((x + OFFSET) / (1 + OFFSET) * math.pi / 2) ** 2
    betas = (1 - wanted[1:] / wanted[:-1]).clamp(0, LARGEST)
    return (1 - betas).cumprod(0)


def noised(clean: Tensor, noise: Tensor, kept: Tensor) -> Tensor:
    """Return p_t. clean, noise: (B, T, K); kept: abar of each sample, (B,)."""
    share = kept.view(-1, 1, 1).to(clean.dtype)
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def sample(
    denoise: Callable[[Tensor, int], Tensor], noise: Tensor, kept: Tensor, steps: int, eta: float
) -> Tensor:
    """Return what is left of noise after `steps` predictions of the clean sample.

    denoise: gives p_0 for (p_t, t). noise: where it begins, (B, T, K); kept: abar, (times,).
    """
    moments = torch.linspace(-1, len(kept) - 1, steps + 1).int().tolist()[::-1]
    x = clean = noise
    for now, then in pairwise(moments):
        clean = denoise(x, now)
        if then < 0:
            break
        a, b = kept[now], kept[then]
        guessed = ((1 / a).sqrt() * x - clean) / (1 / a - 1).sqrt()
        sigma = eta * ((1 - a / b) * (1 - b) / (1 - a)).sqrt()
        fresh = torch.randn(x.shape, dtype=x.dtype, device=x.device)
        x = b.sqrt() * clean + (1 - b - sigma**2).sqrt() * guessed + sigma * fresh
        x = x.to(noise.dtype)
    return clean
