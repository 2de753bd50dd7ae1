"""Settings of MiniFASNet; the defaults are those of the official training."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View

Variant = Literal["v1", "v2", "v1se", "v2se"]
STEM = 32
WIDTHS = (64, 128, 128)  # channels of the three stages
EMBEDDED = 512  # channels before the embedding
DOWN = (103, 231, 308)  # inner channels of the block that opens each stage
FIRST = ((13, 26, 13, 52), (154, 52, 26, 52, 26, 26), (26, 26))  # of the blocks that follow it
SECOND = ((13, 13, 13, 13), (231, 52, 26, 77, 26, 26), (26, 26))


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    variant: "v1" and "v2" differ in the inner channels of their blocks, which pruning chose; "se"
        adds squeeze and excitation to the last block of each stage.
    classes, live: how many there are, and which of them is a bona fide presentation.
    dropout: of the embedding; the authors' is 0.2 without squeeze and excitation.
    fourier: whether training also learns the spectrum; scoring never needs it.
    view.margin: 2.7 or 4.0 as published. view.shape "box" cuts as the authors do.
    """

    variant: Variant = "v2se"
    classes: int = 3
    live: int = 1
    embedding: int = 128
    dropout: float = 0.75
    fourier: bool = True
    view: View = field(
        default_factory=lambda: View(size=80, frames=8, fit="face", margin=2.7, shape="box")
    )

    def __post_init__(self) -> None:
        if not 0 <= self.live < self.classes:
            raise ConfigError(f"minifasnet: live must name one of {self.classes} classes")

    @property
    def inner(self) -> tuple[tuple[int, ...], ...]:
        """Return the inner channels of each stage's blocks, the opening one first."""
        blocks = FIRST if self.variant.startswith("v1") else SECOND
        return tuple((down, *rest) for down, rest in zip(DOWN, blocks, strict=True))

    @property
    def excited(self) -> bool:
        """Return whether the last block of a stage has squeeze and excitation."""
        return self.variant.endswith("se")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a network for tests: the published one is small enough, on fewer pixels."""
        return cls(view=View(size=48, frames=2, fit="face", margin=2.7, shape="box"))
