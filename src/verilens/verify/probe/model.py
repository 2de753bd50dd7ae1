"""The probe: small heads on a frozen EfficientNet-Lite2.

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
from verilens.nn.efficientnet_lite import EfficientNetLite2, pooled
from verilens.records import Clip, Evidence, View
from verilens.verify.detector import Detector, cross_entropy, sigmoid, tensor
from verilens.verify.probe.config import Config

FEATURES = 2 * 1280
CONTRAST = 1.5  # largest standard deviation of a heat map, in logits


class Probe(Detector):
    """Scores a whole frame; the backbone stays as ImageNet left it."""

    name = "probe"
    workload = "deep"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.backbone = EfficientNetLite2().requires_grad_(False)
        hidden = self.config.hidden
        self.still = nn.Sequential(nn.Linear(FEATURES, hidden), nn.GELU(), nn.Linear(hidden, 1))
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
        return pooled(self.maps(frames))

    def maps(self, frames: Tensor) -> Tensor:
        """Return the backbone's last maps, (N, 1280, H / 32, W / 32)."""
        return self.deep(self.enlarged(frames))

    def enlarged(self, frames: Tensor) -> Tensor:
        """Return frames whose shorter side is at least `config.least`.

        Of an exported network any size is expected, so there the caller has to enlarge them.
        """
        height, width = frames.shape[-2:]
        if isinstance(height, torch.SymInt) or min(height, width) >= self.config.least:
            return frames
        size = [round(edge * self.config.least / min(height, width)) for edge in (height, width)]
        return interpolate(frames, size, mode="bicubic", antialias=True).clamp(0, 1)

    def deep(self, frames: Tensor) -> Tensor:
        """Return the backbone's last maps of frames that are large enough."""
        last: Tensor = self.backbone(frames)[-1]
        return last

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

    @property
    def map_view(self) -> View:
        """Return the still's own view: the map is read off the same pass."""
        return dataclasses.replace(self.config.view, frames=1, only="image")

    @torch.no_grad()
    def heatmap(self, tiles: Clip, cells: int = 32) -> NDArray[np.float32]:
        """Return each cell's share of the still head's logit, as scores, (H / 32, W / 32).

        To first order: the head reads mean and spread over the cells, so a cell adds its own value
        and its squared distance from the mean over the spread, times the head's slope there; the
        mean of all shares is the logit. Shares that spread by more than CONTRAST are drawn together
        about it, so that the map has tones.
        """
        seen = self.maps(tensor(tiles.frames[:1])).float()
        features = pooled(seen)[0]
        logit, slope = self._slope(features)
        maps = seen[0].flatten(1)  # (1280, cells)
        mean, spread = features.view(2, -1)
        of_mean, of_spread = slope.view(2, -1)
        apart = (maps - mean[:, None]).square() / spread.clamp(min=1e-6)[:, None]
        shares = of_mean @ maps + of_spread @ apart
        shares -= shares.mean()
        shares = logit + shares * CONTRAST / shares.std(correction=0).clamp(min=CONTRAST)
        return sigmoid(shares.double().numpy().reshape(seen.shape[2:])).astype(np.float32)

    def _slope(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the still head's logit at these features, (2560,), and its gradient."""
        with torch.enable_grad():
            at = features.detach().requires_grad_()
            logit = self.still(at)[0]
            (slope,) = torch.autograd.grad(logit, at)
        return logit.detach(), slope

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the evidence, in words."""
        found = super().evidence(clip, logits)
        side = "generated" if found.logit > 0 else "genuine"
        why = f"content and style are nearer to the {side} media this probe was fitted on"
        where = dataclasses.replace(found.where, by="each cell's share of probe's logit")
        return dataclasses.replace(found, why=why, where=where)
