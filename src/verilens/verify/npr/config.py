"""Settings of NPR; the defaults are the paper's."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    block: side l of the blocks whose pixels are compared.
    reference: which pixel of a block is subtracted, counted row by row; 0 is the top-left one.
    width: channels of the first convolution; the trunk's stages have 4 and 8 times as many.
    depths: bottleneck blocks of the trunk's stages.
    """

    block: int = 2
    reference: int = 0
    width: int = 64
    depths: tuple[int, ...] = (3, 4)
    view: View = field(default_factory=lambda: View(size=224, frames=8, crops=1))

    def __post_init__(self) -> None:
        if self.block < 2:
            raise ConfigError(f"npr: block must be at least 2, not {self.block}")
        if not 0 <= self.reference < self.block**2:
            raise ConfigError(f"npr: reference must lie in 0-{self.block**2 - 1}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(width=8, depths=(1, 1), view=View(size=32, frames=2, crops=2))
