"""Settings of QAD; the defaults are QAD-R, the ResNet-50 variant."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View

STAGES = 4  # of feature maps, at 1/4, 1/8, 1/16 and 1/32 of the sides


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and how it is trained.

    trunk: "resnet" of bottlenecks, or "efficientnet". width, depths: of the former. scale: of the
        latter, see `nn.efficientnet`; QAD-E is "b1" with a view of 240 and radius 0.006.
    pretrained: folder of the EfficientNet's ImageNet weights.
    qualities: JPEG qualities of a picture's versions; 0 leaves it as it is.
    quality_from: "jpeg" makes the versions while training; with "group" a batch brings them: as
        many consecutive samples as there are qualities show one picture.
    strength: lambda, of the dependence against the cross-entropy. stage_weights: of each stage's.
    bandwidth: of the kernel, see `loss.gaussian`. grid: see `loss.described`.
    normalised: divide HSIC by the geometric mean of each version's own.
    radius: gamma, length of the step of the weights relative to theirs; 0 takes none.
    """

    trunk: Literal["resnet", "efficientnet"] = "resnet"
    width: int = 64
    depths: tuple[int, ...] = (3, 4, 6, 3)
    scale: str = "b1"
    pretrained: str = ""
    qualities: tuple[int, ...] = (0, 75, 40)
    quality_from: Literal["jpeg", "group"] = "jpeg"
    strength: float = 0.1
    stage_weights: tuple[float, ...] = (0.1, 0.25, 0.5, 0.0)
    bandwidth: float = 0.0
    normalised: bool = True
    grid: int = 4
    radius: float = 0.002
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if not self.qualities or not all(0 <= q <= 100 for q in self.qualities):
            raise ConfigError(f"qad: qualities must lie in 0-100, not {list(self.qualities)}")
        if len(self.stage_weights) != STAGES or min(self.stage_weights) < 0:
            raise ConfigError(f"qad: stage_weights must be {STAGES} numbers that are not negative")
        if self.trunk == "resnet" and len(self.depths) != STAGES:
            raise ConfigError(f"qad: depths must be {STAGES} numbers")
        if self.radius < 0:
            raise ConfigError(f"qad: radius must not be negative, not {self.radius}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face")
        return cls(width=8, depths=(1, 1, 1, 1), view=view)
