"""DenseNet: every layer reads the outputs of all layers before it in its block.

    3 x 224 x 224 -> stem 64 x 56 x 56 -> four dense blocks, halved in between -> 1,920 x 7 x 7

DenseNet-201 has 18,092,928 parameters without its classifier. Tensors have the names that public
ImageNet checkpoints use. Huang et al., "Densely Connected Convolutional Networks",
arXiv:1608.06993.
"""

import re
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from verilens.errors import MissingWeights
from verilens.published import COUNTER, read
from verilens.verify.frame_skipping.config import DenseNet

BOTTLENECK = 4  # in widths of growth: channels between a layer's two convolutions
HEAD = "classifier."
# Old checkpoints write denselayer1.norm.1 for denselayer1.norm1.
OLD = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")


class DenseLayer(nn.Module):
    """Adds `growth` channels to those it reads."""

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        inner = BOTTLENECK * growth
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        added = self.conv1(self.norm1(x).relu_())
        added = self.conv2(self.norm2(added).relu_())
        return torch.cat([x, added], 1)


class Described(nn.Module):
    """Maps normalised frames (N, 3, H, W) to features (N, channels)."""

    def __init__(self, config: DenseNet) -> None:
        super().__init__()
        channels = config.stem
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(channels),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        for number, depth in enumerate(config.blocks, 1):
            if number > 1:
                layers[f"transition{number - 1}"] = transition(channels)
                channels //= 2
            layers[f"denseblock{number}"] = nn.Sequential(
                OrderedDict(
                    (f"denselayer{n + 1}", DenseLayer(channels + n * config.growth, config.growth))
                    for n in range(depth)
                )
            )
            channels += depth * config.growth
        layers[f"norm{len(config.blocks) + 1}"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(layers)
        self.channels = channels
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.features(x).relu().mean((2, 3))
        return found


def transition(channels: int) -> nn.Sequential:
    """Return what halves channels and sides between two blocks."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )


def load_public(network: Described, path: str) -> None:
    """Copy public ImageNet weights into `network`.

    MissingWeights when a tensor of it is absent or of another shape.
    """
    tensors = {
        OLD.sub(r"\1\2.", name): tensor
        for name, tensor in read(Path(path)).tensors.items()
        if not name.startswith(HEAD)
    }
    counters = {n: t for n, t in network.state_dict().items() if n.endswith(COUNTER)}
    try:
        network.load_state_dict({**counters, **tensors})
    except RuntimeError as error:
        raise MissingWeights(f"{path}: not weights of this DenseNet: {error}") from error
