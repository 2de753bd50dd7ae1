"""EfficientNet from transformers, with the padding, drop-connect and taps that methods need.

The trunk alone: B1 has 6,513,184 parameters and B4 17,548,616. What differs from transformers'
defaults: batch norms follow the statistics slowly (its momentum is TensorFlow's, the complement of
torch's), and drop-connect drops whole samples, as published.
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
arXiv:1905.11946.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from verilens.errors import ConfigError, MissingExtra

if TYPE_CHECKING:
    from transformers import EfficientNetConfig

STRIDES = (1, 2, 2, 2, 1, 2, 1)
REPEATS = (1, 2, 2, 3, 3, 4, 1)
KERNELS = (3, 3, 5, 3, 5, 5, 3)
HEAD = 1280  # channels of the last convolution at width 1
DROPPED = 0.2  # of the samples in the last block; earlier blocks drop fewer


class Scale(NamedTuple):
    """Compound scaling. resolution: side in pixels that the fixed padding is made for."""

    width: float
    depth: float
    resolution: int


SCALES = {
    "b0": Scale(1.0, 1.0, 224),
    "b1": Scale(1.0, 1.1, 240),
    "b2": Scale(1.1, 1.2, 260),
    "b3": Scale(1.2, 1.4, 300),
    "b4": Scale(1.4, 1.8, 380),
    "b5": Scale(1.6, 2.2, 456),
    "b6": Scale(1.8, 2.6, 528),
    "b7": Scale(2.0, 3.1, 600),
    "tiny": Scale(0.25, 0.3, 64),
}


class DropConnect(nn.Module):
    """Leaves out the branch of a random share `rate` of the samples while training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


class EfficientNet(nn.Module):
    """Maps (N, channels, H, W) to (N, out_channels, H / 32, W / 32).

    scale: a name of SCALES. stem_padding: False starts with an unpadded convolution.
    pretrained: folder of a Hugging Face checkpoint with ImageNet weights to start from.
    activation: what transformers calls the function after each convolution.
    """

    def __init__(
        self,
        scale: str = "b4",
        channels: int = 3,
        stem_padding: bool = True,
        pretrained: str = "",
        activation: str = "swish",
    ) -> None:
        super().__init__()
        if scale not in SCALES:
            raise ConfigError(f"no EfficientNet '{scale}'; known: {', '.join(SCALES)}")
        try:
            from transformers import EfficientNetModel
        except ImportError as error:
            raise MissingExtra(
                "EfficientNet needs transformers: pip install 'verilens[backbones]'"
            ) from error
        settings = _settings(SCALES[scale], channels, activation)
        model = (
            EfficientNetModel.from_pretrained(pretrained, config=settings, local_files_only=True)
            if pretrained
            else EfficientNetModel(settings)
        )
        if not pretrained:
            draw(model)
        self.embeddings, self.encoder = model.embeddings, model.encoder
        if not stem_padding:
            self.embeddings.padding = nn.ZeroPad2d(0)
        self.out_channels: int = settings.hidden_dim
        repeats = [math.ceil(SCALES[scale].depth * n) for n in REPEATS]
        self.ends = [sum(repeats[: n + 1]) - 1 for n in range(len(repeats))]
        for number, block in enumerate(self.encoder.blocks):
            rate = DROPPED * number / sum(repeats)
            block.get_submodule("projection").dropout = DropConnect(rate)
        for norm in (m for m in self.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.momentum = 0.01

    def taps(self, x: Tensor) -> list[Tensor]:
        """Return the maps of the stem (H / 2), of each of the seven stages, and of the head."""
        x = self.embeddings(x)
        found = [x]
        for number, block in enumerate(self.encoder.blocks):
            x = block(x)
            if number in self.ends:
                found.append(x)
        head = self.encoder
        found.append(head.top_activation(head.top_bn(head.top_conv(x))))
        return found

    def features(self, x: Tensor) -> Tensor:
        """Return the last maps, (N, out_channels, H / 32, W / 32)."""
        return self.taps(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)


def draw(network: nn.Module) -> None:
    """Draw weights so that activations keep their spread, as EfficientNet's authors do.

    What transformers draws, gains of batch norms included, lets them vanish within a few blocks.
    """
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
        elif isinstance(layer, nn.Conv2d):
            fan_out = layer.out_channels // layer.groups * layer.weight[0, 0].numel()
            nn.init.normal_(layer.weight, std=(2 / fan_out) ** 0.5)


def _settings(scale: Scale, channels: int, activation: str) -> "EfficientNetConfig":
    from transformers import EfficientNetConfig

    return EfficientNetConfig(
        num_channels=channels,
        hidden_act=activation,
        image_size=scale.resolution,
        width_coefficient=scale.width,
        depth_coefficient=scale.depth,
        hidden_dim=_rounded(HEAD * scale.width),
        depthwise_padding=_symmetric(scale),
        dropout_rate=0.0,
        drop_connect_rate=DROPPED,
    )


def _rounded(channels: float, divisor: int = 8) -> int:
    """Return the nearest multiple of `divisor` that loses at most a tenth."""
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near if near >= 0.9 * channels else near + divisor


def _symmetric(scale: Scale) -> list[int]:
    """Return the blocks whose strided convolution meets an odd side and so is padded evenly."""
    side = math.ceil(scale.resolution / 2)
    found, number = [], 0
    for stride, repeats in zip(STRIDES, REPEATS, strict=True):
        if stride == 2:
            if side % 2:
                found.append(number)
            side = math.ceil(side / 2)
        number += math.ceil(scale.depth * repeats)
    return found
