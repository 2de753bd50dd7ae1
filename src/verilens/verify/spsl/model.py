"""The phase picture and the network that reads it.

crop in [-1, 1] -> with its phase picture, 4 channels -> Xception -> ReLU, mean -> 2-way head
"""

import torch
from torch import Tensor, nn

from verilens.nn.xception import Xception, load_imagenet
from verilens.verify.detector import Detector
from verilens.verify.spsl.config import Config

CHANNELS = 4


def phase_picture(x: Tensor) -> Tensor:
    """Return what has the phase of the picture's spectrum and magnitude 1 everywhere.

    x: (N, C, H, W), averaged over C. Returns (N, 1, H, W); its sum of squares is 1 when no
    frequency is its own mirror image, and in general at most that.
    """
    spectrum = torch.fft.fft2(x.mean(1, keepdim=True))
    flat = torch.polar(torch.ones_like(spectrum.real), spectrum.angle())
    picture: Tensor = torch.fft.ifft2(flat).real
    return picture


def averaged(kernel: Tensor) -> Tensor:
    """Return a kernel that gives each of four channels the mean of the published colours'."""
    return kernel.mean(1, keepdim=True).repeat(1, CHANNELS, 1, 1)


class SPSL(Detector):
    """Classifies face crops by their colours and their phase."""

    name = "spsl"
    claim = "face-swap"
    sign = "colours and phase of the face: {} look forged"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.backbone = Xception(CHANNELS, widths=config.widths, middle=config.middle)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.backbone.out_channels, 2)
        if config.pretrained:
            load_imagenet(self.backbone, config.pretrained, averaged)

    def forward(self, frames: Tensor) -> Tensor:
        x = frames * 2 - 1
        maps = self.backbone(torch.cat([x, phase_picture(x)], 1))  # (N, 2048, 8, 8)
        scores: Tensor = self.head(self.dropout(maps.relu().mean((2, 3))))
        return scores[:, 1] - scores[:, 0]
