"""The NPR operator and the classifier that reads it.

    crop -> residual inside each block -> ResNet-50 cut after its second stage -> logit

Training follows the paper unless a recipe says otherwise: binary cross-entropy, Adam.
"""

import torch
from torch import Tensor, nn

from verilens.nn.normalise import IMAGENET_STD
from verilens.verify.detector import Detector
from verilens.verify.npr.config import Config

EXPANSION = 4


def residual(frames: Tensor, block: int = 2, reference: int = 0) -> Tensor:
    """Return each pixel minus the reference pixel of its block.

    frames: (N, C, H, W), any range. Returns (N, C, H', W'): rows and columns at the bottom and
    right that fill no whole block are dropped first.
    """
    n, c, height, width = frames.shape
    rows, columns = height // block, width // block
    frames = frames[:, :, : rows * block, : columns * block]
    blocks = frames.reshape(n, c, rows, block, columns, block)
    y, x = divmod(reference, block)
    return (blocks - blocks[:, :, :, y : y + 1, :, x : x + 1]).reshape(frames.shape)


class Bottleneck(nn.Module):
    """Residual block of 1x1, 3x3 and 1x1 convolutions; gives width x 4 channels."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out = width * EXPANSION
        self.branch = nn.Sequential(
            nn.Conv2d(channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        return y.add_(self.shortcut(x)).relu_()


def trunk(width: int, depths: tuple[int, ...]) -> nn.Sequential:
    """Return the stem and the first stages of a ResNet of bottlenecks.

    Maps (N, 3, H, W) to (N, width x 4 x 2^(stages - 1), H / 2^(stages + 1), ...).
    """
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = width
    for stage, depth in enumerate(depths):
        for position in range(depth):
            stride = 2 if stage > 0 and position == 0 else 1
            layers.append(Bottleneck(channels, width * 2**stage, stride))
            channels = width * 2**stage * EXPANSION
    return nn.Sequential(*layers)


class NPR(Detector):
    """Classifies the residual of neighbouring pixels."""

    name = "npr"
    sign = "pixel relations that up-sampling leaves: {} crops show them"
    config: Config
    scale: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.trunk = trunk(config.width, config.depths)
        self.head = nn.Linear(config.width * EXPANSION * 2 ** (len(config.depths) - 1), 1)
        # Paper: ImageNet normalisation, then the residual (the mean cancels), then x 2/3.
        scale = 2 / 3 / torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
        self.register_buffer("scale", scale, persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:
        config = self.config
        x = residual(frames, config.block, config.reference) * self.scale  # (N, 3, H, W)
        x = self.trunk(x).mean((2, 3))  # (N, 512)
        logits: Tensor = self.head(x)
        return logits.squeeze(1)
