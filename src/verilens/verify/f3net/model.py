"""The F3-Net network.

crop -> frequency bands  -> Xception --+-- block 7 --+-- block 12 --+-> pooled -+
                                    MixBlock      MixBlock                      +-> head
crop -> local statistics -> Xception --+-- block 7 --+-- block 12 --+-> pooled -+
"""

import torch
from torch import Tensor, nn

from verilens.nn.xception import Xception, load_imagenet
from verilens.verify.detector import Detector
from verilens.verify.f3net.config import Config
from verilens.verify.f3net.frequency import Decomposition, LocalStatistics, squashed

COLOURS = 3


class MixBlock(nn.Module):
    """Lets two streams look at each other: attention over rows, channel by channel.

    Both inputs and outputs are (N, C, S, S). The gates start closed.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.queries = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.keys = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.gates = nn.Parameter(torch.zeros(2))
        self.joins = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 1, groups=channels), nn.BatchNorm2d(channels)
            )
            for _ in range(2)
        )

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        pair = (first, second)
        query = torch.cat([layer(x) for layer, x in zip(self.queries, pair, strict=True)], 3)
        key = torch.cat([layer(x) for layer, x in zip(self.keys, pair, strict=True)], 3)
        attention = (query @ key.transpose(2, 3)).softmax(-1)  # (N, C, S, S)
        gates = squashed(self.gates)
        return (
            first + self.joins[0](second * attention * gates[0]),
            second + self.joins[1](first * attention * gates[1]),
        )


class F3Net(Detector):
    """Classifies face crops by their frequencies."""

    name = "f3net"
    claim = "face-swap"
    sign = "frequencies of the face: {} crops look forged"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        pooled = 0
        if config.streams != "lfs":
            self.bands = Decomposition(config.view.size)
            self.bands_trunk = self._trunk(4 * COLOURS)
            pooled += self.bands_trunk.out_channels
        if config.streams != "fad":
            self.windows = LocalStatistics(config.window, config.stride, config.bands)
            self.windows_trunk = self._trunk(config.bands)
            # The windows halved the resolution already.
            self.windows_trunk.conv1.stride = (1, 1)
            pooled += self.windows_trunk.out_channels
        if config.streams == "mix":
            self.mix7 = MixBlock(config.widths[4])
            self.mix12 = MixBlock(config.widths[5])
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(pooled, 2)

    def _trunk(self, channels: int) -> Xception:
        config = self.config
        trunk = Xception(channels, widths=config.widths, middle=config.middle)
        if config.pretrained:
            copies = channels // COLOURS
            load_imagenet(trunk, config.pretrained, lambda k: k.repeat(1, copies, 1, 1) / copies)
        return trunk

    def forward(self, frames: Tensor) -> Tensor:
        maps = self._maps(frames)
        pooled = torch.cat([x.relu().mean((2, 3)) for x in maps], 1)
        scores: Tensor = self.head(self.dropout(pooled))
        return scores[:, 1] - scores[:, 0]

    def _maps(self, frames: Tensor) -> list[Tensor]:
        """Return the last maps of each stream, (N, 2048, 8, 8) each."""
        streams = self.config.streams
        bands = self.bands(frames * 2 - 1) if streams != "lfs" else None
        windows = self.windows(frames) if streams != "fad" else None
        if bands is None or windows is None or streams == "both":
            inputs = ((bands, "bands_trunk"), (windows, "windows_trunk"))
            return [getattr(self, name)(x) for x, name in inputs if x is not None]
        # Block 12 keeps its number in a shorter network: it is the one after the middle flow.
        end = f"block{self.config.middle + 4}"
        pair = (self.bands_trunk, self.windows_trunk)
        x, y = bands, windows
        for first, last, mix in (("conv1", "block7", self.mix7), ("block8", end, self.mix12)):
            x, y = mix(*(t.between(z, first, last) for t, z in zip(pair, (x, y), strict=True)))
        return [t.between(z, "conv3", "bn4") for t, z in zip(pair, (x, y), strict=True)]
