"""Settings of FAS-GRPO; what the paper leaves open has GRPO's usual values."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.nn.vlm import Lora, Sizes
from verilens.records import View

QUESTION = (
    "Is this face live or a presentation attack? Think first: write your thoughts between <think> "
    "and </think>, then real or spoof between <answer> and </answer>."
)


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the policy is and how it is rewarded.

    base: folder of a LLaVA saved by transformers; without one it is built from `sizes`, untrained.
    words: a closed vocabulary for toys; empty writes bytes.
    group: answers G for each face. temperature: they are drawn at. most: tokens of an answer.
    clip: of the ratio. beta: weight of the distance from the starting policy. deviation: what
        advantages are divided by. keep: share of a group's answers that is learned from, best
        first.
    reward_class, reward_reason, reward_format: weights of the three rewards.
    inner: updates made with the same answers.
    """

    base: str = ""
    sizes: Sizes = field(default_factory=Sizes)
    lora: Lora = field(default_factory=Lora)
    words: tuple[str, ...] = ()
    question: str = QUESTION
    group: int = 8
    temperature: float = 1.0
    most: int = 256
    clip: float = 0.2
    beta: float = 0.04
    deviation: Literal["population", "sample"] = "population"
    keep: float = 1.0
    reward_class: float = 1.0
    reward_reason: float = 1.0
    reward_format: float = 1.0
    inner: int = 1
    view: View = field(default_factory=lambda: View(size=336, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.group < 2:
            raise ConfigError("fas_grpo: group must be at least 2, to have a mean to compare with")
        if self.inner < 1 or self.most < 1:
            raise ConfigError("fas_grpo: inner and most must be at least 1")
        if not 0 < self.keep <= 1:
            raise ConfigError(f"fas_grpo: keep must lie in (0, 1], not {self.keep}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small policy for tests."""
        return cls(
            sizes=Sizes.tiny(),
            lora=Lora(rank=0),
            question="Live?",
            group=2,
            most=6,
            view=View(size=32, frames=2, fit="face", margin=1.3),
        )
