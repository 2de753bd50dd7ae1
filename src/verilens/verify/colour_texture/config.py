"""Settings of colour texture analysis; the defaults are the paper's."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What is counted and what reads it.

    radii: of the patterns, in pixels. cells: the face is counted in cells x cells parts.
    hidden: units between counts and logit; 0 is logistic regression.
    """

    radii: tuple[int, ...] = (1,)
    cells: int = 1
    hidden: int = 0
    dropout: float = 0.0
    view: View = field(
        default_factory=lambda: View(size=64, frames=8, fit="face", margin=1.1, shape="box")
    )

    def __post_init__(self) -> None:
        if not self.radii or min(self.radii) < 1 or self.cells < 1 or self.hidden < 0:
            raise ConfigError("colour_texture: radii and cells count from 1, hidden from 0")
        if self.view.size // self.cells <= 2 * max(self.radii):
            raise ConfigError("colour_texture: the view is too small for these radii and cells")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(view=View(size=32, frames=2, fit="face", margin=1.1, shape="box"))
