"""The probe: linear heads on a frozen EfficientNet-Lite2.

frame -> backbone -> mean and spread over space -> still head -> logit film -> the same per frame ->
mean and spread over time -> clip head -> logit
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from verilens.batch import ClipBatch
from verilens.method import Loss
from verilens.records import Clip, Evidence
from verilens.verify.detector import Detector, cross_entropy, tensor
from verilens.verify.probe.backbone import EfficientNetLite2, pooled
from verilens.verify.probe.config import Config

FEATURES = 2 * 1280


class Probe(Detector):
    """Scores a whole frame; the backbone stays as ImageNet left it."""

    name = "probe"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.backbone = EfficientNetLite2().requires_grad_(False)
        self.still = nn.Linear(FEATURES, 1)
        self.clip = nn.Linear(FEATURES, 1)

    def train(self, mode: bool = True) -> "Probe":
        """Set the mode of the heads; the frozen backbone always evaluates."""
        super().train(mode)
        self.backbone.eval()
        return self

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield the heads; the backbone is not trained."""
        yield {"params": [*self.still.parameters(), *self.clip.parameters()]}

    def features(self, frames: Tensor) -> Tensor:
        """Return mean and spread of the last maps, (N, 2560). frames: (N, 3, H, W) in [0, 1]."""
        shorter = min(frames.shape[-2:])
        if shorter < self.config.least:
            size = [round(edge * self.config.least / shorter) for edge in frames.shape[-2:]]
            frames = interpolate(frames, size, mode="bicubic", antialias=True).clamp(0, 1)
        return pooled(self.backbone(frames)[-1])

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.still(self.features(frames))
        return logits.squeeze(1)

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return binary cross-entropy; films teach the clip head, stills the still head."""
        films = batch.frames.shape[1] > 1
        features = self.features(batch.frames.flatten(0, 1))
        logits = (self.clip if films else self.still)(features).view(batch.frames.shape[:2]).mean(1)
        return cross_entropy(logits, batch.labels)

    @torch.inference_mode()
    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip; a film is read by the clip head."""
        return [self.evidence(clip, self._logits(clip)) for clip in clips]

    def _logits(self, clip: Clip) -> NDArray[np.float64]:
        is_film = len(np.unique(clip.times_s)) > 1
        head = self.clip if is_film else self.still
        frames = (tensor(frame[None]).to(self.device) for frame in clip.frames)
        features = torch.cat([self.features(frame) for frame in frames])
        logits: NDArray[np.float64] = head(features).squeeze(1).double().cpu().numpy()
        return logits

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the evidence, in words."""
        found = super().evidence(clip, logits)
        side = "generated" if found.logit > 0 else "genuine"
        why = f"content and style are nearer to the {side} media this probe was fitted on"
        return dataclasses.replace(found, why=why)
