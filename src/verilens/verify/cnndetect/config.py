"""Settings of CNNDetection; the defaults are the paper's."""

from dataclasses import dataclass, field

from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    depths: bottleneck blocks of ResNet's stages. width: channels of its first stage.
    pretrained: ImageNet weights in torchvision's layout (.pth or .safetensors) to start training
        from; empty starts from random numbers.
    """

    depths: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=224, frames=8, crops=1))

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(depths=(1, 1, 1, 1), width=8, view=View(size=64, frames=2, crops=2))
