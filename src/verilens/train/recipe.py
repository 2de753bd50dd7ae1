"""A recipe: how one published table row is run again, read from a TOML file beside the method.

It holds values only. What a training run resolved to is a recipe too, so a run's `config.toml` is
enough to start it again. `data.train`, `data.val` and `data.test` say where the published files
lie and are for the reader: a run takes its samples from a manifest. Sizes and strengths of 0 mean
that the step is left out. Imports no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from verilens import config
from verilens.errors import ConfigError
from verilens.records import SampleKind

CHANCES = (
    *("jpeg_p", "blur_p", "downsample_p", "noise_p", "grey_p", "perturb_p"),
    *("val_share", "labelled"),
)
RANGES = ("jpeg_quality", "blur_sigma", "downsample_ratio", "noise_sigma", "perturb_severity")


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained and tested on, and what is done to a picture before.

    classes: keep samples with one of these in attribute "class" or as a folder of their id.
    kinds: keep these kinds; empty keeps all. val_share: share of the training samples, whole
        sources at a time, that becomes the validation split of a set that has none.
    frames: moments of a training clip; 1 trains a video frame by frame. moments: evenly spaced
        ones read from a video, to choose from. window: "spread" draws one moment from each of
        `frames` equal stretches, "consecutive" takes neighbours from a random start. short: what
        fills a video that has too few.
    stored_px: what is kept of a frame for random crops: its centre, at most this square.
    resize_px, crop_px: sides of squares; crop_px 0 is the method's own size where it crops.
    faces: for methods of faces: "detect" cuts the largest person's face out of each file, "cropped"
        takes pictures that are aligned faces already, as face data sets hold them, whole.
    fill: how a picture smaller than the crop is extended.
    jpeg_p, blur_p, downsample_p, noise_p, grey_p: chance of each distortion, with the range its
        strength is drawn from (quality; sigma in pixels; scale; sigma of 255).
    maskless: what a fake without a mask or forged spans is to a method that needs them: left out,
        or forged as a whole.
    perturb: kinds of `media.perturb`, one of which is drawn with chance perturb_p, at a severity
        of that range.
    protocol: of a motion set, how it is divided; empty is the set's usual one. labelled: share of
        its training clips whose label is read.
    """

    train: str = ""
    test: str = ""
    val: str = ""
    classes: tuple[str, ...] = ()
    kinds: tuple[SampleKind, ...] = ()
    val_share: float = 0.0
    frames: int = 1
    moments: int = 16
    window: Literal["spread", "consecutive"] = "spread"
    short: Literal["repeat", "zero"] = "repeat"
    stored_px: int = 1024
    resize_px: int = 0
    crop_px: int = 0
    faces: Literal["detect", "cropped"] = "detect"
    fill: Literal["mirror", "tile"] = "mirror"
    flip: bool = False
    jpeg_p: float = 0.0
    jpeg_quality: tuple[int, int] = (100, 100)
    blur_p: float = 0.0
    blur_sigma: tuple[float, float] = (0.0, 0.0)
    downsample_p: float = 0.0
    downsample_ratio: tuple[float, float] = (1.0, 1.0)
    noise_p: float = 0.0
    noise_sigma: tuple[float, float] = (0.0, 0.0)
    grey_p: float = 0.0
    maskless: Literal["leave-out", "whole"] = "leave-out"
    perturb: tuple[str, ...] = ()
    perturb_p: float = 0.5
    perturb_severity: tuple[int, int] = (1, 3)
    protocol: str = ""
    labelled: float = 1.0

    def __post_init__(self) -> None:
        for name in CHANCES:
            _need(0 <= getattr(self, name) <= 1, f"data.{name} must lie in [0, 1]")
        for name in RANGES:
            low_high = getattr(self, name)
            is_range = len(low_high) == 2 and low_high[0] <= low_high[1]
            _need(is_range, f"data.{name} must be [low, high], not {list(low_high)}")
        for name in ("frames", "moments", "stored_px"):
            _need(getattr(self, name) >= 1, f"data.{name} must be at least 1")
        _need(self.frames <= self.moments, "data.frames must not exceed data.moments")


