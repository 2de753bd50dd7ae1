"""Pixels of [0, 1] on the scale that an encoder was trained on."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Normalise(nn.Module):
    """Takes a mean away from each band and divides by its deviation; nothing is stored.

    The numbers follow the module's device and type, and stand in no weights file.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            tensor = torch.tensor(tuple(values)).view(-1, 1, 1)
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the frames normalised. frames: in [0, 1], (..., bands, H, W), RGB where 3."""
        return (frames - self.mean) / self.std
