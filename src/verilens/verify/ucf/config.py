"""Settings of UCF; the defaults are those of the released training."""

from dataclasses import dataclass, field

from verilens.errors import ConfigError
from verilens.records import View


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from and what its loss weighs.

    kinds: genuine and each method of forgery. channels: of the forgery and the content map, twice
        those of the common and of the specific map. hidden: of the classifiers.
    widths, middle: of the Xceptions, see `nn.xception`. pretrained: ImageNet weights that both
        start training from, a .pth or .safetensors file in the published layout.
    specific_weight, rebuild_weight, contrast_weight: against the common cross-entropy of 1.
    margin: by which features of another class must be farther away than those of one's own.
    shuffle_p: chance that common maps change places within their class before the decoder.
    """

    kinds: int = 5
    channels: int = 512
    hidden: int = 512
    widths: tuple[int, ...] = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    middle: int = 8
    pretrained: str = ""
    head_dropout: float = 0.2
    decoder_dropout: float = 0.3
    specific_weight: float = 0.1
    rebuild_weight: float = 0.3
    contrast_weight: float = 0.05
    margin: float = 3.0
    shuffle_p: float = 0.7
    view: View = field(default_factory=lambda: View(size=256, frames=8, fit="face", margin=1.3))

    def __post_init__(self) -> None:
        if self.kinds < 2:
            raise ConfigError(f"ucf: kinds must be at least 2, not {self.kinds}")
        if self.channels % 8:
            raise ConfigError(f"ucf: channels must be a multiple of 8, not {self.channels}")
        if self.view.size % 32 or self.view.size < 64:
            raise ConfigError(f"ucf: view.size must be 64, 96, ..., not {self.view.size}")

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        widths = (8, 8, 16, 16, 32, 32, 48, 64)
        view = View(size=64, frames=2, fit="face")
        return cls(channels=32, hidden=32, widths=widths, middle=1, view=view)
