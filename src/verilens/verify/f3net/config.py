"""Settings of F3-Net; the defaults are the paper's two streams with exchange."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    streams: "fad" (frequency bands), "lfs" (local statistics), "both" or "mix" (with exchange).
    window, stride, bands: of the local statistics: side of a window and step in pixels.
    widths, middle: of Xception, see nn/xception.py. dropout: of the pooled features.
    pretrained: ImageNet weights in the published layout (.pth or .safetensors) to start training
        from; empty starts from random numbers.
    """

    streams: Literal["fad", "lfs", "both", "mix"] = "mix"
    window: int = 10
    stride: int = 2
    bands: int = 6
    widths: tuple[int, ...] = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    middle: int = 8
    dropout: float = 0.5
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.view.size < 32:
            raise ConfigError(f"f3net: view.size must be at least 32, not {self.view.size}")
        if self.middle < 4 and self.streams == "mix":
            raise ConfigError("f3net: streams 'mix' exchanges after block7; middle is at least 4")
        if self.pretrained and self.bands % 3 and self.streams != "fad":
            raise ConfigError("f3net: ImageNet kernels of three colours need bands in threes")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face", margin=1.3)
        return cls(widths=(8, 8, 16, 16, 32, 32, 48, 64), middle=4, view=view)
