"""SlowOnly: a residual network that keeps time for its deeper stages. Reads (B, K, T, H, W)."""

import torch
from torch import Tensor, nn

from verilens.motion.miga_posec3d.config import Config

EXPANSION = 4


def unit(
    into: int, out: int, kernel: tuple[int, int, int], strides: tuple[int, int, int] = (1, 1, 1)
) -> list[nn.Module]:
    """Return a convolution that keeps the size, up to its strides, and its batch norm."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return [nn.Conv3d(into, out, kernel, strides, padding, bias=False), nn.BatchNorm3d(out)]


class Bottleneck(nn.Module):
    """Residual block: over time where `inflate`, over space, and out to four times the width."""

    def __init__(self, into: int, width: int, strides: tuple[int, int], inflate: bool) -> None:
        super().__init__()
        out = width * EXPANSION
        time, space = strides
        outer = unit(width, out, (1, 1, 1))
        nn.init.zeros_(outer[1].get_parameter("weight"))  # starts as the shortcut alone
        self.branch = nn.Sequential(
            *unit(into, width, (3 if inflate else 1, 1, 1)),
            nn.ReLU(inplace=True),
            *unit(width, width, (1, 3, 3), (time, space, space)),
            nn.ReLU(inplace=True),
            *outer,
        )
        self.shortcut = nn.Sequential()
        if space != 1 or into != out:
            self.shortcut = nn.Sequential(*unit(into, out, (1, 1, 1), (time, space, space)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        return torch.relu_(y + self.shortcut(x))


class SlowOnly(nn.Module):
    """Stem of 1 x 7 x 7 without strides, then the stages; `channels` come out."""

    def __init__(self, maps: int, config: Config) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            *unit(maps, config.width, (1, 7, 7)),
            nn.ReLU(inplace=True),
            nn.MaxPool3d((1, 3, 3), 1, (0, 1, 1)),
        ]
        channels = config.width
        for stage, depth in enumerate(config.depths):
            width = config.width * 2**stage
            first = (config.time_strides[stage], config.space_strides[stage])
            for n in range(depth):
                strides = first if n == 0 else (1, 1)
                layers.append(Bottleneck(channels, width, strides, config.inflate[stage]))
                channels = width * EXPANSION
        self.channels = channels
        self.layers = nn.Sequential(*layers)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, film: Tensor) -> Tensor:
        maps: Tensor = self.layers(film)
        return maps
