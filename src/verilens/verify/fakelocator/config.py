"""Settings of FakeLocator; the paper's where they are known, our reading elsewhere."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is and what it learns.

    depths, expansion, width: of the ResNet that encodes. decoder: channels of the way back up.
    attention: what steers the decoder when the caller gives no map: nothing, or a soft "ellipse"
        where an aligned face lies.
    truth: "masks" reads the batch's maps; "pairs" takes the difference to the genuine sample that
        each forgery of a group follows. stretch: "max" divides such a map by its largest value.
    regression: distance of maps; map_weight and class_weight: of the two losses.
    partial_p: chance that a genuine face, and never a fake, is blurred, compressed, made noisy or
        coarse in training.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    expansion: int = 4
    width: int = 64
    decoder: int = 64
    attention: Literal["none", "ellipse"] = "none"
    truth: Literal["masks", "pairs"] = "masks"
    stretch: Literal["none", "max"] = "none"
    regression: Literal["l1", "l2"] = "l1"
    map_weight: float = 1.0
    class_weight: float = 1.0
    partial_p: float = 0.5
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if not 0 <= self.partial_p <= 1:
            raise ConfigError(f"fakelocator: partial_p must lie in [0, 1], not {self.partial_p}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face")
        return cls(depths=(1, 1, 1, 1), expansion=1, width=8, decoder=8, view=view)
