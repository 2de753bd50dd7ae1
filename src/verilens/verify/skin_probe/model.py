"""The early stages of a frozen network, and the head that reads them.

face -> stages -> mean and spread of each -> standardised -> head -> logit
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from verilens.nn.efficientnet_lite import STAGES, EfficientNetLite2, pooled
from verilens.verify.detector import Detector
from verilens.verify.skin_probe.config import Config

BOUND = 5.0  # standardised features are cut here: no single one decides
DROPPED, HIDDEN_DROPPED = 0.5, 0.3  # of features and of hidden units, in training


class SkinProbe(Detector):
    """Tells presentation attacks by what early layers see of a face."""

    name = "skin_probe"
    sign = "paper, a screen or a mask instead of skin: {} crops look so"
    claim = "spoof"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.backbone = EfficientNetLite2(config.depth).requires_grad_(False)
        width = 2 * sum(stage[-1] for stage in STAGES[: config.depth])
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.head = nn.Sequential(
            nn.Dropout(DROPPED),
            nn.Linear(width, config.hidden),
            nn.ReLU(),
            nn.Dropout(HIDDEN_DROPPED),
            nn.Linear(config.hidden, 1),
        )

    def train(self, mode: bool = True) -> "SkinProbe":
        """Set the mode of the head; the frozen backbone always evaluates."""
        super().train(mode)
        self.backbone.eval()
        return self

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield the head; the backbone is not trained."""
        yield {"params": list(self.head.parameters())}

    @torch.no_grad()
    def features(self, frames: Tensor) -> Tensor:
        """Return mean and spread of all stages' maps, (N, width).

        frames: RGB in [0, 1], (N, 3, H, W).
        """
        maps = self.backbone(frames)[1:]  # the first is the stem's
        return torch.cat([pooled(one) for one in maps], 1)

    def read(self, features: Tensor) -> Tensor:
        """Return the logits (N,) of `features`."""
        logits: Tensor = self.head(self.norm(features).clamp(-BOUND, BOUND))
        return logits.squeeze(1)

    def forward(self, frames: Tensor) -> Tensor:
        return self.read(self.features(frames))
