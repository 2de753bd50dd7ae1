"""Settings of ST-GCN++; the defaults are the paper's for NTU RGB+D."""

from dataclasses import dataclass, field

from verilens.motion.classes import check
from verilens.motion.stretch import Change, Stream, Stretch


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    width: channels of the first block; blocks in `grown`, counted from 1, double them and halve
    the time. stream: what it is shown.
    """

    classes: int = 60
    labels: tuple[str, ...] = ()
    width: int = 64
    blocks: int = 10
    grown: tuple[int, ...] = (5, 8)
    stream: Stream = "j"
    stretch: Stretch = field(default_factory=lambda: Stretch(skeleton="ntu25", origin="spine"))
    change: Change = field(default_factory=Change)

    def __post_init__(self) -> None:
        check("stgcnpp", self.classes, self.labels)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        stretch = Stretch(skeleton="kinect20", frames=12, persons=2, views=2)
        return cls(classes=3, width=6, blocks=3, grown=(2,), stretch=stretch)
