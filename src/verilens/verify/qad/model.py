"""The QAD network and its training.

    versions of one picture -> one network -> stage maps -> HSIC between versions
                                           -> logits     -> cross-entropy
    gradient -> step of relative length to worse weights -> the same loss there -> its gradient

Shapes follow QAD-R: crops of 224 x 224 pixels, ResNet-50.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import combinations

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.nn.efficientnet import EfficientNet
from verilens.nn.normalise import Normalise
from verilens.nn.resnet import ResNet
from verilens.verify.detector import Detector
from verilens.verify.qad.config import Config
from verilens.verify.qad.loss import alignment, described, gaussian, hsic, worst_step

# Of the maps that a trunk gives, those at the end of 1/4, 1/8, 1/16 and 1/32 of the sides.
RESNET_TAPS, EFFICIENTNET_TAPS = (1, 2, 3, 4), (2, 3, 5, -1)


class Network(nn.Module):
    """The trunk with its logit: (N, 3, H, W) to the maps of four stages and (N,)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.trunk: ResNet | EfficientNet
        if config.trunk == "resnet":
            self.trunk, self.taps = ResNet(config.depths, width=config.width), RESNET_TAPS
        else:
            self.trunk = EfficientNet(config.scale, pretrained=config.pretrained)
            self.taps = EFFICIENTNET_TAPS
        self.head = nn.Linear(self.trunk.out_channels, 1)
        self.normalise = Normalise()

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:
        maps = self.trunk.taps(self.normalise(frames))
        logits = self.head(maps[-1].mean((2, 3))).squeeze(1)
        return [maps[place] for place in self.taps], logits


class QAD(Detector):
    """Scores a face with features that change little with compression."""

    name = "qad"
    claim = "face-swap"
    sign = "traces of forging that outlast compression: {} face crops show them"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config or Config()
        self.network = Network(self.config)

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.network(frames)[1]
        return logits

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return L = mean over qualities of CE - lambda HSIC at the worst weights nearby.

        Its gradient is the one at w + v, v held fixed, so an ordinary optimiser step from w is
        adversarial weight perturbation: no weight is ever moved there and back.
        """
        versions, labels = self.versions(batch)
        loss = self.objective(versions, labels, self.worst(versions, labels))
        if loss.each is None or self.config.quality_from == "group":
            return dataclasses.replace(loss, each=None)  # pictures there are not samples
        return dataclasses.replace(loss, each=loss.each.view(len(batch), -1).mean(1))

    def worst(self, versions: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the network's tensors where its loss rises fastest, within the radius."""
        if not self.config.radius:
            return {}
        weights = {n: w for n, w in self.network.named_parameters() if w.requires_grad}
        plain = self.objective(versions, labels, {}).total
        found = torch.autograd.grad(plain, list(weights.values()))
        gradients = dict(zip(weights, found, strict=True))
        steps = worst_step(weights, gradients, self.config.radius)
        # Batch norms have followed the pass above; they must not follow the one at w + v as well.
        spare = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        return spare | {name: weights[name] + step for name, step in steps.items()}

    def objective(self, versions: Tensor, labels: Tensor, tensors: Mapping[str, Tensor]) -> Loss:
        """Return the loss where the network has these tensors instead of its own.

        versions: (M, N, 3, H, W). labels: (N,).
        """
        count = len(versions)
        maps, logits = functional_call(self.network, dict(tensors), (versions.flatten(0, 1),))
        wanted = labels.repeat(count)
        each = binary_cross_entropy_with_logits(logits.float(), wanted, reduction="none")
        each = each.view(count, -1).mean(0)
        dependence = self.dependence([m.view(count, -1, *m.shape[1:]) for m in maps])
        parts = {"bce": each.mean(), "hsic": dependence}
        total = parts["bce"] - self.config.strength * dependence
        return Loss(total=total, parts={n: p.detach() for n, p in parts.items()}, each=each)

    def dependence(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the weighted sum over stages and pairs of versions of their (normalised) HSIC.

        maps: (M, N, C, H, W) of each stage.
        """
        config = self.config
        measure = alignment if config.normalised else hsic
        total = maps[0].new_zeros((), dtype=torch.float32)
        if maps[0].shape[1] < 2:  # of a single picture nothing can be said
            return total
        for weight, stage in zip(config.stage_weights, maps, strict=True):
            if not weight:
                continue
            rows = [described(version.float(), config.grid) for version in stage]
            kernels = [gaussian(row, config.bandwidth) for row in rows]
            for first, second in combinations(kernels, 2):
                total = total + weight * measure(first, second)
        return total

    def versions(self, batch: ClipBatch) -> tuple[Tensor, Tensor]:
        """Return the versions of every picture, (M, N, 3, H, W), and the labels, (N,)."""
        moments, count = batch.frames.shape[1], len(self.config.qualities)
        labels = batch.labels.repeat_interleave(moments)
        frames = batch.frames.flatten(0, 1)
        if self.config.quality_from == "jpeg":
            return torch.stack([recompressed(frames, q) for q in self.config.qualities]), labels
        fits = len(batch) % count == 0
        if not fits or (batch.labels.view(-1, count).diff(dim=1) != 0).any():
            raise ConfigError(
                f"qad: with quality_from='group' {count} consecutive samples of a batch must be "
                "versions of one picture; make plan.batch a multiple, or use quality_from='jpeg'"
            )
        groups = batch.frames.view(-1, count, *batch.frames.shape[1:])
        return groups.transpose(0, 1).flatten(1, 2), batch.labels[::count].repeat_interleave(
            moments
        )


def recompressed(frames: Tensor, quality: int) -> Tensor:
    """Return frames after JPEG at `quality`, 1-100; 0 returns them as they are. No gradient.

    frames: RGB in [0, 1], (N, 3, H, W).
    """
    if not quality:
        return frames
    pixels = frames.detach().mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    decoded = []
    for picture in pixels:
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), flags)
        decoded.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])
    found = torch.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2)
    return found.to(frames.device, frames.dtype).div_(255).contiguous()
