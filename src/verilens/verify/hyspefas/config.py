"""Settings of the HySpeFAS winner; the defaults are the released ones."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View

# Of the training set's cubes in [0, 1], rounded: red, green, blue, then the 30 bands in order.
MEAN = (
    *(0.57979, 0.66979, 0.35215, 0.22949, 0.27021, 0.33661, 0.32604, 0.28016, 0.26948, 0.39492),
    *(0.50754, 0.53631, 0.55311, 0.51977, 0.41486, 0.34004, 0.29859, 0.27718, 0.29235, 0.31529),
    *(0.31187, 0.31366, 0.31363, 0.33947, 0.36436, 0.37508, 0.35468, 0.34376, 0.33043, 0.30675),
    *(0.31427, 0.33295, 0.24814),
)
STD = (
    *(0.11732, 0.13852, 0.06572, 0.09394, 0.11766, 0.14910, 0.14450, 0.12406, 0.11110, 0.16880),
    *(0.23178, 0.25605, 0.26473, 0.25176, 0.20660, 0.16688, 0.13876, 0.12013, 0.12526, 0.13763),
    *(0.13851, 0.14021, 0.13672, 0.14666, 0.15653, 0.15890, 0.15247, 0.15162, 0.14895, 0.14175),
    *(0.14216, 0.14799, 0.10000),
)


@dataclass(frozen=True, kw_only=True)
class Augment:
    """What is done to a training cube, beside mirroring, which a recipe asks for.

    area, aspect: of the random crop, in shares of the picture and as width / height.
    half: blacken the lower, left or right half of two cubes in three. holes, hole_px: black squares
        and their side in a picture of 256 pixels.
    """

    area: tuple[float, float] = (0.8, 1.0)
    aspect: tuple[float, float] = (0.8, 1.2)
    half: bool = True
    holes: int = 2
    hole_px: int = 50


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and what the loss weighs.

    scale: of the EfficientNet. difference: share of the centre that the stem takes away.
    squeeze: bands per hidden unit of the weighting. feature_stage: whose texture is read.
    attentions: maps. width: of each branch. embedding: of the contrast.
    focal_alpha, focal_gamma: weight of attacks, and how much easy samples count less.
    memory: embeddings that are remembered. tau: temperature of the contrast.
    mixup_alpha: of the Beta distribution; 0 mixes nothing. rho: how far a step climbs before it
        looks at the slope, 0 not at all; adaptive: in proportion to each weight.
    mean, std: of each band. pretrained: local Hugging Face folder of an EfficientNet to start from.
    """

    scale: str = "b3"
    difference: float = 0.7
    squeeze: int = 8
    feature_stage: int = 3
    attentions: int = 8
    width: int = 256
    embedding: int = 1024
    dropout: float = 0.5
    focal_alpha: float = 0.5
    focal_gamma: float = 2.0
    contrast_weight: float = 10.0
    tau: float = 0.07
    memory: int = 1200
    mixup_alpha: float = 1.0
    augment: Augment = field(default_factory=Augment)
    rho: float = 0.5
    adaptive: bool = True
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD
    pretrained: str = ""
    view: View = field(
        default_factory=lambda: View(size=256, frames=1, fit="resize", only="image", bands=33)
    )

    def __post_init__(self) -> None:
        bands = self.view.bands
        if not len(self.mean) == len(self.std) == bands:
            raise ConfigError(
                f"hyspefas: mean and std need {bands} numbers, one a band of the view, not "
                f"{len(self.mean)} and {len(self.std)}"
            )
        if bands < self.squeeze:
            raise ConfigError(f"hyspefas: squeeze must not exceed the {bands} bands")
        if not 0 < self.feature_stage < 8:
            raise ConfigError("hyspefas: feature_stage must lie in 1-7")
        if self.memory < 1 or self.rho < 0 or self.mixup_alpha < 0:
            raise ConfigError("hyspefas: memory must be at least 1; rho, mixup_alpha at least 0")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(
            scale="tiny",
            attentions=2,
            width=32,
            embedding=32,
            memory=48,
            view=View(size=64, frames=1, fit="resize", only="image", bands=33),
        )
