"""Settings of frame skipping; the defaults are the released ones."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class DenseNet:
    """The frozen network that describes frames; the defaults are DenseNet-201.

    growth: channels each layer adds. blocks: layers of each dense block. stem: channels before.
    """

    growth: int = 32
    blocks: tuple[int, ...] = (6, 12, 48, 32)
    stem: int = 64


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the networks are built from.

    every: frames of which one is looked at when a film is read frame by frame; pick: which.
    bilstm, gru, lstm, meta: units. single_bias: one bias a gate, as MATLAB counts.
    sequence: each "video" by itself, or as in the "release" all of a batch as one.
    meta_every: one of so many samples trains the meta-model, the others the three networks.
    pretrained: local file with a DenseNet's ImageNet weights under their usual names; a weights
        file holds the DenseNet, so scanning needs none.
    """

    every: int = 30
    pick: Literal["first", "last"] = "first"
    densenet: DenseNet = field(default_factory=DenseNet)
    bilstm: int = 500
    gru: int = 20
    lstm: int = 1000
    meta: int = 20
    single_bias: bool = False
    sequence: Literal["video", "release"] = "video"
    meta_every: int = 5
    pretrained: str = ""
    view: View = field(
        default_factory=lambda: View(size=224, frames=10, fit="resize", only="video")
    )

    def __post_init__(self) -> None:
        if self.every < 1 or self.meta_every < 2:
            raise ConfigError("frame_skipping: every must be at least 1, meta_every at least 2")

    @classmethod
    def tiny(cls) -> "Config":
        """Return small networks for tests."""
        return cls(
            densenet=DenseNet(growth=8, blocks=(2, 2), stem=8),
            bilstm=16,
            gru=8,
            lstm=24,
            meta=8,
            view=View(size=32, frames=4, fit="resize", only="video"),
        )
