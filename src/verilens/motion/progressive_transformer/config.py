"""Settings of the progressive transformer; the defaults are the published ones."""

from dataclasses import dataclass

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    skeleton, joints: of the poses; the published ones are PHOENIX14T's 50.
    words: the vocabulary without specials; where empty, `word_count` stands for its size.
    longest: frames at most. noise_rate: of noise on the frames before, in spreads of the error; the
        published augmentation is 5, 0 is none. just_counter: show the decoder only the counter.
    """

    skeleton: str = "phoenix50"
    fps: float = 25.0
    joints: int = 50
    words: tuple[str, ...] = ()
    word_count: int = 2888
    width: int = 512
    layers: int = 2
    heads: int = 4
    inner: int = 2048
    dropout: float = 0.0
    noise_rate: float = 0.0
    just_counter: bool = False
    longest: int = 300

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2 or self.noise_rate < 0:
            raise ConfigError(
                f"progressive_transformer: width must be even and a multiple of {self.heads}, "
                "noise_rate not negative"
            )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(words=("a", "b", "c"), width=32, layers=1, heads=4, inner=64, longest=40)
