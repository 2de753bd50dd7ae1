"""The blending detector.

    aligned face -> EfficientNet-B4 or -Lite2, or SwinV2-B -> two logits -> their difference

In training: genuine faces -> self-blended copies -> both -> cross-entropy. Forgeries in a batch are
left out.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, MissingExtra
from verilens.method import Loss
from verilens.nn.efficientnet import EfficientNet
from verilens.nn.efficientnet_lite import EfficientNetLite2, load_public
from verilens.nn.normalise import Normalise
from verilens.records import Clip, Evidence
from verilens.verify.blending.config import Config
from verilens.verify.blending.fakes import pairs
from verilens.verify.detector import Detector
from verilens.verify.weak_features import weak_feature


class EfficientTrunk(nn.Module):
    """Maps faces (N, 3, H, W) in [0, 1] to features (N, C); pixels go in as they are."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.net = EfficientNet(config.scale, pretrained=config.pretrained)
        self.out_channels = self.net.out_channels

    def forward(self, faces: Tensor) -> Tensor:
        pooled: Tensor = self.net(faces).mean((2, 3))
        return pooled


class LiteTrunk(nn.Module):
    """Maps faces (N, 3, H, W) in [0, 1] to features (N, 1280)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.net = EfficientNetLite2()
        self.out_channels = 1280
        if config.pretrained:
            load_public(self.net, Path(config.pretrained))

    def forward(self, faces: Tensor) -> Tensor:
        pooled: Tensor = self.net(faces)[-1].mean((2, 3))
        return pooled


class SwinTrunk(nn.Module):
    """Maps faces (N, 3, H, W) in [0, 1] to features (N, C), normalised as for ImageNet."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        try:
            from transformers import Swinv2Config, Swinv2Model
        except ImportError as error:
            message = "SwinV2 needs transformers: pip install 'verilens[backbones]'"
            raise MissingExtra(message) from error
        settings = Swinv2Config(
            image_size=config.view.size,
            embed_dim=config.swin_width,
            depths=list(config.swin_depths),
            num_heads=list(config.swin_heads),
            window_size=config.swin_window,
        )
        self.net = (
            Swinv2Model.from_pretrained(config.pretrained, config=settings, local_files_only=True)
            if config.pretrained
            else Swinv2Model(settings)
        )
        self.out_channels: int = settings.hidden_size
        self.normalise = Normalise()

    def forward(self, faces: Tensor) -> Tensor:
        pooled: Tensor = self.net(self.normalise(faces)).pooler_output
        return pooled


TRUNKS: dict[str, Callable[[Config], EfficientTrunk | LiteTrunk | SwinTrunk]] = {
    "efficientnet": EfficientTrunk,
    "lite2": LiteTrunk,
    "swinv2": SwinTrunk,
}


class Blending(Detector):
    """Tells blended faces from genuine ones."""

    name = "blending"
    claim = "face-swap"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.trunk = TRUNKS[config.network](config)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.trunk.out_channels, 2)

    def forward(self, frames: Tensor) -> Tensor:
        genuine, blended = self.logits(frames).unbind(1)
        return blended - genuine

    def logits(self, faces: Tensor) -> Tensor:
        """Return the logits of genuine and of blended, (N, 2)."""
        found: Tensor = self.head(self.dropout(self.trunk(faces)))
        return found

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return the cross-entropy over genuine faces and their self-blended copies.

        Draws from torch's generator. ConfigError when the batch has no genuine face.
        """
        faces = batch.frames[batch.labels == 0]
        if not len(faces):
            raise ConfigError(
                "blending: it trains on genuine faces, and a batch has none; set plan.balance to "
                "'class', or leave the forgeries out of the manifest"
            )
        seed = int(torch.randint(2**31, ()))
        genuine, fakes = pairs(faces, self.config, seed)
        crops = torch.cat([genuine, fakes]).flatten(0, 1)
        labels = torch.arange(2, device=crops.device).repeat_interleave(len(crops) // 2)
        total = cross_entropy(self.logits(crops), labels)
        return Loss(total=total, parts={"blended": total.detach()})

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the pooled score and what it says of a seam."""
        found = super().evidence(clip, logits)
        return dataclasses.replace(found, why=weak_feature(found.score).rstrip(".").lower())
