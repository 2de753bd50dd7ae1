"""Settings of X2-DFD; the defaults are LLaVA-1.5-7B and the LoRA of the fork that could be read."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.nn.vlm import Lora, Sizes
from verilens.records import View
from verilens.verify.weak_features import Wording

QUESTION = "Is this image real or fake?"


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the model is and how it is asked.

    base: folder of a LLaVA saved by transformers; with one, weights files hold LoRA and projector
        alone. Without one the model is built from `sizes`, untrained, with bytes for tokens.
    sizes, lora: see `nn.vlm`. projector_lr: of the projector, beside the plan's rate for LoRA.
    question: what is asked of every face. strong: features of the assessment that reasons use.
    expert, sign: what the question calls the weak-feature detector, and what that sees.
    low, high: its score speaks for real up to `low` and for fake from `high` on.
    """

    base: str = ""
    sizes: Sizes = field(default_factory=Sizes)
    lora: Lora = field(default_factory=Lora)
    projector_lr: float = 2e-5
    question: str = QUESTION
    strong: int = 20
    expert: str = "A blending detector"
    sign: str = "blending artefacts"
    low: float = 0.3
    high: float = 0.7
    view: View = field(default_factory=lambda: View(size=336, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 1:
            raise ConfigError(
                f"x2_dfd: low and high must rise in [0, 1], not {self.low, self.high}"
            )
        if self.strong < 1:
            raise ConfigError("x2_dfd: strong must be at least 1")

    @property
    def wording(self) -> Wording:
        """Return how the expert is spoken of."""
        return Wording(self.expert, self.sign, self.low, self.high)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small model for tests."""
        view = View(size=32, frames=2, fit="face", margin=1.3)
        return cls(sizes=Sizes.tiny(), lora=Lora(rank=4, alpha=8, dropout=0.0), view=view)
