"""Settings of knowledge-based prompts; sizes are CLIP ViT-B/16's, the rest as far as known."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.nn.clip import ClipSizes
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the prompts are built from and how they are trained.

    context: learned tokens of each class's prompt. heads: of the filter.
    knowledge: a TOML file like the packaged one; empty takes that. A weights file does not hold it.
    tau: temperature of the scores. share: of the patches that are kept; 1 keeps all.
    judge: score by the mean of the kept patches, or by the "image" feature.
    weight_kept, weight_dropped: of the kept patches' cross-entropy, and of how far the dropped
        ones' prediction is from even.
    pretrained: local folder with CLIP in the Hugging Face layout and its tokenizer; empty starts
        untrained. Nothing is downloaded.
    """

    clip: ClipSizes = field(default_factory=ClipSizes)
    context: int = 16
    heads: int = 8
    knowledge: str = ""
    tau: float = 0.01
    share: float = 0.5
    judge: Literal["kept", "image"] = "kept"
    weight_kept: float = 1.0
    weight_dropped: float = 1.0
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"mask_knowledge: share must lie in (0, 1], not {self.share}")
        if self.tau <= 0 or self.context < 1:
            raise ConfigError("mask_knowledge: tau must be above 0, context at least 1")
        if self.clip.projection % self.heads:
            raise ConfigError(f"mask_knowledge: heads must divide {self.clip.projection}")
        if self.view.size % self.clip.patch:
            raise ConfigError(f"mask_knowledge: view.size must be a multiple of {self.clip.patch}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return small encoders for tests."""
        return cls(
            clip=ClipSizes.tiny(),
            context=4,
            heads=2,
            tau=0.1,
            view=View(size=32, frames=2, fit="face", margin=1.3),
        )
