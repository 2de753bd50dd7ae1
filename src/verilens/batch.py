"""The torch side of the records: what a method trains on."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """Crops with labels.

    frames: RGB in [0, 1], (B, T, 3, H, W) float32; T = 1 for stills.
    labels: 1 is fake, 0 is genuine, (B,) float32.
    """

    frames: Tensor
    labels: Tensor
