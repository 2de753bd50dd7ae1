"""Settings of Xception-UNet; where paper and code are silent the defaults are our reading."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    widths: channels of the Xception's conv1, conv2, block1, block2, block3 to block11, block12,
        conv3 and conv4. middle: blocks of its middle flow.
    decoder: "unet" joins maps of five resolutions, "linear" reads the coarsest alone, as released.
    decoded: channels of the decoder's stages, coarse to fine.
    front: what the trunk reads: "colours", or besides them the "noise" that high-pass filters leave
        of them and how strong it is in each place, compared with the whole crop.
    classes: outputs of the head: 2, or 3 or 16 as in ForgeryNet; the first is genuine.
    mask_weight, class_weight: of the two losses. level: of the mask, from which a pixel is forged.
    sure: score that a crop needs for its mask to be shown; 0 shows all.
    claim: what its evidence says of a face: "face-swap", or "edited" if it learned edits of parts.
    pretrained: ImageNet weights in the published layout to start training from; empty starts from
        random numbers.
    """

    widths: tuple[int, ...] = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    middle: int = 8
    decoder: Literal["unet", "linear"] = "unet"
    decoded: tuple[int, int, int, int] = (256, 128, 64, 32)
    front: Literal["colours", "noise"] = "colours"
    classes: int = 2
    mask_weight: float = 1.0
    class_weight: float = 1.0
    level: float = 0.5
    sure: float = 0.0
    claim: Literal["face-swap", "edited"] = "face-swap"
    pretrained: str = ""
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ConfigError(f"xception_unet: classes must be at least 2, not {self.classes}")
        if self.decoder not in ("unet", "linear"):
            raise ConfigError(
                f"xception_unet: decoder must be unet or linear, not {self.decoder!r}"
            )

        if self.front not in ("colours", "noise"):
            raise ConfigError(f"xception_unet: front must be colours or noise, not {self.front!r}")
        if self.claim not in ("face-swap", "edited"):
            raise ConfigError(
                f"xception_unet: claim must be face-swap or edited, not {self.claim!r}"
            )

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights, for stills: 0.3 million weights."""
        return cls(
            widths=(16, 24, 32, 48, 96, 96, 96, 128),
            middle=1,
            decoded=(48, 32, 24, 16),
            front="noise",
            mask_weight=2.0,
            claim="edited",
            view=View(size=160, frames=1, fit="face", margin=1.25, only="image"),
        )

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=2, fit="face", margin=1.3)
        widths = (8, 8, 16, 16, 32, 32, 48, 64)
        return cls(widths=widths, middle=1, decoded=(32, 16, 16, 8), view=view)
