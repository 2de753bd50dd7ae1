"""Settings of the probe."""

from dataclasses import dataclass, field

from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the probe reads.

    least: a frame whose shorter side is below it is enlarged to it first, as in training.
    hidden: units of the still head's one hidden layer.
    """

    least: int = 256
    hidden: int = 512
    view: View = field(default_factory=lambda: View(size=384, frames=8, fit="contain"))

    @classmethod
    def tiny(cls) -> "Config":
        """Return settings for tests; the backbone itself has one size."""
        return cls(least=32, hidden=8, view=View(size=32, frames=2, fit="contain"))
