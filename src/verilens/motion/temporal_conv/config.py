"""Settings of the temporal convolutions; the defaults are the paper's network of 243 frames."""

from dataclasses import dataclass
from math import prod

from verilens.errors import ConfigError
from verilens.motion.lifter import LifterConfig, Window


@dataclass(frozen=True, kw_only=True)
class Config(LifterConfig):
    """What the network is built from.

    widths: of the convolutions, odd; their product is the window. channels: of every layer.
    dropout: after every activation.
    """

    widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25

    def __post_init__(self) -> None:
        if not self.widths or any(width < 1 or width % 2 == 0 for width in self.widths):
            raise ConfigError(f"temporal_conv: widths must be odd, not {list(self.widths)}")
        if prod(self.widths) != self.window.frames:
            raise ConfigError(
                f"temporal_conv: widths of {list(self.widths)} read {prod(self.widths)} frames; "
                f"window.frames is {self.window.frames}"
            )

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights, ours: 27 frames, 160 channels."""
        window = Window(frames=27, roll=6)
        return cls(widths=(3, 3, 3), channels=160, dropout=0.0, scale="person", window=window)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(widths=(3, 3), channels=16, window=Window(frames=9))
