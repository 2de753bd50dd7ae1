"""Settings of the back-translation network; defaults as in Sign Language Transformers."""

from dataclasses import dataclass

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    joints: of a frame, three values each. words, glosses: the vocabularies without specials, most
        frequent first; where empty, `word_count` and `gloss_count` stand for their sizes.
    recognition, translation: weights of the two losses.
    beam: hypotheses kept; 1 is greedy. longest: words of a translation at most.
    """

    joints: int = 178
    width: int = 512
    layers: int = 3
    heads: int = 8
    inner: int = 2048
    dropout: float = 0.1
    words: tuple[str, ...] = ()
    glosses: tuple[str, ...] = ()
    word_count: int = 2888
    gloss_count: int = 1085
    recognition: float = 1.0
    translation: float = 1.0
    beam: int = 3
    longest: int = 60

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2:
            raise ConfigError(f"slrtp: width must be even and a multiple of heads ({self.heads})")
        if self.beam < 1 or self.longest < 1:
            raise ConfigError("slrtp: beam and longest must be at least 1")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            width=32, layers=1, heads=4, inner=64, words=("a", "b", "c"), glosses=("A", "B", "C")
        )
