"""Settings of GM-DF; the defaults are the published sizes, the rest as far as it is known."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.nn.clip import ClipSizes
from verilens.records import View

DOMAINS = ("celeb_df", "deepfakeface", "dfdc", "faceforensics", "wilddeepfake")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and how it is trained.

    clip: sizes of the frozen encoders.
    domains: the data sets, in the order of `ClipBatch.domains`, which is alphabetic.
    unknown: what stands for the data set of a picture nobody knows: the embeddings' mean, or zero.
    experts, expert_ratio: how many beside an MLP, and their width in widths of the encoder.
    alpha: what the experts' sum is multiplied by at first. adapted_blocks: empty for all.
    second_order: how the blocks `second_order_blocks` add to the class token.
    mask_share: patches hidden from reconstruction; mask_at: before the encoder or after it.
    decoder_width, decoder_blocks, decoder_heads: of the reconstruction.
    context: learned tokens of a prompt. names: data sets and classes as learned vectors, or as the
        tokens of their words. contrast: pictures against every prompt, or against the batch's own.
    tau, tau_phi: temperature, and how much a domain embedding's length adds.
    alignment: what is compared of the domains' features.
    meta, inner_lr, inner_steps: the meta step; without it all domains are trained on at once.
    frozen: keep CLIP as it is. pretrained: local folder with CLIP in the Hugging Face layout, and
        its tokenizer if there is one; empty starts untrained. Nothing is downloaded.
    """

    clip: ClipSizes = field(default_factory=ClipSizes)
    domains: tuple[str, ...] = DOMAINS
    unknown: Literal["mean", "zero"] = "mean"
    domain_width: int = 64
    experts: int = 3
    expert_ratio: int = 4
    alpha: float = 0.1
    adapted_blocks: tuple[int, ...] = ()
    second_order: Literal["attention", "moments"] = "attention"
    second_order_blocks: tuple[int, ...] = (8, 9, 10)
    mask_share: float = 0.5
    mask_at: Literal["encoder", "decoder"] = "encoder"
    decoder_width: int = 384
    decoder_blocks: int = 4
    decoder_heads: int = 6
    context: int = 4
    names: Literal["learned", "words"] = "learned"
    contrast: Literal["prompts", "batch"] = "prompts"
    tau: float = 0.07
    tau_phi: float = 0.01
    alignment: Literal["means", "mmd"] = "means"
    weight_mim: float = 1.0
    weight_sis: float = 1.0
    weight_dal: float = 1.0
    head_width: int = 256
    dropout: float = 0.1
    meta: bool = True
    inner_lr: float = 1e-3
    inner_steps: int = 1
    frozen: bool = True
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        last = self.clip.blocks - 1 - (self.second_order == "attention")
        for name, top in (("adapted_blocks", self.clip.blocks - 1), ("second_order_blocks", last)):
            wrong = [block for block in getattr(self, name) if not 0 <= block <= top]
            if wrong:
                raise ConfigError(f"gm_df: {name} must lie in 0-{top}, not {wrong}")
        if self.view.size % self.clip.patch:
            raise ConfigError(f"gm_df: view.size must be a multiple of {self.clip.patch}")
        if not 0 < self.mask_share < 1:
            raise ConfigError("gm_df: mask_share must lie between 0 and 1")
        if not self.domains or self.inner_steps < 1:
            raise ConfigError("gm_df: name at least one domain and take at least one inner step")

    @property
    def patches(self) -> int:
        """Return how many patches a crop has."""
        return int((self.view.size // self.clip.patch) ** 2)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            clip=ClipSizes.tiny(blocks=4, vocabulary=128),
            domains=("celeb_df", "dfdc", "faceforensics"),
            domain_width=8,
            expert_ratio=2,
            second_order_blocks=(1, 2),
            decoder_width=16,
            decoder_blocks=1,
            decoder_heads=2,
            head_width=16,
            view=View(size=32, frames=2, fit="face", margin=1.3),
        )
