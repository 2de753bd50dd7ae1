"""What the map is to show: how far a forgery differs from what it was made of, pixel by pixel.

A genuine picture has a map of zeros, a picture made as a whole one of ones.
"""

from typing import Literal

import torch
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.errors import ConfigError

Stretch = Literal["none", "max"]


def fakeness(genuine: Tensor, fake: Tensor, stretch: Stretch = "none") -> Tensor:
    """Return the absolute difference of two pictures, averaged over colours, in [0, 1].

    genuine, fake: RGB in [0, 1], (N, ..., 3, H, W). Returns (N, ..., 1, H, W), with no threshold.
    stretch: "none" leaves the difference as it is, which lies in [0, 1] already; "max" divides by
        the largest value of each of the N, so that faint edits weigh as much as strong ones.
    """
    grey = (fake - genuine).abs().mean(-3, keepdim=True)
    if stretch == "none":
        return grey
    peak = grey.flatten(1).max(1).values.view(-1, *[1] * (grey.dim() - 1))
    return torch.where(peak > 0, grey / peak.clamp_min(1e-6), grey)


def of_masks(batch: ClipBatch) -> Tensor:
    """Return the batch's own maps, (B, T, 1, H, W); ConfigError when it has none."""
    if batch.masks is None:
        raise ConfigError(
            "fakelocator: training needs maps of what was changed (a mask for every fake of the "
            "manifest), or groups of a genuine sample and its forgeries with config.truth = 'pairs'"
        )
    return batch.masks


def of_pairs(batch: ClipBatch, stretch: Stretch) -> Tensor:
    """Return the difference of each sample to the genuine one its group begins with.

    Returns (B, T, 1, H, W). ConfigError when the batch does not come in such groups.
    """
    if batch.kinds is None or not len(batch) or int(batch.kinds[0]) != 0:
        raise ConfigError(
            "fakelocator: config.truth = 'pairs' needs groups of a genuine sample followed by its "
            "forgeries; set plan.group, or use config.truth = 'masks'"
        )
    places = torch.arange(len(batch), device=batch.kinds.device)
    source = torch.where(batch.kinds == 0, places, 0).cummax(0).values
    return fakeness(batch.frames[source], batch.frames, stretch)
