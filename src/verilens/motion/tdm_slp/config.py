"""Settings of TDM; the defaults are those of the official configuration."""

from dataclasses import dataclass
from typing import Literal

from verilens.errors import ConfigError


def hand(wrist: int) -> tuple[tuple[int, int], ...]:
    """Return the 21 bones of a hand whose joints begin at `wrist`: fingers, and across the palm."""
    knuckles = [wrist, *(wrist + 5 + 4 * finger for finger in range(4))]
    thumb = [(wrist + n, wrist + n + 1) for n in range(4)]
    fingers = [(k + n, k + n + 1) for k in knuckles[1:] for n in range(3)]
    palm = list(zip(knuckles, [*knuckles[1:], wrist], strict=True))
    return (*thumb, *fingers, *palm)


ARMS = ((0, 1), (1, 2), (0, 3), (3, 4), (4, 5), (0, 6), (6, 7), (7, 3))
BONES = (*ARMS, *hand(8), *hand(29))  # of the challenge's 178 joints


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    skeleton: of the poses; joints: its joints, three values each. bones: pairs of joints whose
        directions are learned too, with weight `bone_weight`.
    words: the vocabulary without specials; where empty, `word_count` stands for its size.
    times: steps of the diffusion; steps: of sampling; eta: how much noise each adds anew.
    scale: of poses inside the diffusion. masking: what counts as padding, coordinates that are 0
        or what lies behind the last frame.
    loud: draw words with deviation 1, as their positions have, not by Xavier's rule.
    longest: words and frames at most. frames_per_word: for a sentence of no given length.
    """

    skeleton: str = "holistic178"
    fps: float = 25.0
    joints: int = 178
    bones: tuple[tuple[int, int], ...] = BONES
    bone_weight: float = 0.1
    words: tuple[str, ...] = ()
    word_count: int = 2888
    width: int = 1024
    layers: int = 4
    heads: int = 8
    inner: int = 4096
    dropout: float = 0.0
    causal: bool = True
    masking: Literal["zeros", "length"] = "zeros"
    times: int = 1000
    steps: int = 5
    eta: float = 1.0
    scale: float = 1.0
    loud: bool = False
    longest: int = 300
    frames_per_word: float = 8.3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 4:
            raise ConfigError(f"tdm_slp: width must be a multiple of 4 and heads ({self.heads})")
        if not 1 <= self.steps < self.times:
            raise ConfigError("tdm_slp: steps must lie between 1 and times")
        if any(not 0 <= n < self.joints for bone in self.bones for n in bone):
            raise ConfigError(f"tdm_slp: a bone names a joint beyond {self.joints - 1}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(words=("a", "b", "c"), width=32, layers=1, heads=4, inner=64, longest=40)
