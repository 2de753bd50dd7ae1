"""Settings of PatchCraft; the defaults are the paper's, or our reading where it is silent."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    patches: crops drawn from a picture. side: tiles along a side of each rebuilt picture, so
        that side x side richest and as many poorest patches are used. patch: side in pixels.
    maps: what the first convolution reads: "luma" (30 filter maps), "rgb" (90) or "summed" (1).
    kernel, pool: sides of the convolutions and of the pooling windows.
    stages: convolutions before each pooling. seed: of the patch positions outside training.
    """

    patches: int = 192
    side: int = 8
    patch: int = 32
    maps: Literal["luma", "rgb", "summed"] = "luma"
    width: int = 32
    stages: tuple[int, ...] = (4, 2, 2, 2)
    kernel: int = 3
    pool: int = 2
    seed: int = 0
    view: View = field(default_factory=lambda: View(size=768, frames=8, fit="native"))

    def __post_init__(self) -> None:
        if self.patches < self.side**2:
            raise ConfigError(
                f"patchcraft: patches ({self.patches}) must be at least side x side "
                f"({self.side**2})"
            )
        if self.maps not in ("luma", "rgb", "summed"):
            raise ConfigError(f"patchcraft: maps must be luma, rgb or summed, not {self.maps!r}")
        if self.kernel % 2 == 0:
            raise ConfigError(f"patchcraft: kernel must be odd, not {self.kernel}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=96, frames=2, fit="native")
        return cls(patches=24, side=3, patch=16, width=8, stages=(1, 1), view=view)
