"""Sharpness-aware steps: the slope is taken where the loss is worst nearby, not where we are.

    e = rho w^2 g / | |w| g |     (adaptive; else rho g / |g|)     gradient of L(w + e) at w

Foret et al., arXiv:2010.01412; Kwon et al., "ASAM", arXiv:2102.11600. The weights never move, so
there is nothing to restore, and any optimiser does the update.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

TINY = 1e-12
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def climbed(
    loss: Tensor, weights: Mapping[str, Tensor], rho: float, adaptive: bool
) -> dict[str, Tensor]:
    """Return w + e; a gradient at it is one at `weights`."""
    found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    slopes = {name: g for name, g in zip(weights, found, strict=True) if g is not None}
    with torch.no_grad():
        scales = {name: weights[name].abs() if adaptive else 1.0 for name in slopes}
        norms = [(scales[name] * slope).norm() for name, slope in slopes.items()]
        length = torch.stack(norms).norm() + TINY
        steps = {n: scales[n] * scales[n] * slope * (rho / length) for n, slope in slopes.items()}
    return {name: w + steps[name] if name in steps else w for name, w in weights.items()}


@contextmanager
def kept_statistics(network: nn.Module) -> Iterator[None]:
    """Let batch norms normalise by the batch without following it."""
    norms = [module for module in network.modules() if isinstance(module, NORMS)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
