"""Settings of StgcDiff; where the paper is silent the defaults are ours (see the card)."""

from dataclasses import dataclass
from typing import Literal

from verilens.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from, and how it fills.

    skeleton: of the graph. width: channels of every layer; encoder_layers, decoder_layers, layers:
        how many the encoder, its decoder and the denoiser have. kernel: frames of a convolution
        over time. mask: learn how strong each edge is, which ties the weights to one skeleton.
        attention: add edges that depend on the movement. norm: over the batch, or a sample's
        groups of channels.
    steps: of noise. schedule: of its strength. predict: what the denoiser gives. visible: whether
        the frames around a gap stay clean in its input. velocity: weight of the error of
        velocities, with predict = "clean" only.
    base: the passage that hidden frames are measured from, and spread: what the rest is divided
        by, in extents of the body. told: what the encoder is shown in the gap: the base, or a cubic
        passage; how far that departs from the base is then said beside, and corrected.
    error: of the denoiser, squared, or absolute where it is large.
    hidden: least and largest share of a training window that is hidden. context: frames read on
        either side of a gap.
    sampling: steps of DDIM. temperature: strength of the noise it begins with. bones: "kept" gives
        the gap's bones the lengths they have on its sides.
    """

    skeleton: str = "phoenix50"
    width: int = 128
    encoder_layers: int = 4
    decoder_layers: int = 4
    layers: int = 8
    kernel: int = 9
    mask: bool = True
    attention: bool = True
    norm: Literal["batch", "group"] = "batch"
    dropout: float = 0.1
    steps: int = 1000
    schedule: Literal["cosine", "linear"] = "cosine"
    predict: Literal["clean", "noise"] = "clean"
    visible: Literal["clean", "noised"] = "clean"
    velocity: float = 0.0
    base: Literal["zero", "linear", "cubic"] = "zero"
    spread: float = 1.0
    told: Literal["base", "cubic"] = "base"
    error: Literal["squared", "smooth"] = "squared"
    hidden: tuple[float, float] = (0.2, 0.5)
    context: int = 24
    sampling: int = 50
    temperature: float = 1.0
    bones: Literal["free", "kept"] = "free"

    def __post_init__(self) -> None:
        for name in ("width", "encoder_layers", "decoder_layers", "layers", "steps", "context"):
            _need(getattr(self, name) >= 1, f"{name} must be at least 1")
        _need(self.width % 8 == 0, "width must be a multiple of 8")
        _need(self.kernel % 2 == 1, f"kernel must be odd, not {self.kernel}")
        _need(1 <= self.sampling <= self.steps, "sampling must lie in [1, steps]")
        _need(0 < self.hidden[0] <= self.hidden[1] < 1, "hidden must be (low, high) within (0, 1)")
        _need(
            self.spread > 0 and self.temperature >= 0,
            "spread must be above 0, temperature not below",
        )
        _need(
            self.told == "base" or self.predict == "clean",
            "told = 'cubic' is a guess of clean frames; set predict = 'clean'",
        )
        _need(
            not self.velocity or self.predict == "clean",
            "velocity is an error of clean frames; set predict = 'clean'",
        )

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights, ours: small, and for every skeleton."""
        return cls(
            skeleton="cmu38",
            width=24,
            encoder_layers=1,
            decoder_layers=1,
            layers=4,
            kernel=7,
            mask=False,
            dropout=0.0,
            base="linear",
            spread=0.1,
            told="cubic",
            error="smooth",
            hidden=(0.25, 0.5),
            context=8,
            sampling=10,
            temperature=0.0,
            bones="kept",
        )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            skeleton="h36m17", width=8, encoder_layers=1, decoder_layers=1, layers=2, kernel=3,
            steps=50, sampling=5, context=6,
        )  # fmt: skip


def _need(is_met: bool, message: str) -> None:
    if not is_met:
        raise ConfigError(f"stgcdiff: {message}")
