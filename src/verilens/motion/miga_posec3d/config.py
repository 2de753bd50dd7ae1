"""Settings of PoseC3D for micro-gestures; the defaults are PoseC3D's with the paper's joints."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.motion.classes import check
from verilens.motion.stretch import Change, Stretch


@dataclass(frozen=True, kw_only=True)
class Draw:
    """How joints become spots.

    side: of the square film in pixels when a clip is recognised, train_side in training. sigma: of
    a spot in pixels. padding: room around the tight box of all joints, in parts of its side.
    least: smallest share of the box's area that a training crop keeps. limbs: draw the edges of the
    skeleton in place of its joints.
    """

    side: int = 64
    train_side: int = 56
    sigma: float = 0.6
    padding: float = 0.25
    least: float = 0.56
    limbs: bool = False

    def __post_init__(self) -> None:
        if min(self.side, self.train_side) < 8 or self.sigma <= 0 or not 0 < self.least <= 1:
            raise ConfigError(
                "miga_posec3d: draw.side and draw.train_side must be at least 8, draw.sigma above "
                "0 and draw.least in (0, 1]"
            )


@dataclass(frozen=True, kw_only=True)
class Semantic:
    """The loss that draws features to the embeddings of class names; needs `labels`.

    weight: of it in the total; 0 leaves it out. rule: "cosine" is 1 - cos with the own class's
    embedding, "contrast" cross-entropy over the cosines with all classes. file: .safetensors with
    a tensor "embeddings", (classes, any), to use in place of counted letter groups.
    """

    weight: float = 0.5
    rule: Literal["cosine", "contrast"] = "contrast"
    temperature: float = 0.1
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    width: channels of the stem; stage n has width x 2^n inside and four times as many out of it.
    depths: blocks of each stage. inflate: which stages convolve over time. time_strides,
    space_strides: of each stage.
    """

    classes: int = 32
    labels: tuple[str, ...] = ()
    width: int = 32
    depths: tuple[int, ...] = (4, 6, 3)
    inflate: tuple[bool, ...] = (False, True, True)
    time_strides: tuple[int, ...] = (1, 1, 2)
    space_strides: tuple[int, ...] = (2, 2, 2)
    dropout: float = 0.5
    draw: Draw = field(default_factory=Draw)
    semantic: Semantic = field(default_factory=Semantic)
    stretch: Stretch = field(
        default_factory=lambda: Stretch(
            skeleton="imigue41", frames=48, persons=1, dims=2, short="linear", centre="none"
        )
    )
    change: Change = field(default_factory=lambda: Change(flip=0.5))

    def __post_init__(self) -> None:
        check("miga_posec3d", self.classes, self.labels)
        stages = {len(self.depths), len(self.inflate)}
        stages |= {len(self.time_strides), len(self.space_strides)}
        if len(stages) > 1:
            raise ConfigError(
                "miga_posec3d: depths, inflate, time_strides and space_strides must be as long"
            )
        if self.stretch.dims != 2:
            raise ConfigError("miga_posec3d: joints are drawn flat; set stretch.dims = 2")

    @classmethod
    def posec3d(cls) -> "Config":
        """Return PoseC3D as published for NTU RGB+D 60 with COCO joints."""
        stretch = Stretch(skeleton="coco17", frames=48, persons=2, dims=2, centre="none")
        return cls(classes=60, stretch=stretch)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        stretch = Stretch(
            skeleton="kinect20", frames=8, persons=2, dims=2, short="linear", centre="none", views=2
        )
        return cls(
            classes=3,
            labels=("wave", "sit down", "stand up"),
            width=4,
            depths=(1, 1),
            inflate=(False, True),
            time_strides=(1, 2),
            space_strides=(2, 2),
            draw=Draw(side=16, train_side=16),
            stretch=stretch,
        )
