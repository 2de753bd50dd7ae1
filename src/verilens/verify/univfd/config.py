"""Settings of UnivFD; the defaults are the paper's: CLIP ViT-L/14."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """The frozen vision transformer.

    kind: "clip" (projected features), "vit" or "dinov2" (the class token).
    width, layers, heads, mlp: of the transformer. patch, image: sides in pixels.
    features: of the projection, for "clip". activation: OpenAI's CLIP has "quick_gelu".
    mean, std: the encoder's own normalisation of RGB in [0, 1].
    """

    kind: Literal["clip", "vit", "dinov2"] = "clip"
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp: int = 4096
    patch: int = 14
    image: int = 224
    features: int = 768
    activation: str = "quick_gelu"
    mean: tuple[float, ...] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, ...] = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    pretrained: local Hugging Face folder with the encoder's weights, for training; a weights file
        holds the encoder, so scanning needs none.
    """

    encoder: Encoder = field(default_factory=Encoder)
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=8, crops=1))

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        encoder = Encoder(width=32, layers=2, heads=2, mlp=64, patch=8, image=32, features=16)
        return cls(encoder=encoder, view=View(size=32, frames=2, crops=2))
