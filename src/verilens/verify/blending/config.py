"""Settings of the blending detector; the defaults are those of the self-blended images' code."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.media.blend import Ranges
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is and how its fakes are made.

    network: "efficientnet" of `scale`, "swinv2" with the sizes of SwinV2-B, or "lite2", the small
        EfficientNet-Lite2 of the starter weights, which needs no further package.
    pretrained: where that network's training starts: the local folder of a Hugging Face checkpoint,
        of "lite2" the public package's file.
    swin_width, swin_depths, swin_heads, swin_window: channels of the first stage, blocks and heads
        of the stages, and side of the windows.
    blend: what a fake is drawn from. After blending, both copies are treated alike: with chance
        colour_p colours are shifted (of 255), with chance light_p brightness and contrast change,
        with chance jpeg_p the picture is compressed.
    """

    network: Literal["efficientnet", "swinv2", "lite2"] = "efficientnet"
    scale: str = "b4"
    swin_width: int = 128
    swin_depths: tuple[int, ...] = (2, 2, 18, 2)
    swin_heads: tuple[int, ...] = (4, 8, 16, 32)
    swin_window: int = 16
    dropout: float = 0.4
    pretrained: str = ""
    blend: Ranges = field(default_factory=Ranges)
    colour_p: float = 0.3
    colour: float = 20.0
    light_p: float = 0.3
    light: float = 0.3
    jpeg_p: float = 0.5
    jpeg_quality: tuple[int, int] = (40, 100)
    view: View = field(default_factory=lambda: View(size=380, frames=32, fit="face", margin=1.25))

    def __post_init__(self) -> None:
        step = 32 * self.swin_window
        if self.network == "swinv2" and 4 * self.view.size % step:
            raise ConfigError(
                f"blending: SwinV2 with windows of {self.swin_window} needs view.size to be a "
                f"multiple of {step // 4}, not {self.view.size}"
            )

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights: quick on a CPU, fewer and smaller crops.

        It reads films alone: on stills it ranked real swaps near chance.
        """
        view = View(size=160, frames=8, fit="face", margin=1.25, only="video")
        return cls(network="lite2", dropout=0.2, view=view)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        return cls(scale="tiny", view=View(size=64, frames=2, fit="face", margin=1.25))
