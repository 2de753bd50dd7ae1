"""Providers with weights: models of `transformers`, made from a configuration or a local folder.

Nothing is downloaded. The models stay frozen and travel in a weights file like everything else.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from verilens.errors import MissingWeights
from verilens.nn.library import transformers
from verilens.nn.normalise import Normalise
from verilens.verify.what_matters.providers import over_time


class Frozen(nn.Module):
    """A model of pictures, asked frame by frame about ImageNet-normalised pixels."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.normalise = Normalise()

    def asked(self, frames: Tensor) -> Any:
        """Return what the model gives for all frames, (N T, 3, H, W). frames: (N, T, 3, H, W)."""
        return self.model(pixel_values=self.normalise(frames).flatten(0, 1))


class Features(Frozen):
    """The last feature maps of a backbone, (N, C, T, h, w)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.channels = int(model.channels[-1])  # type: ignore[index, arg-type]

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        maps: Tensor = self.asked(frames).feature_maps[-1]
        return over_time(maps, len(frames))


class Depth(Frozen):
    """What a model of monocular depth predicts, (N, 1, T, h, w)."""

    channels = 1

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        depth: Tensor = self.asked(frames).predicted_depth  # (N T, h, w)
        return over_time(depth[:, None], len(frames))


def dinov2(size: tuple[int, int, int]) -> Features:
    """Return an untrained DINOv2 with patches of 14 pixels. size: width, layers, heads."""
    library = transformers("what_matters")
    width, layers, heads = size
    settings = library.Dinov2Config(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads
    )
    return Features(library.Dinov2Backbone(settings))


def features_in(folder: str) -> Features:
    """Return the backbone saved in a local folder."""
    library = transformers("what_matters")
    path = _folder(folder, "appearance")
    settings = library.AutoConfig.from_pretrained(path, local_files_only=True)
    with torch.device("meta"):  # AutoBackbone's own from_pretrained asks the hub even for a folder
        kind = type(library.AutoBackbone.from_config(settings))
    return Features(kind.from_pretrained(path, local_files_only=True))


def depth_in(folder: str) -> Depth:
    """Return the depth model saved in a local folder."""
    kind = transformers("what_matters").AutoModelForDepthEstimation
    return Depth(kind.from_pretrained(_folder(folder, "geometry"), local_files_only=True))


def _folder(path: str, expert: str) -> str:
    if not (Path(path) / "config.json").is_file():
        raise MissingWeights(
            f"what_matters: no transformers model in '{path}'; set config.{expert}_folder to a "
            f"folder with config.json and model.safetensors"
        )
    return path
