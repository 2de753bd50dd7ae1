"""Xception on one face crop.

    crop in [-1, 1] -> Xception -> ReLU, mean over space -> 2-way head -> difference

The softmax of two outputs is the sigmoid of their difference, so binary cross-entropy of the logit
is the published cross-entropy.
"""

from torch import Tensor, nn

from verilens.nn.xception import Xception, load_imagenet
from verilens.verify.detector import Detector
from verilens.verify.xception.config import Config


class XceptionDetector(Detector):
    """Classifies face crops."""

    name = "xception"
    claim = "face-swap"
    sign = "the look of the face: {} crops resembles forgeries"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.backbone = Xception(widths=config.widths, middle=config.middle)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.backbone.out_channels, 2)
        if config.pretrained:
            load_imagenet(self.backbone, config.pretrained)

    def forward(self, frames: Tensor) -> Tensor:
        maps = self.backbone(frames * 2 - 1)  # (N, 2048, 8, 8)
        scores: Tensor = self.head(self.dropout(maps.relu().mean((2, 3))))
        return scores[:, 1] - scores[:, 0]
