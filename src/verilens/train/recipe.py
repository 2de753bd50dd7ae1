"""A recipe: how one published table row is run again, read from a TOML file beside the method.

It holds values only. `data` paths are relative to the folder the user keeps data sets in; sizes of
0 mean that the step is left out. Imports no torch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from verilens import config


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is trained and tested on, and what is done to a picture before.

    resize_px, crop_px: sides of squares. jpeg_p, blur_p, downsample_p: chance of each distortion,
    with the range its strength is drawn from.
    """

    train: str
    test: str
    val: str = ""
    classes: tuple[str, ...] = ()
    resize_px: int = 0
    crop_px: int = 0
    flip: bool = False
    jpeg_p: float = 0.0
    jpeg_quality: tuple[int, int] = (100, 100)
    blur_p: float = 0.0
    blur_sigma: tuple[float, float] = (0.0, 0.0)
    downsample_p: float = 0.0
    downsample_ratio: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how fast to train. lr is multiplied by lr_factor every lr_every_epochs."""

    lr: float
    batch: int
    epochs: int
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    lr_factor: float = 1.0
    lr_every_epochs: int = 0
    lr_floor: float = 0.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The published figure, in [0, 1], and how far a new run may lie from it."""

    metric: Literal["accuracy", "average_precision", "auc"]
    value: float
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One row of one table. table: where the figure stands."""

    table: str
    data: Data
    plan: Plan
    expected: Expected

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Return the recipe at `path`; ConfigError names a field that does not exist."""
        return config.load(cls, path)
