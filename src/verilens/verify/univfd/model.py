"""A linear probe of a frozen encoder.

crop -> encoder -> features (768) -> linear layer -> logit
"""

from collections.abc import Iterator, Mapping
from typing import Self

from torch import Tensor, nn

from verilens.verify.detector import Detector
from verilens.verify.univfd.config import Config
from verilens.verify.univfd.encoder import Frozen

SPREAD = 0.02  # of the probe's first weights


class UnivFD(Detector):
    """Scores crops with one linear layer on frozen features.

    encoder: any module that maps RGB in [0, 1], (N, 3, H, W), to (N, `out_channels`); None builds
        the one that the config describes.
    """

    name = "univfd"
    sign = "features of a general encoder: {} look generated"
    config: Config

    def __init__(self, config: Config | None = None, encoder: nn.Module | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.encoder = Frozen(config.encoder, config.pretrained) if encoder is None else encoder
        self.encoder.requires_grad_(False).eval()
        channels: int = self.encoder.out_channels  # type: ignore[assignment]
        self.head = nn.Linear(channels, 1)
        nn.init.normal_(self.head.weight, std=SPREAD)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the probe; the frozen encoder always evaluates."""
        super().train(mode)
        self.encoder.eval()
        return self

    def parameter_groups(self) -> Iterator[Mapping[str, object]]:
        """Yield the probe; the encoder is not trained."""
        yield {"params": list(self.head.parameters())}

    def forward(self, frames: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(frames))
        return logits.squeeze(1)
