"""Settings of ProtoGCN; the defaults are the paper's for NTU RGB+D 60."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.motion.classes import check
from verilens.motion.stretch import Change, Stream, Stretch

TURN_RAD = (0.2, 0.2, 0.2)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The class-specific contrastive loss.

    weight: of it in the total. features: length of what is compared. temperature: of the cosines.
    momentum: how much of a class's memory stays when a sample of it was recognised.
    """

    weight: float = 0.2
    features: int = 256
    temperature: float = 0.125
    momentum: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    width: channels of the first block; blocks in `grown`, counted from 1, double them and halve
    the time. graphs: learned adjacencies a layer, each on 1/graphs of the channels. prototypes:
    what the last graph is rebuilt from. dropout: of the rebuilt graph.
    """

    classes: int = 60
    labels: tuple[str, ...] = ()
    width: int = 96
    blocks: int = 10
    grown: tuple[int, ...] = (5, 8)
    graphs: int = 8
    prototypes: int = 400
    dropout: float = 0.1
    contrast: Contrast = field(default_factory=Contrast)
    stream: Stream = "j"
    stretch: Stretch = field(default_factory=lambda: Stretch(skeleton="ntu25", origin="spine"))
    change: Change = field(default_factory=lambda: Change(turn_rad=TURN_RAD))

    def __post_init__(self) -> None:
        check("protogcn", self.classes, self.labels)
        if self.width % self.graphs:
            raise ConfigError(f"protogcn: width ({self.width}) must be a multiple of graphs")
        if self.prototypes < 1:
            raise ConfigError("protogcn: prototypes must be at least 1")

    @classmethod
    def finegym(cls) -> "Config":
        """Return the paper's network for FineGYM: 99 classes of flat poses."""
        stretch = Stretch(skeleton="coco_new20", dims=2, centre="none")
        return cls(classes=99, stretch=stretch, change=Change(flip=0.5))

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        stretch = Stretch(skeleton="kinect20", frames=12, persons=2, views=2)
        return cls(
            classes=3, width=8, blocks=3, grown=(2,), graphs=2, prototypes=5, stretch=stretch
        )
