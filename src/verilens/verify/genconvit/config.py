"""Settings of GenConViT; the defaults are the released model's."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """ConvNeXt-Tiny and Swin-Tiny.

    outputs: numbers each of the two gives for a picture. layer_scale: what each ConvNeXt block's
        branch is multiplied by at first; untrained networks learn faster with more. window: side of
        Swin's windows in tokens.
    pretrained: local folder with `convnext` and `swin` in the Hugging Face layout to start from, as
        the paper does from ImageNet; empty starts untrained. Nothing is downloaded.
    """

    outputs: int = 1000
    convnext_widths: tuple[int, ...] = (96, 192, 384, 768)
    convnext_depths: tuple[int, ...] = (3, 3, 9, 3)
    layer_scale: float = 1e-6
    swin_width: int = 96
    swin_depths: tuple[int, ...] = (2, 2, 6, 2)
    swin_heads: tuple[int, ...] = (3, 6, 12, 24)
    window: int = 7
    pretrained: str = ""


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the networks are built from.

    networks: A (autoencoder), B (variational autoencoder) or both, whose outputs are averaged.
    faithful: keep what the release does against its own description: network B's mean serves as
        log-variance too, the KL term is left out of the loss, layers nobody runs are carried along,
        and scores follow the release's vote. False repairs all four.
    hybrid: add Swin's tokens to the last ConvNeXt map; False leaves Swin unused, as the release.
    kl_weight: of the KL term, when faithful is False.
    sample_at_test: draw network B's latent at random also in evaluation mode, as the release does.
    widths_a, widths_b: channels of the two encoders, each level halves the picture's sides.
    latent_channels: of network B's latent, which lies on the grid below its last level.
    """

    networks: Literal["both", "a", "b"] = "both"
    faithful: bool = True
    hybrid: bool = False
    kl_weight: float = 0.00025
    sample_at_test: bool = False
    widths_a: tuple[int, ...] = (16, 32, 64, 128, 256)
    widths_b: tuple[int, ...] = (16, 32, 64, 128)
    latent_channels: int = 256
    backbone: Backbone = field(default_factory=Backbone)
    view: View = field(default_factory=lambda: View(size=224, frames=15, fit="face", margin=1.0))

    def __post_init__(self) -> None:
        levels = max(len(self.widths_a), len(self.widths_b) + 1)
        if self.view.size % 2**levels:
            raise ConfigError(
                f"genconvit: view.size must be a multiple of {2**levels}, not {self.view.size}"
            )
        for one, other in (("convnext_depths", "convnext_widths"), ("swin_depths", "swin_heads")):
            if len(getattr(self.backbone, one)) != len(getattr(self.backbone, other)):
                raise ConfigError(f"genconvit: backbone.{one} and {other} differ in length")

    @property
    def grid_b(self) -> int:
        """Return the side of the grid that network B's encoder ends on."""
        return int(self.view.size // 2 ** len(self.widths_b))

    @property
    def latent(self) -> int:
        """Return the length of network B's latent; its grid is half as fine as the encoder's."""
        return self.latent_channels * (self.grid_b // 2) ** 2

    @classmethod
    def tiny(cls) -> "Config":
        """Return small networks for tests."""
        backbone = Backbone(
            outputs=24,
            convnext_widths=(16, 32, 64),
            convnext_depths=(1, 1, 1),
            layer_scale=0.1,
            swin_width=8,
            swin_depths=(1, 2, 1),
            swin_heads=(1, 1, 2),
            window=2,
        )
        return cls(
            widths_a=(8, 16, 32),
            widths_b=(8, 16, 32),
            latent_channels=32,
            backbone=backbone,
            view=View(size=32, frames=3, fit="face", margin=1.0),
        )
