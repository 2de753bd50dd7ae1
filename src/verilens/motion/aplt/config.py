"""Settings of APLT and of the baselines that it is compared with."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.motion.classes import check
from verilens.motion.stretch import Change, Stretch

Scheme = Literal["aplt", "fixmatch", "pseudo", "supervised"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from, and how it learns from clips without labels.

    scheme: "aplt"; "fixmatch" takes what the network says of a weakly changed clip, where it is
        surer than `threshold`, as the label of the strongly changed one; "pseudo" takes it for all
        clips; "supervised" ignores them.
    width, blocks, grown: of the graph network, as in ST-GCN++.
    temperature: of cosines to class means. weight: of the loss on clips without labels.
    warmup: epochs with labels alone; pseudo labels come after it. round_epochs: from one offline
        phase to the next. copies: changed copies of each labelled clip that are clustered too.
    change: of clips with labels, and the weak one; strong: of clips without.
    """

    classes: int = 52
    labels: tuple[str, ...] = ()
    scheme: Scheme = "aplt"
    width: int = 64
    blocks: int = 10
    grown: tuple[int, ...] = (5, 8)
    temperature: float = 0.1
    weight: float = 1.0
    threshold: float = 0.95
    warmup: int = 5
    round_epochs: int = 1
    copies: int = 3
    stretch: Stretch = field(
        default_factory=lambda: Stretch(skeleton="coco17", frames=64, persons=1, dims=2, size="one")
    )
    change: Change = field(default_factory=lambda: Change(turn_rad=(0.1, 0.1, 0.1), shift=0.1))
    strong: Change = field(
        default_factory=lambda: Change(
            turn_rad=(0.3, 0.5, 0.3), stretch=0.2, noise=0.03, hide=0.1, shift=0.3
        )
    )

    def __post_init__(self) -> None:
        check("aplt", self.classes, self.labels)
        if self.temperature <= 0 or not 0 < self.threshold <= 1:
            raise ConfigError("aplt: temperature must be above 0 and threshold in (0, 1]")
        if self.round_epochs < 1 or min(self.warmup, self.copies) < 0:
            raise ConfigError("aplt: round_epochs must be at least 1, warmup and copies at least 0")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        stretch = Stretch(skeleton="kinect20", frames=12, persons=1, views=2)
        return cls(classes=3, width=6, blocks=3, grown=(2,), warmup=0, copies=1, stretch=stretch)
