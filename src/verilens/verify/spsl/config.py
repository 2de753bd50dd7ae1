"""Settings of SPSL; the defaults are DeepfakeBench's."""

from dataclasses import dataclass, field

from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    widths: channels of Xception, see nn/xception.py. middle: blocks of its middle flow; 0 gives a
        shallow network like the paper's. dropout: of the pooled features before the head.
    pretrained: ImageNet weights in the published layout (.pth or .safetensors) to start training
        from; empty starts from random numbers.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    middle: int = 8
    dropout: float = 0.0
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face", margin=1.3)
        return cls(widths=(8, 8, 16, 16, 32, 32, 48, 64), middle=1, view=view)
