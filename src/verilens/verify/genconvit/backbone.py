"""ConvNeXt with Swin beside it, from `transformers`, built from their configurations alone.

    picture -> ConvNeXt stages (-> + Swin tokens) -> mean -> layer norm -> linear -> outputs

The release hangs a Swin embedding into a ConvNeXt that never calls it. Its projection reads Swin's
class outputs, so where tokens are wanted (`hybrid`) each token goes through Swin's classifier and
that projection: the release's own weights, every one of them used.
"""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from verilens.errors import MissingWeights
from verilens.nn.library import transformers
from verilens.verify.genconvit.config import Backbone

EPS = 1e-6  # of ConvNeXt's layer norms


class HybridBackbone(nn.Module):
    """Maps pictures (N, 3, H, W), normalised, to (N, outputs).

    has_swin: Swin exists, frozen unless its tokens enter. is_hybrid: they do.
    """

    def __init__(self, config: Backbone, size: int, has_swin: bool, is_hybrid: bool) -> None:
        super().__init__()
        self.convnext: Any
        self.swin: Any
        self.size = size
        self.is_hybrid = is_hybrid
        self.convnext = convnext(config)
        if has_swin or is_hybrid:
            self.swin = swin(config, size)
            self.project = nn.Conv2d(config.outputs, config.convnext_widths[-1], 1)
            for part in (self.swin, self.project):
                part.requires_grad_(is_hybrid)

    def forward(self, pictures: Tensor) -> Tensor:
        trunk = self.convnext.convnext
        maps = trunk(pictures).last_hidden_state  # (N, C, h, w)
        if self.is_hybrid:
            maps = maps + adaptive_avg_pool2d(self.tokens(pictures), maps.shape[-2:])
        outputs: Tensor = self.convnext.classifier(trunk.layernorm(maps.mean((2, 3))))
        return outputs

    def tokens(self, pictures: Tensor) -> Tensor:
        """Return Swin's tokens in ConvNeXt's channels, (N, C, size / 32, size / 32)."""
        if pictures.shape[-1] != self.size:
            pictures = resized(pictures, self.size)
        tokens = self.swin.classifier(self.swin.swin(pictures).last_hidden_state)  # (N, L, outputs)
        side = round(tokens.shape[1] ** 0.5)
        projected: Tensor = self.project(tokens.transpose(1, 2).unflatten(2, (side, side)))
        return projected


def resized(pictures: Tensor, size: int) -> Tensor:
    """Return pictures scaled bilinearly to size x size; (N, 3, H, W) in, (N, 3, size, size) out."""
    return interpolate(pictures, (size, size), mode="bilinear", antialias=True)


def convnext(config: Backbone) -> Any:
    """Return a ConvNeXt classifier of `config.outputs` numbers."""
    library = transformers("genconvit")
    settings = library.ConvNextConfig(
        hidden_sizes=list(config.convnext_widths),
        depths=list(config.convnext_depths),
        num_stages=len(config.convnext_depths),
        layer_norm_eps=EPS,
        layer_scale_init_value=config.layer_scale,
        num_labels=config.outputs,
    )
    cls = library.ConvNextForImageClassification
    return built(cls, settings, config.pretrained and f"{config.pretrained}/convnext")


def swin(config: Backbone, size: int) -> Any:
    """Return a Swin classifier of `config.outputs` numbers for pictures of one size."""
    library = transformers("genconvit")
    settings = library.SwinConfig(
        image_size=size,
        embed_dim=config.swin_width,
        depths=list(config.swin_depths),
        num_heads=list(config.swin_heads),
        window_size=config.window,
        num_labels=config.outputs,
    )
    cls = library.SwinForImageClassification
    return built(cls, settings, config.pretrained and f"{config.pretrained}/swin")


def built(cls: Any, settings: Any, folder: str) -> Any:
    """Return a network from its settings, or with the weights of a local folder."""
    if not folder:
        return cls(settings)
    try:
        return cls.from_pretrained(folder, config=settings, local_files_only=True).float()
    except (OSError, ValueError, RuntimeError) as error:
        raise MissingWeights(
            f"genconvit: no {cls.__name__} weights in {folder}: {error}"
        ) from error
