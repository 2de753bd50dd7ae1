"""Residual networks whose convolutions run over time as well as over space.

After Hara, Kataoka and Satoh 2018, "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and
ImageNet?", arXiv:1711.09577: stem, four stages of 3 x 3 x 3 residual blocks, mean over time and
space, linear layer. Strides of the stem and over time are settings, because what is made of a video
is not always as large as the video, and a map that is to say *when* must keep some time.
"""

from dataclasses import dataclass

from torch import Tensor, nn

EXPANSION = 4
Strides = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a network is laid out; the defaults are ResNet-18 of Hara et al. for 16 frames.

    depths: blocks of each stage; stage n has `width` x 2^n channels, times 4 when `bottleneck`.
    stem: kernel of the first convolution (time, height, width). stem_strides, pool_strides: of it
        and of the 3 x 3 x 3 pooling after it; pool_strides None pools nothing.
    time_strides: of each stage. Space is halved by every stage but the first.
    """

    width: int = 64
    depths: tuple[int, ...] = (2, 2, 2, 2)
    bottleneck: bool = False
    stem: tuple[int, int, int] = (7, 7, 7)
    stem_strides: Strides = (1, 2, 2)
    pool_strides: Strides | None = (2, 2, 2)
    time_strides: tuple[int, ...] = (1, 2, 2, 2)

    def __post_init__(self) -> None:
        if len(self.time_strides) != len(self.depths):
            raise ValueError("time_strides and depths must name as many stages")


def unit(channels: int, width: int, kernel: int, strides: Strides = (1, 1, 1)) -> list[nn.Module]:
    """Return a convolution that keeps the size, up to its strides, and its batch norm."""
    convolution = nn.Conv3d(channels, width, kernel, strides, kernel // 2, bias=False)
    return [convolution, nn.BatchNorm3d(width)]


class Block(nn.Module):
    """Residual block: two 3 x 3 x 3 convolutions, or 1, 3 and 1 wide with four times the output."""

    def __init__(
        self, channels: int, width: int, strides: Strides = (1, 1, 1), bottleneck: bool = False
    ) -> None:
        super().__init__()
        self.channels = width * (EXPANSION if bottleneck else 1)
        layers = (
            [
                *unit(channels, width, 1),
                nn.ReLU(inplace=True),
                *unit(width, width, 3, strides),
                nn.ReLU(inplace=True),
                *unit(width, self.channels, 1),
            ]
            if bottleneck
            else [
                *unit(channels, width, 3, strides),
                nn.ReLU(inplace=True),
                *unit(width, width, 3),
            ]
        )
        self.branch = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if strides != (1, 1, 1) or channels != self.channels:
            self.shortcut = nn.Sequential(*unit(channels, self.channels, 1, strides))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branch(x)
        y = y + self.shortcut(x)
        return y.relu_()


class ResNet3d(nn.Module):
    """Maps videos (N, C, T, H, W) to (N, outputs)."""

    def __init__(self, channels: int, outputs: int, layout: Layout | None = None) -> None:
        super().__init__()
        layout = layout or Layout()
        time, height, width = layout.stem
        padding = (time // 2, height // 2, width // 2)
        stem: list[nn.Module] = [
            nn.Conv3d(
                channels, layout.width, layout.stem, layout.stem_strides, padding, bias=False
            ),
            nn.BatchNorm3d(layout.width),
            nn.ReLU(inplace=True),
        ]
        if layout.pool_strides:
            stem.append(nn.MaxPool3d(3, layout.pool_strides, 1))
        self.stem = nn.Sequential(*stem)
        self.stages, channels = _stages(layout)
        self.head = nn.Linear(channels, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, video: Tensor) -> Tensor:
        return self.after(self.maps(video))

    def maps(self, video: Tensor, stage: int = -1) -> Tensor:
        """Return the output of a stage, (N, K, T', H', W'); by default of the last one."""
        x: Tensor = self.stem(video)
        for layers in self.stages[: self._count(stage)]:
            x = layers(x)
        return x

    def after(self, maps: Tensor, stage: int = -1) -> Tensor:
        """Return the outputs, (N, outputs), from the maps that `stage` gave."""
        x = maps
        for layers in self.stages[self._count(stage) :]:
            x = layers(x)
        result: Tensor = self.head(x.mean((2, 3, 4)))
        return result

    def _count(self, stage: int) -> int:
        """Return how many stages have run once `stage` has; -1 is the last."""
        return stage % len(self.stages) + 1


def _stages(layout: Layout) -> tuple[nn.ModuleList, int]:
    """Return the stages and how many channels the last one gives."""
    stages, channels = nn.ModuleList(), layout.width
    for n, (depth, time) in enumerate(zip(layout.depths, layout.time_strides, strict=True)):
        blocks: list[Block] = []
        for position in range(depth):
            space = 2 if n > 0 else 1
            strides = (time, space, space) if position == 0 else (1, 1, 1)
            blocks.append(Block(channels, layout.width * 2**n, strides, layout.bottleneck))
            channels = blocks[-1].channels
        stages.append(nn.Sequential(*blocks))
    return stages, channels
