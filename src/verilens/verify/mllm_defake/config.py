"""Settings of MLLM-Defake."""

from dataclasses import dataclass
from typing import Literal

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """How the answers are joined and read.

    fusion: "conversation" has the model weigh its six answers, "majority" counts them.
    strict: read verdicts by a verdict line or whole words; else by the paper's code's rule.
    max_tokens: of each answer. parallel: questions under way.
    """

    fusion: Literal["conversation", "majority"] = "conversation"
    strict: bool = True
    max_tokens: int = 512
    parallel: int = 4

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or self.parallel < 1:
            raise ConfigError("mllm_defake: max_tokens and parallel must be at least 1")

    @classmethod
    def tiny(cls) -> "Config":
        """Return the settings of a test."""
        return cls(max_tokens=64, parallel=1)
