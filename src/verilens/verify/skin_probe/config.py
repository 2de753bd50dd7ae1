"""Settings of the skin probe."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is read of which maps.

    depth: stages of the network. hidden: units of the head's one hidden layer.
    """

    depth: int = 5
    hidden: int = 64
    view: View = field(
        default_factory=lambda: View(size=128, frames=8, fit="face", margin=1.5, shape="box")
    )

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 6 or self.hidden < 1:
            raise ConfigError("skin_probe: depth is 1 to 6, hidden counts from 1")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=48, frames=2, fit="face", margin=1.5, shape="box")
        return cls(depth=3, hidden=8, view=view)
