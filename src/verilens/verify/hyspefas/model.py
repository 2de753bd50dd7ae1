"""The HySpeFAS winner: a network of weighed bands, trained by two passes a step.

cubes -> augmented, mixed within their class -> loss at w -> w + e -> loss at w + e -> update of w

loss = focal + 10 contrast with the last 1,200 embeddings
"""

from typing import Self

import torch
from torch import Tensor
from torch.func import functional_call

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.normalise import Normalise
from verilens.verify.detector import Detector
from verilens.verify.hyspefas.augment import augmented, mixed
from verilens.verify.hyspefas.config import Config
from verilens.verify.hyspefas.loss import Memory, focal
from verilens.verify.hyspefas.network import Found, Network
from verilens.verify.hyspefas.sharpness import climbed, kept_statistics


class HySpeFAS(Detector):
    """Scores a spectral cube of a face; positive is a presentation attack."""

    name = "hyspefas"
    claim = "spoof"
    sign = "reflectance beyond three colours: {} cubes look unlike skin"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.network = Network(config)
        self.memory: Memory | None = Memory(config.memory, config.embedding)
        self.normalise = Normalise(config.mean, config.std)

    def forward(self, frames: Tensor) -> Tensor:
        """Return one logit a cube, (N,). frames: RGB and further bands, (N, 33, H, W)."""
        bands = self.config.view.bands
        if frames.shape[1] != bands:
            raise ConfigError(f"hyspefas reads {bands} bands a pixel, not {frames.shape[1]}")
        logits: Tensor = self.network.head(self.network.features(self.normalise(frames)))
        return logits.squeeze(1)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the loss at the weights after the climb; the gradient is one at the weights."""
        config, memory = self.config, self.memory
        if memory is None:
            raise ConfigError("hyspefas: an optimised network has no memory left to train with")
        labels = batch.labels.repeat_interleave(batch.frames.shape[1])
        cubes = augmented(batch.frames.flatten(0, 1), config.augment)
        x = self.normalise(mixed(cubes, labels, config.mixup_alpha))
        if not config.rho:
            return self.loss(self.network(x), labels, memory)
        weights = {n: w for n, w in self.network.named_parameters() if w.requires_grad}
        first = self.loss(self.network(x), labels, memory).total
        there = climbed(first, weights, config.rho, config.adaptive)
        with kept_statistics(self.network):
            found: Found = functional_call(self.network, there, (x,))
        return self.loss(found, labels, memory)

    def loss(self, found: Found, labels: Tensor, memory: Memory) -> Loss:
        """Return focal loss plus the contrast with the memory, which the batch enters."""
        config = self.config
        each = focal(found.logits, labels, config.focal_alpha, config.focal_gamma)
        contrast = memory.contrast(found.embeddings, labels, config.tau)
        total = each.mean() + config.contrast_weight * contrast
        parts = {"focal": each.mean().detach(), "contrast": contrast.detach()}
        return Loss(total=total, parts=parts)

    def optimised(self) -> Self:
        """Return self without what only training needs, changed in place to score faster."""
        self.memory = None
        self.network.embed = torch.nn.Sequential()
        return super().optimised()
