"""Settings of DeMamba; the defaults are the paper's with X-CLIP, or the released code's."""

from dataclasses import dataclass, field
from typing import Literal

from verilens.errors import ConfigError
from verilens.records import View

Layout = Literal["paper", "release"]
Order = Literal["frame", "cell"]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """How the sequence of a zone is cut and read.

    layout: "paper" cuts real zones and reads them forwards and backwards in time; "release" does
        what the published code does: it mixes axes when cutting and turns channels, not time.
    order: "cell" follows one cell through all frames, then the next, as the release means to;
        "frame" reads the cells of a frame, then the next frame. Both follow the snake.
    state: numbers a channel remembers. kernel: length of the causal convolution. expand: width of
        the block inside over outside. rank: of the step size's projection; 0 is a sixteenth of the
        channels, rounded up. drop_path: chance that training leaves the block out of a zone.
    """

    layout: Layout = "paper"
    order: Order = "cell"
    state: int = 16
    kernel: int = 4
    expand: int = 2
    rank: int = 0
    drop_path: float = 0.1

    def __post_init__(self) -> None:
        for name in ("state", "kernel", "expand"):
            if getattr(self, name) < 1:
                raise ConfigError(f"demamba: scan.{name} must be at least 1")
        if not 0 <= self.drop_path < 1:
            raise ConfigError("demamba: scan.drop_path must lie in [0, 1)")


@dataclass(frozen=True, kw_only=True)
class Trunk:
    """Size of the encoder; the defaults are ViT-B/16.

    width, depth, heads, patch: of the transformer; the small encoder uses width alone and has
        patches of 16, the lite one has a width of 120.
    project: width CLIP's tokens are projected to; 0 leaves them as they are.
    pretrained: folder with weights in Hugging Face's layout, whose sizes then count; never fetched.
    frozen: trains the head alone.
    """

    width: int = 768
    depth: int = 12
    heads: int = 12
    patch: int = 16
    project: int = 0
    pretrained: str = ""
    frozen: bool = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the network is built from.

    encoder: what makes tokens of frames. zone: side of a zone in tokens. norm: normalise zone and
        global features before the linear layer, as the X-CLIP variant does and CLIP's does not.
    """

    encoder: Literal["xclip", "clip", "videomae", "small", "lite"] = "xclip"
    zone: int = 1
    norm: bool = True
    scan: Scan = field(default_factory=Scan)
    trunk: Trunk = field(default_factory=Trunk)
    view: View = field(default_factory=lambda: View(size=224, frames=8, fit="resize"))

    def __post_init__(self) -> None:
        if self.view.crops != 1:
            raise ConfigError("demamba: a view of moments has one crop each; set view.crops = 1")
        if self.view.size % self.trunk.patch:
            raise ConfigError(
                f"demamba: view.size ({self.view.size}) must be a multiple of trunk.patch "
                f"({self.trunk.patch})"
            )
        if self.encoder == "small" and self.trunk.patch != 16:
            raise ConfigError("demamba: the small encoder has patches of 16; set trunk.patch = 16")
        if self.encoder == "lite" and (self.trunk.width != 120 or self.trunk.patch % 16):
            raise ConfigError(
                "demamba: the lite encoder's tokens have 120 channels and a multiple of 16 pixels; "
                "set trunk.width = 120 and trunk.patch to 16, 32 or 64"
            )
        if self.encoder == "videomae" and self.view.frames % 2:
            raise ConfigError("demamba: VideoMAE joins frames in pairs; view.frames must be even")
        if self.zone < 1 or self.side % self.zone:
            raise ConfigError(f"demamba: zone ({self.zone}) must divide the {self.side} tokens")

    @property
    def side(self) -> int:
        """Return the tokens along a side of a frame."""
        return self.view.size // self.trunk.patch

    @property
    def channels(self) -> int:
        """Return the width of a token."""
        is_projected = self.encoder == "clip" and self.trunk.project > 0
        return self.trunk.project if is_projected else self.trunk.width

    @classmethod
    def clip(cls) -> "Config":
        """Return the paper's second variant: CLIP ViT-B/16, zones of 2 x 2, no norms."""
        return cls(encoder="clip", zone=2, norm=False, trunk=Trunk(project=512))

    @classmethod
    def starter(cls) -> "Config":
        """Return the network of the starter weights, ours: its head trains without a GPU.

        EfficientNet-Lite2 as ImageNet left it makes 4 x 4 tokens of 64 pixels a frame.
        """
        view = View(size=256, frames=8, fit="resize")
        trunk = Trunk(width=120, patch=64, frozen=True)
        return cls(encoder="lite", zone=2, trunk=trunk, scan=Scan(state=8), view=view)

    @classmethod
    def tiny(cls) -> "Config":
        """Return a small network for tests."""
        view = View(size=64, frames=4, fit="resize")
        return cls(encoder="small", zone=2, trunk=Trunk(width=16), scan=Scan(state=4), view=view)
