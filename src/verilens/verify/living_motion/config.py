"""Settings of the plausibility of movement."""

from dataclasses import dataclass

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """How movement is read, and what reads its figures.

    rate: frames a second at which all movement is looked at; slower movement stays as it is, down
        to `least_rate`. window_s, hop_s: of the stretches that are judged; a clip shorter than a
        window is one stretch, one shorter than `least_s` is none.
    hidden: units of each hidden layer; none is logistic regression. dropout: of hidden units.
    group_loss: how often all figures of one group are hidden while training.
    """

    rate: float = 15.0
    least_rate: float = 10.0
    window_s: float = 2.0
    hop_s: float = 0.5
    least_s: float = 1.0
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.3
    group_loss: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.least_rate <= self.rate:
            raise ConfigError("living_motion: least_rate must be above 0 and at most rate")
        if not 0 < self.hop_s <= self.window_s or not 0 < self.least_s <= self.window_s:
            raise ConfigError("living_motion: hop_s and least_s lie above 0, up to window_s")
        if any(units < 1 for units in self.hidden):
            raise ConfigError("living_motion: hidden layers have units, from 1 on")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(hidden=(8,))
