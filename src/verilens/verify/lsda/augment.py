"""The augmentations in latent space: each domain grows wider, and domains flow into each other.

A domain is one way of forging; its samples are the feature maps of one batch. z is a sample, l and
s are drawn from [0, 1].
"""

from typing import Literal

import torch
from torch import Tensor


def interpolated(z: Tensor, hardest: Tensor, l: Tensor | float) -> Tensor:  # noqa: E741
    """Return z + l (hardest - z): a step to the sample farthest from the domain's mean."""
    return z + l * (hardest - z)


def extrapolated(z: Tensor, mean: Tensor, l: Tensor | float) -> Tensor:  # noqa: E741
    """Return z + l (z - mean): a step away from the domain's mean."""
    return z + l * (z - mean)


def jittered(z: Tensor, noise: Tensor, l: Tensor | float) -> Tensor:  # noqa: E741
    """Return z + l noise; the noise is normal with deviation s."""
    return z + l * noise


def shifted(z: Tensor, a: Tensor, b: Tensor, l: Tensor | float) -> Tensor:  # noqa: E741
    """Return z + l (a - b): what tells two samples of the domain apart, added to a third."""
    return z + l * (a - b)


def mixed(z: Tensor, other: Tensor, share: Tensor | float) -> Tensor:
    """Return share z + (1 - share) other."""
    return share * z + (1 - share) * other


def hardest(samples: Tensor) -> Tensor:
    """Return the sample farthest from the mean of `samples`, (n, ...)."""
    distances = (samples - samples.mean(0)).flatten(1).norm(dim=1)
    return samples[distances.argmax()]


def widened(samples: Tensor, choices: Tensor) -> Tensor:
    """Return each sample of one domain after one of the four augmentations within a domain.

    samples: (n, ...). choices: which one, (n,) in 0-3.
    """
    n = len(samples)
    each = (n, *[1] * (samples.ndim - 1))
    l, s = torch.rand(2, *each, device=samples.device)  # noqa: E741
    first, second = (samples[torch.randint(n, (n,), device=samples.device)] for _ in range(2))
    options = torch.stack(
        [
            interpolated(samples, hardest(samples), l),
            extrapolated(samples, samples.mean(0), l),
            jittered(samples, torch.randn_like(samples) * s, l),
            shifted(samples, first, second, l),
        ]
    )
    return options[choices, torch.arange(n, device=samples.device)]


def within_domains(maps: Tensor, unit: Literal["map", "channel"]) -> Tensor:
    """Return `maps` (G, K, C, H, W) of G groups and K domains, each widened in its own domain.

    unit: what is a sample: a whole "map", or as in the released code each "channel" of each map.
    """
    groups, _, channels = maps.shape[:3]
    found = []
    for domain in maps.unbind(1):
        choices = torch.randint(4, (groups,), device=maps.device)
        if unit == "channel":
            wider = widened(domain.flatten(0, 1), choices.repeat_interleave(channels))
            found.append(wider.view_as(domain))
        else:
            found.append(widened(domain, choices))
    return torch.stack(found, 1)


def across_domains(maps: Tensor, alpha: tuple[float, float]) -> Tensor:
    """Return `maps` (G, K, C, H, W), each mixed with the map of another domain of its group.

    A group's share is drawn from Beta(a, a), a from the range `alpha`.
    """
    found = []
    for group in maps:
        a = alpha[0] + (alpha[1] - alpha[0]) * torch.rand(())
        share = torch.distributions.Beta(a, a).sample().to(maps.device)
        found.append(mixed(group, group[torch.randperm(len(group))], share))
    return torch.stack(found)
