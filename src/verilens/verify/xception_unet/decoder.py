"""What makes a mask of an Xception's maps: a U-Net's decoder, or one layer as released."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from verilens.verify.xception_unet.config import Config


class Merge(nn.Module):
    """Enlarges coarse maps to the size of finer ones, joins both and convolves twice."""

    def __init__(self, coarse: int, fine: int, out: int) -> None:
        super().__init__()
        self.convolved = nn.Sequential(
            nn.Conv2d(coarse + fine, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        large = interpolate(coarse, size=fine.shape[-2:], mode="bilinear")
        joined: Tensor = self.convolved(torch.cat([large, fine], 1))
        return joined


class UNet(nn.Module):
    """Joins maps of five resolutions, coarse to fine, into logits at about half of the crop."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        _, fine, low, mid, high, _, _, channels = config.widths
        merges = []
        for skip, out in zip((high, mid, low, fine), config.decoded, strict=True):
            merges.append(Merge(channels, skip, out))
            channels = out
        self.merges = nn.ModuleList(merges)
        self.mask = nn.Conv2d(channels, 1, 1)

    def forward(self, taps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return logits, (N, 1, *size). taps: maps (N, C, H, W), fine to coarse."""
        x = taps[-1].relu()
        for merge, skip in zip(self.merges, reversed(taps[:-1]), strict=True):
            x = merge(x, skip)
        return interpolate(self.mask(x), size=size, mode="bilinear")


class Linear(nn.Module):
    """Reads the coarsest maps alone and repeats its pixels, as the released file does."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.mask = nn.Conv2d(config.widths[-1], 1, 1)

    def forward(self, taps: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Return logits, (N, 1, *size). taps: maps (N, C, H, W), fine to coarse."""
        return interpolate(self.mask(taps[-1].relu()), size=size)
