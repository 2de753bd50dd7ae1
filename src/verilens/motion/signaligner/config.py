"""Settings of SignAligner; sizes are our own reading, see the card."""

from dataclasses import dataclass

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    joints: of the pose, three values each; hands: values of both hands; body: of the body model.
    words: the vocabulary without specials; where empty, `word_count` stands for its size.
    rounds: layers of correction; 0 corrects nothing. tau: temperature of the losses' weights.
    consistency: weight of the wrists' distance. longest: frames at most.
    wrists: left and right, as joints of the pose; hand_wrists: and as places of three values in
        `hands`.
    """

    skeleton: str = "phoenix50"
    fps: float = 25.0
    joints: int = 50
    hands: int = 126
    body: int = 185
    wrists: tuple[int, int] = (4, 7)
    hand_wrists: tuple[int, int] = (0, 21)
    words: tuple[str, ...] = ()
    word_count: int = 2888
    width: int = 512
    layers: int = 2
    heads: int = 8
    inner: int = 2048
    rounds: int = 2
    dropout: float = 0.1
    tau: float = 2.0
    consistency: float = 0.1
    longest: int = 300

    def __post_init__(self) -> None:
        if self.width % self.heads or self.width % 2:
            raise ConfigError(f"signaligner: width must be even and a multiple of {self.heads}")
        if self.tau <= 0 or self.rounds < 0:
            raise ConfigError("signaligner: tau must be above 0, rounds not negative")
        if max(self.wrists) >= self.joints or 3 * max(self.hand_wrists) + 3 > self.hands:
            raise ConfigError("signaligner: a wrist lies beyond the joints of pose or hands")

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return how many values a frame has in each modality: pose, hands, body."""
        return 3 * self.joints, self.hands, self.body

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            words=("a", "b", "c"), width=32, layers=1, heads=4, inner=64, rounds=1, longest=40
        )
