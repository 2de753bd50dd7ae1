"""The PatchCraft network.

    frame -> rich and poor pictures -> high-pass maps -> shared block -> difference -> CNN -> logit

Shapes follow one frame of the paper's configuration: two 256 x 256 pictures, 30 maps, 32 channels.
"""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from verilens.records import Clip, Evidence
from verilens.verify.detector import Detector
from verilens.verify.patchcraft.config import Config
from verilens.verify.patchcraft.kernels import srm_kernels
from verilens.verify.patchcraft.reconstruct import Pair, luma, reconstruct, smash

IN_CHANNELS = {"luma": 30, "rgb": 90, "summed": 1}


class HighPass(nn.Module):
    """The fixed kernels. Maps pictures (N, 3, H, W) in [0, 1] to (N, maps, H - 4, W - 4)."""

    kernels: Tensor

    def __init__(self, maps: str) -> None:
        super().__init__()
        self.maps = maps
        kernels = srm_kernels()
        scaled = 255 * kernels / kernels[:, 2:3, 2:3].abs()
        if maps == "summed":
            scaled = scaled.sum(0, keepdim=True)
        self.register_buffer("kernels", scaled[:, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        n, _, height, width = pictures.shape
        if self.maps == "rgb":
            maps = conv2d(pictures.reshape(3 * n, 1, height, width), self.kernels)
            return maps.view(n, -1, height - 4, width - 4)
        return conv2d(luma(pictures)[:, None], self.kernels)


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
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.highpass = HighPass(config.maps)
        self.block = nn.Sequential(
            nn.Conv2d(IN_CHANNELS[config.maps], config.width, config.kernel),
            nn.BatchNorm2d(config.width),
            nn.Hardtanh(),
        )
        self.classifier = classifier(config.width, config.stages, config.kernel, config.pool)

    def forward(self, frames: Tensor) -> Tensor:
        fingerprint = self.fingerprint(self.reconstructed(frames))  # (N, 32, 256, 256)
        logits: Tensor = self.classifier(fingerprint)
        return logits.squeeze(1)

    def reconstructed(self, frames: Tensor) -> Pair:
        """Return the rich and the poor pictures of `frames`; random while training."""
        config = self.config
        generator = None if self.training else torch.Generator().manual_seed(config.seed)
        patches = smash(frames, config.patches, config.patch, generator)
        return reconstruct(patches, config.side)

    def fingerprint(self, pair: Pair) -> Tensor:
        """Return block(rich) - block(poor), (N, width, H, W), as large as the pictures."""
        border = 2 + self.config.kernel // 2  # mirrored once, for the kernels and the convolution
        pictures = pad(torch.cat(pair), (border,) * 4, mode="reflect")
        features: Tensor = self.block(self.highpass(pictures))
        rich, poor = features.chunk(2)
        return rich - poor

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the pooled score, in words, with a warning for pictures too small to compare."""
        found = super().evidence(clip, logits)
        differ = "differ as in generated pictures" if found.logit > 0 else "agree as a camera's do"
        height, width = clip.frames.shape[1:3]
        fewer = height * width < 2 * (self.config.side * self.config.patch) ** 2
        limits = ("the picture is too small for separate rich and poor patches",) if fewer else ()
        why = f"the noise of richly and poorly textured patches seems to {differ}"
        return dataclasses.replace(found, why=why, limits=limits)
