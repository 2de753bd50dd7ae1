"""Settings of EfficientNet-B4; the defaults are DeepfakeBench's."""

from dataclasses import dataclass, field

from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    scale: of the compound scaling, "b0" to "b7". stem_padding: whether the first convolution is
        padded. dropout: of the pooled features before the head.
    pretrained: local Hugging Face folder with ImageNet weights to start training from; empty starts
        from random numbers.
    """

    scale: str = "b4"
    stem_padding: bool = False
    dropout: float = 0.0
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(scale="tiny", view=View(size=64, frames=2, fit="face", margin=1.3))
