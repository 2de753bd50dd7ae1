"""Settings of SRM; the defaults are DeepfakeBench's."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    widths, middle: of both Xceptions, see nn/xception.py; features are exchanged before and in the
        middle of the middle flow. reduction: of the keys' channels; squeeze: of the fused ones'.
    margin, scale: of the loss.
    pretrained: ImageNet weights in the published layout (.pth or .safetensors) for both networks to
        start training from; empty starts from random numbers.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    middle: int = 8
    reduction: int = 8
    squeeze: int = 16
    margin: float = 0.45
    scale: float = 30.0
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.middle < 2:
            raise ConfigError(f"srm: middle must be at least 2, not {self.middle}")
        if not self.scale > 0:
            raise ConfigError(f"srm: scale must be above 0, not {self.scale}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face", margin=1.3)
        return cls(widths=(8, 8, 16, 16, 32, 32, 48, 64), middle=2, view=view)
