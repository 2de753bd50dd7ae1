"""Grad-CAM: which places of a network's maps raise its score, for pictures and for videos.

Selvaraju et al. 2017, arXiv:1610.02391; the third axis is time, treated like the other two. Nothing
is hooked into the network: the caller cuts it in two and gives the maps and what comes after them,
so that several threads may ask one network.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

SMOOTH = {2: "bilinear", 3: "trilinear"}


def grad_cam(maps: Tensor, score: Callable[[Tensor], Tensor]) -> Tensor:
    """Return ReLU(sum_k a_k A_k) with a_k the mean of dy / dA_k over all places, (N, *places).

    maps: A, (N, K, H, W) or (N, K, T, H, W). score: gives y, (N,), from the maps; samples must not
    read each other. Weights get no gradient, and it works inside `no_grad` and `inference_mode`.
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaf = maps.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(score(leaf).sum(), leaf)
    weights = slope.flatten(2).mean(2).view(*maps.shape[:2], *[1] * (maps.ndim - 2))
    return (weights * maps.detach()).sum(1).relu()


def stretched(heat: Tensor, size: Sequence[int]) -> Tensor:
    """Return heat at `size`, linearly interpolated and divided by its peak, (N, *size) in [0, 1].

    heat: at least 0, (N, H, W) or (N, T, H, W). A sample without any heat stays zero.
    """
    mode = SMOOTH[heat.ndim - 1]
    large = interpolate(heat[:, None], list(size), mode=mode, align_corners=False)[:, 0]
    peak = large.flatten(1).amax(1).view(-1, *[1] * (heat.ndim - 1))
    return large / torch.where(peak > 0, peak, torch.ones_like(peak))
