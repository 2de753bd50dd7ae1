"""EfficientNet-B4 on one face crop.

    crop in [-1, 1] -> EfficientNet -> mean over space -> 2-way head -> difference

The softmax of two outputs is the sigmoid of their difference, so binary cross-entropy of the logit
is the published cross-entropy.
"""

from torch import Tensor, nn

from verilens.nn.efficientnet import EfficientNet
from verilens.verify.detector import Detector
from verilens.verify.efficientnet_b4.config import Config


class EfficientNetB4(Detector):
    """Classifies face crops."""

    name = "efficientnet_b4"
    claim = "face-swap"
    sign = "the look of the face: {} crops resembles forgeries"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.backbone = EfficientNet(
            config.scale, stem_padding=config.stem_padding, pretrained=config.pretrained
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.backbone.out_channels, 2)

    def forward(self, frames: Tensor) -> Tensor:
        maps = self.backbone(frames * 2 - 1)  # (N, 1792, 8, 8)
        scores: Tensor = self.head(self.dropout(maps.mean((2, 3))))
        return scores[:, 1] - scores[:, 0]
