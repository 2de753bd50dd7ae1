"""What turns frames into tokens: transformers built from their config, or a small network.

An encoder maps normalised RGB, (N, T, 3, H, W), to `Tokens`; nothing is ever downloaded. One whose
`alone` is true sees single frames, and its summary is the mean token: neighbours change nothing.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from verilens.errors import ConfigError
from verilens.nn.efficientnet_lite import EfficientNetLite2, load_public
from verilens.nn.library import transformers
from verilens.nn.normalise import IMAGENET_MEAN, IMAGENET_STD
from verilens.verify.demamba.config import Config


class Tokens(NamedTuple):
    """cells: (N, T, P, C), P cells of a frame row by row. summary: of the whole clip, (N, C)."""

    cells: Tensor
    summary: Tensor


class XClip(nn.Module):
    """X-CLIP's vision model, whose frames exchange messages; summary: mean pooled class token."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.frames = config.view.frames
        sizes = {"num_frames": self.frames, **_sizes(config)}
        self.model = _built("XCLIPVisionModel", "XCLIPVisionConfig", sizes, config)

    def forward(self, frames: Tensor) -> Tokens:
        n, t = frames.shape[:2]
        if t != self.frames:
            raise ConfigError(f"demamba: X-CLIP was built for {self.frames} frames, not {t}")
        found = self.model(frames.flatten(0, 1))
        cells = found.last_hidden_state[:, 1:].unflatten(0, (n, t))
        return Tokens(cells, found.pooler_output.unflatten(0, (n, t)).mean(1))


class Clip(nn.Module):
    """CLIP's vision model frame by frame; summary: the mean token."""

    alone = True

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.projects = config.trunk.project > 0
        name = "CLIPVisionModelWithProjection" if self.projects else "CLIPVisionModel"
        sizes = {"projection_dim": config.trunk.project or config.trunk.width, **_sizes(config)}
        self.model = _built(name, "CLIPVisionConfig", sizes, config)

    def forward(self, frames: Tensor) -> Tokens:
        hidden = self.model(frames.flatten(0, 1)).last_hidden_state[:, 1:]
        hidden = getattr(self.model, "vision_model", self.model).post_layernorm(hidden)
        if self.projects:
            hidden = self.model.visual_projection(hidden)
        cells = hidden.unflatten(0, frames.shape[:2])
        return Tokens(cells, cells.mean((1, 2)))


class VideoMae(nn.Module):
    """VideoMAE's encoder, two frames a token; summary: the mean token."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.frames = config.view.frames
        sizes = {"num_frames": self.frames, **_sizes(config)}
        self.model = _built("VideoMAEModel", "VideoMAEConfig", sizes, config)

    def forward(self, frames: Tensor) -> Tokens:
        if frames.shape[1] != self.frames:
            given = frames.shape[1]
            raise ConfigError(f"demamba: VideoMAE was built for {self.frames} frames, not {given}")
        hidden = self.model(frames).last_hidden_state  # (N, T / 2 x P, C)
        cells = hidden.unflatten(1, (frames.shape[1] // 2, -1))
        return Tokens(cells, cells.mean((1, 2)))


class Small(nn.Module):
    """A light convolutional encoder for starter weights, stride 16. Ours, not the paper's.

    It reads the colours and, beside them, what a 3 x 3 mean leaves of them: traces of generation
    are finer than content.
    """

    alone = True

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.trunk.width
        widths = [6, max(8, width // 8), max(8, width // 4), max(8, width // 2), width]
        layers: list[nn.Module] = []
        for stage, (entering, leaving) in enumerate(pairwise(widths)):
            layers += _unit(nn.Conv2d(entering, leaving, 3, 2, 1, bias=False))
            if stage:  # the first stage's maps are large, and cost most
                layers += _unit(nn.Conv2d(leaving, leaving, 3, 1, 1, groups=leaving, bias=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, frames: Tensor) -> Tokens:
        flat = frames.flatten(0, 1)
        smooth = avg_pool2d(flat, 3, 1, 1, count_include_pad=False)
        maps = self.layers(torch.cat([flat, flat - smooth], 1))
        cells = maps.flatten(2).transpose(1, 2).unflatten(0, frames.shape[:2])
        return Tokens(cells, cells.mean((1, 2)))


class Lite(nn.Module):
    """EfficientNet-Lite2 up to its stride of 16, for starter weights. Ours, not the paper's.

    It sees single frames and stays as ImageNet left it; what it saw is averaged over `trunk.patch`
    pixels and scaled to mean 0 and spread 1 over the training films (`centre`, `spread`).
    """

    alone = True
    stages, stride = 5, 16
    centre: Tensor
    spread: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        net = EfficientNetLite2()
        if config.trunk.pretrained:
            load_public(net, Path(config.trunk.pretrained))
        self.layers = nn.Sequential(net.stem, *net.stages[: self.stages])
        self.pool = config.trunk.patch // self.stride
        self.register_buffer("centre", torch.zeros(config.trunk.width))
        self.register_buffer("spread", torch.ones(config.trunk.width))

    def train(self, mode: bool = True) -> "Lite":
        """Keep the statistics of the frozen layers as they are."""
        super().train(mode)
        self.layers.eval()
        return self

    def seen(self, frames: Tensor) -> Tensor:
        """Return what it sees, (N, T, P, C), not scaled. frames: in [0, 1], (N, T, 3, H, W)."""
        maps = self.layers(frames.flatten(0, 1) * 2 - 1)  # these weights expect [-1, 1]
        cells: Tensor = avg_pool2d(maps.float(), self.pool).flatten(2).transpose(1, 2)
        return cells.view(*frames.shape[:2], *cells.shape[1:])

    def forward(self, frames: Tensor) -> Tokens:
        mean, std = (frames.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
        cells = (self.seen(frames * std + mean) - self.centre) / self.spread
        return Tokens(cells, cells.mean((1, 2)))


def _unit(convolution: nn.Conv2d) -> list[nn.Module]:
    norm = nn.BatchNorm2d(convolution.out_channels)
    return [convolution, norm, nn.ReLU(inplace=True)]


ENCODERS: dict[str, type[nn.Module]] = {
    "xclip": XClip,
    "clip": Clip,
    "videomae": VideoMae,
    "small": Small,
    "lite": Lite,
}


def build(config: Config) -> nn.Module:
    """Return the encoder `config` names, frozen where it says so."""
    built = ENCODERS[config.encoder](config)  # type: ignore[call-arg]
    return built.requires_grad_(not config.trunk.frozen)


def _sizes(config: Config) -> dict[str, int]:
    trunk = config.trunk
    return {
        "hidden_size": trunk.width,
        "intermediate_size": 4 * trunk.width,
        "num_hidden_layers": trunk.depth,
        "num_attention_heads": trunk.heads,
        "patch_size": trunk.patch,
        "image_size": config.view.size,
    }


def _built(model: str, settings: str, sizes: dict[str, int], config: Config) -> Any:
    """Return a model of transformers: random, or with the weights of a local folder."""
    library = transformers(f"demamba's encoder '{config.encoder}'")
    cls = getattr(library, model)
    built_from = getattr(library, settings)(**sizes)
    if config.trunk.pretrained:
        return cls.from_pretrained(
            config.trunk.pretrained, config=built_from, local_files_only=True
        )
    return cls(built_from)
