"""What pulls pictures to their prompts, and domains to each other."""

from itertools import combinations
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def contrast(
    features: Tensor,
    prompts: Tensor,
    meant: Tensor,
    temperature: Tensor,
    among: Literal["prompts", "batch"],
) -> Tensor:
    """Return InfoNCE between pictures and prompts (Eq. 11).

    features: (B, F); prompts: unit length, (P, F); meant: each picture's prompt, (B,);
    temperature: of each picture, (B,). among: all prompts, or those the batch's pictures mean, once
    for every picture, so that pictures of one data set and class repel each other's.
    """
    batch = torch.arange(len(meant), device=meant.device)
    choices, right = (prompts, meant) if among == "prompts" else (prompts[meant], batch)
    likeness = normalize(features, dim=1) @ choices.T
    return cross_entropy(likeness / temperature[:, None], right)


def alignment(features: Tensor, domains: Tensor, kind: Literal["means", "mmd"]) -> Tensor:
    """Return how far apart the domains' features lie, the mean over pairs; 0 with one domain.

    means: squared gap of the means, averaged over features. mmd: squared maximum mean discrepancy
    with a Gaussian kernel as wide as the mean squared distance. features: (B, F); domains: (B,).
    """
    groups = [features[domains == domain] for domain in sorted(set(domains.tolist()))]
    measure = mean_gap if kind == "means" else discrepancy
    gaps = [measure(a, b) for a, b in combinations(groups, 2)]
    return torch.stack(gaps).mean() if gaps else features.sum() * 0


def mean_gap(a: Tensor, b: Tensor) -> Tensor:
    """Return the mean squared gap of two sets' means. a: (A, F); b: (B, F)."""
    return (a.mean(0) - b.mean(0)).square().mean()


def discrepancy(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy of two sets. a: (A, F); b: (B, F)."""
    both = torch.cat([a, b])
    squared = (both[:, None] - both[None]).square().sum(2)
    kernel = torch.exp(-squared / squared.detach().mean().clamp_min(1e-12))
    n = len(a)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()
