"""Settings of LSDA; the defaults are the released ones where the paper is silent."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """What training starts from; empty starts from random numbers.

    trunk: local Hugging Face folder of the EfficientNet's ImageNet weights.
    faces: .pth or .safetensors file of an iResNet trained for face recognition, as published.
    """

    trunk: str = ""
    faces: str = ""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the networks are built from and what the loss weighs.

    domains: genuine and each way of forging, in the order of a batch's kinds.
    keeps, changes: kinds whose forgeries keep the person's identity, and those that replace it; by
        alphabet, FaceForensics++ has Deepfakes 1, Face2Face 2, FaceSwap 3, NeuralTextures 4.
    channels: of every feature map. hidden: of the binary classifier.
    scale: EfficientNet of the student and of the teachers of forgeries, see `nn.efficientnet`.
    genuine: network that encodes genuine faces. face_width, face_depths: of that iResNet.
    frozen: its stages that are not trained when its weights are given.
    unit, alpha: of the augmentations, see `augment.py`.
    """

    domains: int = 5
    keeps: tuple[int, ...] = (2, 4)
    changes: tuple[int, ...] = (1, 3)
    channels: int = 512
    hidden: int = 512
    scale: str = "b4"
    pretrained: Pretrained = field(default_factory=Pretrained)
    genuine: Literal["iresnet", "efficientnet"] = "iresnet"
    face_width: int = 64
    face_depths: tuple[int, ...] = (3, 13, 30, 3)
    frozen: int = 3
    unit: Literal["map", "channel"] = "map"
    alpha: tuple[float, float] = (0.5, 2.0)
    domain_weight: float = 1.0
    binary_weight: float = 0.5
    distil_weight: float = 1.0
    identity_weight: float = 1.0
    identity_reduction: Literal["sum", "mean"] = "sum"
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.domains < 2:
            raise ConfigError(f"lsda: domains must be at least 2, not {self.domains}")
        for name in ("keeps", "changes"):
            if not all(0 < kind < self.domains for kind in getattr(self, name)):
                raise ConfigError(f"lsda: {name} must hold kinds of 1-{self.domains - 1}")
        if self.genuine == "iresnet" and self.face_width << 3 != self.channels:
            raise ConfigError(
                f"lsda: channels ({self.channels}) must be 8 x face_width ({self.face_width})"
            )

    @classmethod
    def tiny(cls) -> "Config":
        """Return small networks for tests: genuine and two ways of forging."""
        return cls(
            domains=3,
            keeps=(2,),
            changes=(1,),
            channels=32,
            hidden=32,
            scale="tiny",
            face_width=4,
            face_depths=(1, 1, 1, 1),
            identity_reduction="mean",
            view=View(size=64, frames=2, fit="face"),
        )
