"""Settings of BMN; the defaults are the paper's, or our reading where it is silent."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View

CHOICES = {
    "columns": ("duration", "end"),
    "described": ("learned", "fixed"),
    "against": ("mean", "median"),
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from, and which of its proposals are reported.

    features: numbers that describe a moment. steps: moments of the time axis of all maps.
    samples, subsamples: points read inside each candidate, and how many are averaged into each.
    margin: how far the points reach beyond the candidate, in parts of its length.
    hidden: channels of the layers over time, over sampled points and over the map.
    groups: of the first convolutions.
    columns: what the map's second axis counts, a candidate's "duration" or its "end".
    described: by what a moment is described, a "learned" encoder or "fixed" filters.
    encoder: channels of the learned encoder's stages; each but the first halves the sides.
    against: what a moment is compared with, the film's "mean", or the "median" of its shot, also in
        units of what changes from one moment to the next.
    regression: weight of the regression loss.
    nms_sigma, nms_above: soft-NMS lowers a score by exp(-tIoU^2 / sigma) where tIoU is above.
    proposals: most kept. level: score a segment needs to be reported.
    """

    features: int = 400
    steps: int = 100
    samples: int = 32
    subsamples: int = 3
    margin: float = 0.5
    hidden: tuple[int, int, int] = (256, 512, 128)
    groups: int = 4
    columns: Literal["duration", "end"] = "duration"
    described: Literal["learned", "fixed"] = "learned"
    encoder: tuple[int, ...] = (16, 32, 64, 96)
    against: Literal["mean", "median"] = "mean"
    regression: float = 10.0
    nms_sigma: float = 0.4
    nms_above: float = 0.5
    proposals: int = 100
    level: float = 0.5
    view: View = field(default_factory=lambda: View(size=128, frames=100))

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                told = " or ".join(choices)
                raise ConfigError(f"bmn: {name} must be {told}, not {getattr(self, name)!r}")
        if self.steps < 2 or self.samples * self.subsamples < 2:
            raise ConfigError("bmn: steps and samples x subsamples must be at least 2")
        if self.features % self.groups or self.hidden[0] % self.groups:
            raise ConfigError(f"bmn: features and hidden[0] must divide among {self.groups} groups")
        if self.view.frames < 2:
            raise ConfigError("bmn: view.frames must be at least 2")

    @classmethod
    def starter(cls) -> "Config":
        """Return the small network whose weights come with verilens: nothing learned of frames."""
        return cls(
            features=64,
            steps=64,
            samples=12,
            hidden=(48, 48, 16),
            described="fixed",
            encoder=(),
            against="median",
            view=View(size=256, frames=64, only="video"),
        )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            features=16,
            steps=12,
            samples=4,
            subsamples=2,
            hidden=(16, 16, 8),
            encoder=(4, 8),
            view=View(size=32, frames=12),
        )
