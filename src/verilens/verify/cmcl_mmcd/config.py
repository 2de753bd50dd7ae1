"""Settings of CMCL with MMCD; the defaults are those for FakeSV."""

from dataclasses import dataclass
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and how it is trained.

    text_width: of a token's features, 768 (FakeSV, BERT) or 512 (FakeTT, CLIP). emotion_width: of
        the emotion of text and of sound. frame_width: of a frame.
    tokens, frames: how many are read; shorter ones are filled with zeros, more frames are thinned.
    co_heads, co_width: of the co-attention, each head of this width. ffn: of the transformers.
    summary: which token stands for frames and text in the cosine loss.
    positions: add sinusoids in the co-attention; their tables are there in any case.
    weight_*: of the joint head, of the product and of the three cosine terms.
    text_encoder, emotion_encoder, frame_encoder: local folders with what makes features of a
        post; empty for none. They are not asked where features were published with a sample.
    """

    text_width: int = 768
    emotion_width: int = 768
    frame_width: int = 512
    tokens: int = 512
    frames: int = 83
    width: int = 128
    heads: int = 2
    ffn: int = 2048
    co_heads: int = 4
    co_width: int = 128
    co_ffn: int = 128
    head_width: int = 64
    dropout: float = 0.1
    summary: Literal["content", "front"] = "content"
    positions: bool = False
    weight_joint: float = 0.5
    weight_product: float = 0.1
    weight_cosine: float = 3.0
    text_encoder: str = ""
    emotion_encoder: str = ""
    frame_encoder: str = ""

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2:
            raise ConfigError("cmcl_mmcd: width must be even and a multiple of heads")
        if min(self.tokens, self.frames) < 1:
            raise ConfigError("cmcl_mmcd: tokens and frames must be at least 1")

    @property
    def view(self) -> View:
        """Return the frames of a scanned post, resized for the encoder."""
        return View(size=224, frames=self.frames, fit="resize")

    @classmethod
    def fakett(cls) -> "Config":
        """Return the published settings for FakeTT."""
        return cls(text_width=512)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            text_width=24,
            emotion_width=24,
            frame_width=24,
            tokens=8,
            frames=8,
            width=32,
            ffn=64,
            co_width=16,
            co_ffn=32,
            head_width=16,
        )
