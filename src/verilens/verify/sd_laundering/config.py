"""Settings of the laundering detector; the defaults are the released code's."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the two networks are and how they read a picture.

    scale: of both EfficientNets. patch: side of a patch in pixels. patches: drawn from a picture,
        at places that `seed` fixes. best: how many of the highest scores are averaged (M).
    shortest: smaller pictures are enlarged until their shorter side has so many pixels.
    dropout: before the last layer. train_patches: drawn from each frame in training.
    laundered: which kinds of a training set are laundered photographs; kinds count from 1 in the
        alphabetic order of its generators, so "laundered" comes before "synthetic".
    pretrained: local folder of a Hugging Face EfficientNet to start both stages from.
    """

    scale: str = "b4"
    patch: int = 96
    patches: int = 800
    best: int = 600
    seed: int = 21
    shortest: int = 256
    dropout: float = 0.4
    train_patches: int = 1
    laundered: tuple[int, ...] = (1,)
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=2048, frames=1, fit="native"))

    def __post_init__(self) -> None:
        if not 1 <= self.best <= self.patches:
            raise ConfigError(f"sd_laundering: best must lie in 1-{self.patches}, not {self.best}")
        if self.patch > self.shortest:
            raise ConfigError(
                f"sd_laundering: patch ({self.patch}) must not exceed shortest ({self.shortest})"
            )
        if 0 in self.laundered or self.train_patches < 1:
            raise ConfigError("sd_laundering: laundered kinds and train_patches count from 1")

    @classmethod
    def tiny(cls) -> "Config":
        """Return small networks for tests."""
        view = View(size=96, frames=1, fit="native")
        return cls(scale="tiny", patch=32, patches=12, best=8, shortest=48, view=view)
