"""Settings of unknown spoof prompts; sizes are CLIP ViT-B/16's, the rest as far as it is known."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.nn.clip import ClipSizes
from verilens.records import View

SENTENCES = (
    "a photo of a face printed on paper",
    "a photo of a face on the screen of a phone",
    "a photo of a face on a computer monitor",
    "a photo of a face with a moire pattern",
    "a photo of a flat face without depth",
    "a photo of a person wearing a silicone mask",
    "a photo of a person wearing a plastic mask",
    "a photo of a paper mask with holes for the eyes",
    "a photo of a mannequin",
    "a photo of a face with a visible edge around it",
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the prompts are built from and how they are trained.

    prompts: for spoofing; there is one for real faces beside them. context: learned tokens of each.
    real, spoof: the words that follow. sentences: prior knowledge about attacks.
    begin: what spoof prompts begin as, the words of "sentences" in turn, or "random" vectors.
    tau: temperature of the scores. near: what a spoof prompt stays close to, its "own" sentence by
        turns, the "nearest" or their "mean"; delta: distance, 1 - cosine, that costs nothing.
    margin: by which real faces must fit their own prompt better. independence: mean absolute
        "cosine" of pairs, or squared distance of the "gram" matrix from the unit matrix.
    weight_prior, weight_distance, weight_independence: beside the cross-entropy.
    pretrained: local folder with CLIP in the Hugging Face layout and its tokenizer; empty starts
        untrained. Nothing is downloaded.
    """

    clip: ClipSizes = field(default_factory=ClipSizes)
    prompts: int = 6
    context: int = 16
    real: str = "real face"
    spoof: str = "spoof face"
    sentences: tuple[str, ...] = SENTENCES
    begin: Literal["sentences", "random"] = "sentences"
    tau: float = 0.01
    near: Literal["own", "nearest", "mean"] = "own"
    delta: float = 0.3
    margin: float = 0.1
    independence: Literal["cosine", "gram"] = "cosine"
    weight_prior: float = 1.0
    weight_distance: float = 1.0
    weight_independence: float = 1.0
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.prompts < 1 or self.context < 1 or not self.sentences:
            raise ConfigError("unknown_spoof: needs a spoof prompt, a context token and a sentence")
        if self.tau <= 0:
            raise ConfigError(f"unknown_spoof: tau must be above 0, not {self.tau}")
        if self.view.size % self.clip.patch:
            raise ConfigError(f"unknown_spoof: view.size must be a multiple of {self.clip.patch}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return small encoders for tests."""
        return cls(
            clip=ClipSizes.tiny(),
            prompts=3,
            context=4,
            tau=0.1,
            view=View(size=32, frames=2, fit="face", margin=1.3),
        )
