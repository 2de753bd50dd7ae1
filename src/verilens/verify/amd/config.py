"""Settings of AMD; the defaults are the paper's, on Florence-2-base."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View

QUESTION = (
    "A news item says: {caption} Faces keep their identity and expression, words their meaning. "
    "Was a face swapped or edited, or was the text swapped? {options} "
    "Pick one, then give the place of the forged face and the swapped words. Answer:"
)


@dataclass(frozen=True, kw_only=True)
class Florence:
    """The base network: a DaViT and a BART. side: of the picture that it reads."""

    side: int = 768
    depths: tuple[int, ...] = (1, 1, 9, 1)
    dims: tuple[int, ...] = (128, 256, 512, 1024)
    heads: tuple[int, ...] = (4, 8, 16, 32)
    window: int = 12
    width: int = 768
    layers: int = 6
    text_heads: int = 12
    ffn: int = 3072
    vocabulary: int = 51289
    positions: int = 1024
    dropout: float = 0.1
    drop_path: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and how it is trained.

    artifact_tokens: learned tokens that gather traces. pool_width: of what pools them.
    box_heads: of the attention with which the pooled token asks the patches for a box.
    scaled: divide the attention between the modalities by the root of the width.
    bins: location tokens of an axis. caption_words: of a caption that are read.
    weight_*: of the auxiliary losses. beams, longest: of a generated answer.
    flip: chance of a mirrored picture in training.
    view: the picture as its data set gives it; the base network reads it enlarged, as published.
    pretrained: local folder with Florence-2 in the Hugging Face layout; empty starts untrained.
    tokenizer: local folder with its tokenizer, kept with the weights; empty takes words for tokens.
        Nothing is downloaded.
    """

    florence: Florence = field(default_factory=Florence)
    artifact_tokens: int = 32
    pool_width: int = 256
    box_heads: int = 16
    scaled: bool = False
    bins: int = 1000
    question: str = QUESTION
    caption_words: int = 30
    weight_binary: float = 0.1
    weight_box: float = 0.1
    weight_regular: float = 0.05
    weight_magnitude: float = 0.2
    beams: int = 3
    longest: int = 64
    flip: float = 0.5
    pretrained: str = ""
    tokenizer: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=1, fit="resize"))

    def __post_init__(self) -> None:
        if self.florence.width % self.box_heads or self.florence.width % self.florence.text_heads:
            raise ConfigError("amd: width must be a multiple of box_heads and text_heads")
        if self.florence.side % 32:
            raise ConfigError("amd: florence.side must be a multiple of 32")
        if self.pretrained and not self.tokenizer:
            raise ConfigError("amd: pretrained weights need the tokenizer's folder too: tokenizer")
        if not {"{caption}", "{options}"} <= set(_places(self.question)):
            raise ConfigError("amd: question must hold {caption} and {options}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        florence = Florence(
            side=128,
            depths=(1, 1, 1, 1),
            dims=(16, 32, 48, 64),
            heads=(1, 2, 2, 2),
            window=4,
            width=64,
            layers=2,
            text_heads=4,
            ffn=128,
            vocabulary=2048,
            positions=192,
            dropout=0.0,
            drop_path=0.0,
        )
        return cls(
            florence=florence,
            artifact_tokens=8,
            pool_width=32,
            box_heads=4,
            beams=1,
            longest=24,
            question="{caption} {options}",
            view=View(size=128, frames=1, fit="resize"),
        )


def _places(question: str) -> list[str]:
    return [place for place in ("{caption}", "{options}") if place in question]
