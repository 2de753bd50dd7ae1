"""ResNet-50 with one output on a native-resolution crop."""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.nn.resnet import ResNet, load_imagenet
from verilens.records import Clip, Evidence
from verilens.verify.cnndetect.config import Config
from verilens.verify.detector import Detector

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
SPREAD = 0.02  # of the head's first weights


class CNNDetect(Detector):
    """Classifies crops with a ResNet."""

    name = "cnndetect"
    config: Config
    mean: Tensor
    std: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.network = ResNet(config.depths, width=config.width, classes=1)
        nn.init.normal_(self.network.get_parameter("fc.weight"), std=SPREAD)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)
        if config.pretrained:
            load_imagenet(self.network, config.pretrained)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.network((frames - self.mean) / self.std)
        return logits.squeeze(1)

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the pooled score, with how many crops look generated."""
        made = int((logits > 0).sum())
        why = f"traces of convolutional generators: {made or 'none'} of {len(logits)} crops"
        return dataclasses.replace(super().evidence(clip, logits), why=why)
