"""Frozen vision transformers from transformers, as maps from crops to features."""

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from verilens.errors import ConfigError
from verilens.nn.library import transformers
from verilens.nn.normalise import Normalise
from verilens.verify.univfd.config import Encoder


class Frozen(nn.Module):
    """Maps RGB in [0, 1], (N, 3, H, W), to features (N, out_channels); never trained.

    pretrained: local Hugging Face folder; empty gives random weights. Crops of another size than
    the encoder's are scaled to it.
    """

    def __init__(self, settings: Encoder, pretrained: str = "") -> None:
        super().__init__()
        self.model = _model(settings, pretrained).requires_grad_(False).eval()
        self.projected = settings.kind == "clip"
        self.out_channels = settings.features if self.projected else settings.width
        self.image = settings.image
        self.normalise = Normalise(settings.mean, settings.std)

    def forward(self, frames: Tensor) -> Tensor:
        side = (self.image, self.image)
        if frames.shape[-2:] != side:
            frames = interpolate(frames, side, mode="bicubic", antialias=True).clamp(0, 1)
        found = self.model(pixel_values=self.normalise(frames))
        features: Tensor = found.image_embeds if self.projected else found.last_hidden_state[:, 0]
        return features


def _model(settings: Encoder, pretrained: str) -> nn.Module:
    library = transformers("univfd")
    kinds: dict[str, tuple[Any, Any]] = {
        "clip": (library.CLIPVisionConfig, library.CLIPVisionModelWithProjection),
        "vit": (library.ViTConfig, library.ViTModel),
        "dinov2": (library.Dinov2Config, library.Dinov2Model),
    }
    config_class, model_class = kinds[settings.kind]
    extra = {"add_pooling_layer": False} if settings.kind == "vit" else {}
    config = config_class(**_sizes(settings))
    if not pretrained:
        return _drawn(lambda layers: model_class(config_class(**_sizes(settings, layers)), **extra))
    model, facts = model_class.from_pretrained(
        pretrained, config=config, local_files_only=True, output_loading_info=True, **extra
    )
    if facts["missing_keys"] or facts["mismatched_keys"]:
        names = sorted(map(str, [*facts["missing_keys"], *facts["mismatched_keys"]]))
        raise ConfigError(f"{pretrained}: not the encoder that univfd's config says: {names[:9]}")
    loaded: nn.Module = model.float()
    return loaded


def _sizes(settings: Encoder, layers: int = 0) -> dict[str, int | str]:
    """Return what transformers calls the settings; `layers` 0 keeps their number."""
    sizes: dict[str, int | str] = {
        "hidden_size": settings.width,
        "num_hidden_layers": layers or settings.layers,
        "num_attention_heads": settings.heads,
        "patch_size": settings.patch,
        "image_size": settings.image,
        "hidden_act": settings.activation,
    }
    if settings.kind == "dinov2":
        return {**sizes, "mlp_ratio": settings.mlp // settings.width}
    sizes["intermediate_size"] = settings.mlp
    return {**sizes, "projection_dim": settings.features} if settings.kind == "clip" else sizes


def _drawn(build: Callable[[int], nn.Module]) -> nn.Module:
    """Return a random encoder whose layers all start as copies of one.

    build: makes an encoder of so many layers, 0 for all. Drawing a third of a billion numbers takes
    seconds, and a frozen encoder is of use only once published weights replace them.
    """
    one = build(1)
    device = next(one.parameters()).device
    with torch.device("meta"):
        model = build(0)
    model.to_empty(device=device)
    known = {**dict(one.named_parameters()), **dict(one.named_buffers())}
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            tensor.copy_(known[re.sub(r"(\blayers?\.)\d+\.", r"\g<1>0.", name)])
    return model
