"""Dependence between the features of quality levels, and the worst small step of the weights.

    HSIC(X, Y) = tr(K H L H) / (n - 1)^2,  H = I - 1 1^T / n

K and L hold the similarities among n samples as seen in two versions of the same pictures. The
estimate is biased and never negative; 0 says that one version tells nothing about the other.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SMALL = 1e-12


def hsic(first: Tensor, second: Tensor) -> Tensor:
    """Return the Hilbert-Schmidt independence criterion of two kernel matrices, (n, n) each."""
    n = len(first)
    return (centred(first) * centred(second)).sum() / (n - 1) ** 2  # tr(H K H L), H H = H


def centred(kernel: Tensor) -> Tensor:
    """Return H K H: the kernel (n, n) of features whose mean is taken off."""
    rows = kernel.mean(1, keepdim=True)
    return kernel - rows - kernel.mean(0, keepdim=True) + rows.mean()


def alignment(first: Tensor, second: Tensor) -> Tensor:
    """Return HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)), in [0, 1]: free of the features' scale."""
    scale = hsic(first, first) * hsic(second, second)
    return hsic(first, second) / scale.clamp_min(SMALL).sqrt()


def gaussian(features: Tensor, bandwidth: float = 0.0) -> Tensor:
    """Return exp(-|a - b|^2 / (2 s^2)) of every two samples, (n, n).

    features: (n, d). bandwidth: s / sqrt(d); 0 takes for s^2 the median of |a - b|^2 over pairs.
    """
    squares = features.square().sum(1)
    distances = (squares[:, None] + squares - 2 * features @ features.T).clamp_min(0)
    if bandwidth:
        variance = features.new_tensor(bandwidth**2 * features.shape[1])
    else:
        pairs = torch.ones_like(distances, dtype=torch.bool).triu(1)
        variance = distances[pairs].median()
    return torch.exp(-distances / (2 * variance).clamp_min(SMALL))


def described(maps: Tensor, grid: int) -> Tensor:
    """Return one row a picture, (n, C x grid x grid). maps: (n, C, H, W); grid 0 keeps H x W."""
    pooled = adaptive_avg_pool2d(maps, grid) if grid else maps
    return pooled.flatten(1)


def worst_step(
    weights: Mapping[str, Tensor], gradients: Mapping[str, Tensor], radius: float
) -> dict[str, Tensor]:
    """Return v = radius |w| g / |g| of every layer: one ascent step of a relative length.

    Biases and the scales of norms have one axis; they stay, as do layers without a gradient.
    """
    steps = {}
    for name, weight in weights.items():
        gradient = gradients[name]
        if weight.ndim > 1 and (norm := gradient.norm()) > 0:
            steps[name] = radius * weight.detach().norm() * (gradient / norm)
    return steps
