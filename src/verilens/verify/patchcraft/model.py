"""The PatchCraft network.

    frame -> rich and poor pictures -> high-pass maps -> shared block -> difference -> CNN -> logit

Shapes follow one frame of the paper's configuration: two 256 x 256 pictures, 30 maps, 32 channels.
"""

import dataclasses
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from verilens.records import Clip, Evidence
from verilens.verify.detector import Detector
from verilens.verify.patchcraft.config import Config
from verilens.verify.patchcraft.kernels import srm_kernels
from verilens.verify.patchcraft.reconstruct import Pair, cut, luma, places, reconstruct, smash

PLANES = {"luma": 1, "rgb": 3, "summed": 1}


class Planes(nn.Module):
    """The planes that are filtered. Maps RGB pictures (N, 3, H, W) to (N, 1 or 3, H, W)."""

    def __init__(self, maps: str) -> None:
        super().__init__()
        self.coloured = maps == "rgb"

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures if self.coloured else luma(pictures)[:, None]


class HighPass(nn.Module):
    """The fixed kernels on every plane. Maps (N, P, H, W) in [0, 1] to (N, P x K, H - 4, W - 4)."""

    kernels: Tensor

    def __init__(self, maps: str) -> None:
        super().__init__()
        kernels = srm_kernels()
        scaled = 255 * kernels / kernels[:, 2:3, 2:3].abs()
        if maps == "summed":
            scaled = scaled.sum(0, keepdim=True)
        self.register_buffer("kernels", scaled[:, None], persistent=False)  # (K, 1, 5, 5)

    def forward(self, planes: Tensor) -> Tensor:
        n, count, height, width = planes.shape
        maps = conv2d(planes.reshape(n * count, 1, height, width), self.kernels)
        return maps.reshape(n, -1, height - 4, width - 4)


@torch.no_grad()
def composed(highpass: HighPass, convolution: nn.Conv2d) -> nn.Conv2d:
    """Return the one convolution over planes that equals `convolution` after `highpass`."""
    width, maps, size, _ = convolution.weight.shape
    planes = maps // len(highpass.kernels)
    weight = convolution.weight.reshape(width * planes, -1, size, size)
    shape = (width, planes, size + 4, size + 4)
    both = nn.Conv2d(planes, width, size + 4)
    # Strides that say channels last even of one plane: the other path is six times slower.
    product = torch.empty(shape, memory_format=torch.channels_last)
    product.copy_(conv_transpose2d(weight, highpass.kernels).view(shape))
    both.weight = nn.Parameter(product)
    both.bias = convolution.bias
    return both


def classifier(width: int, stages: tuple[int, ...], kernel: int, pool: int) -> nn.Sequential:
    """Return the CNN over fingerprints, (N, width, H, W) to (N, 1)."""
    layers: list[nn.Module] = []
    for stage, depth in enumerate(stages):
        if stage > 0:
            layers.append(nn.AvgPool2d(pool))
        for _ in range(depth):
            convolution = nn.Conv2d(width, width, kernel, padding=kernel // 2)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1))


class PatchCraft(Detector):
    """Classifies how the noise of rich and poor texture differs."""

    name = "patchcraft"
    workload = "compared"
    config: Config
    places: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        highpass = HighPass(config.maps)
        maps = PLANES[config.maps] * len(highpass.kernels)  # 30
        self.highpass = nn.Sequential(Planes(config.maps), highpass)
        self.block = nn.Sequential(
            nn.Conv2d(maps, config.width, config.kernel),
            nn.BatchNorm2d(config.width),
            nn.Hardtanh(inplace=True),
        )
        self.classifier = classifier(config.width, config.stages, config.kernel, config.pool)
        seeded = torch.Generator().manual_seed(config.seed)
        self.register_buffer("places", places(1, config.patches, seeded), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        return self.compared(torch.stack(self.reconstructed(frames), 1))

    def compared(self, pictures: Tensor) -> Tensor:
        """Return the logits, (N,). pictures: rich and poor, (N, 2, 3, 256, 256)."""
        rich, poor = pictures.unbind(1)
        logits: Tensor = self.classifier(self.fingerprint(Pair(rich, poor)))  # of (N, 32, 256, 256)
        return logits.squeeze(1)

    def reconstructed(self, frames: Tensor) -> Pair:
        """Return the rich and the poor pictures of `frames`; random while training."""
        config = self.config
        if self.training:
            patches = smash(frames, config.patches, config.patch, None)
        else:
            patches = cut(frames, config.patch, self.places)
        return reconstruct(patches, config.side)

    def fingerprint(self, pair: Pair) -> Tensor:
        """Return block(rich) - block(poor), (N, width, H, W), as large as the pictures."""
        border = 2 + self.config.kernel // 2  # mirrored once, for the kernels and the convolution
        pictures = pad(torch.cat(pair), (border,) * 4, mode="reflect")
        features: Tensor = self.block(self.highpass(pictures))
        both = features.view(2, -1, *features.shape[1:])
        return both[0] - both[1]

    def optimised(self) -> Self:
        """Return self, changed for inference: kernels and first convolution become one."""
        super().optimised()
        planes, *kernels = self.highpass
        first = self.block[0]
        for highpass in kernels:
            if isinstance(highpass, HighPass) and isinstance(first, nn.Conv2d):
                self.block[0] = composed(highpass, first)
        self.highpass = nn.Sequential(planes)
        return self

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the pooled score, in words, with a warning for pictures too small to compare."""
        found = super().evidence(clip, logits)
        differ = "differ as in generated pictures" if found.logit > 0 else "agree as a camera's do"
        height, width = clip.frames.shape[1:3]
        fewer = height * width < 2 * (self.config.side * self.config.patch) ** 2
        limits = ("the picture is too small for separate rich and poor patches",) if fewer else ()
        why = f"the noise of richly and poorly textured patches seems to {differ}"
        return dataclasses.replace(found, why=why, limits=limits)