@dataclass(frozen=True, kw_only=True)
class Boost:
    """Momentum difficulty boosting: hard samples weigh more. Our reading, see train/boost.py.

    momentum: a in m <- a m + (1 - a) d. temperature: T in w = B softmax(m / T); higher is flatter.
    measure: d is the sample's "loss", or "miss" = 1 - exp(-loss), the probability it got wrong.
    rule: w is "softmax" of m, or m^(1/T) scaled to mean 1 ("power").
    warmup_epochs: with uniform weights, while m is already followed.
    """

    on: bool = False
    momentum: float = 0.9
    temperature: float = 1.0
    measure: Literal["loss", "miss"] = "loss"
    rule: Literal["softmax", "power"] = "softmax"
    warmup_epochs: int = 1

    def __post_init__(self) -> None:
        _need(0 <= self.momentum <= 1, "plan.boost.momentum must lie in [0, 1]")
        _need(self.temperature > 0, "plan.boost.temperature must be above 0")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast to train.

    batch: samples an optimiser step, over all devices; accumulate: parts it is worked off in.
    epochs, steps: whichever ends first; steps 0 is no limit. epoch_steps: at most so many an epoch.
    nesterov: look ahead by the momentum, with "sgd".
    schedule: "step" multiplies lr by lr_factor every lr_every_epochs, "milestones" at each of
        lr_milestones (epochs), "cosine" and "linear" fall to lr_floor at the end; never below it.
    warmup_steps: of linear rise at the start. clip_norm: of the whole gradient; 0 does not clip.
    ema: decay of the moving average of the weights, which is then validated and exported; 0 is off.
    group: makes a batch of groups that share a source, cut and augmented alike, genuine first:
        "pair" adds one forgery of any generator, "all" one of every generator, in order of kind.
    balance: makes classes equally frequent, and with "source" or "generator" also those within.
    repeat_genuine: how often each genuine sample comes in an epoch that is not balanced.
    amsgrad: of adam and adamw: never let the estimate of a gradient's size shrink.
    watch: what the best checkpoint and stopping go by, on the validation split.
    patience: epochs without a better one before stopping; 0 never stops early.
    save_every_steps: also within an epoch; 0 saves after each epoch only.
    """

    lr: float = 2e-4
    batch: int = 32
    epochs: int = 10
    steps: int = 0
    epoch_steps: int = 0
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    amsgrad: bool = False
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0
    schedule: Literal["step", "milestones", "cosine", "linear"] = "step"
    lr_factor: float = 1.0
    lr_every_epochs: int = 0
    lr_milestones: tuple[int, ...] = ()
    lr_floor: float = 0.0
    warmup_steps: int = 0
    clip_norm: float = 0.0
    accumulate: int = 1
    ema: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    group: Literal["none", "pair", "all"] = "none"
    balance: Literal["none", "class", "source", "generator"] = "none"
    repeat_genuine: int = 1
    boost: Boost = field(default_factory=Boost)
    watch: Literal["auc", "accuracy", "loss"] = "auc"
    patience: int = 0
    save_every_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        _need(self.lr > 0, f"plan.lr must be above 0, not {self.lr}")
        _need(0 <= self.ema < 1, f"plan.ema must lie in [0, 1), not {self.ema}")
        for name in ("batch", "epochs", "accumulate", "repeat_genuine"):
            _need(getattr(self, name) >= 1, f"plan.{name} must be at least 1")
        for name in ("steps", "epoch_steps", "patience", "warmup_steps", "clip_norm", "seed"):
            _need(getattr(self, name) >= 0, f"plan.{name} must not be negative")
        is_free = self.group == "none" or self.balance == "none"
        _need(is_free, "plan.group is balanced already; leave plan.balance out")
        _need(self.accumulate <= self.batch, "plan.accumulate must not exceed plan.batch")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The published figure, in [0, 1], and how far a new run may lie from it."""

    metric: Literal["accuracy", "mean_class_accuracy", "average_precision", "auc"]
    value: float
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One row of one table, or one run.

    table: where the figure stands. method: whose recipe it is; empty in the method's own folder.
    init: weights to start from, a name or a .safetensors file; empty starts untrained.
    config: fields of the method's `Config` that differ from its defaults.
    """

    table: str = ""
    method: str = ""
    init: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    data: Data = field(default_factory=Data)
    plan: Plan = field(default_factory=Plan)
    expected: Expected | None = None

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Return the recipe at `path`; ConfigError names a field that does not exist."""
        return config.load(cls, path)


def _need(is_met: bool, message: str) -> None:
    if not is_met:
        raise ConfigError(message)
