"""The pruned MobileFaceNet, layer by layer.

80 x 80 -> stem 40 x 40 -> three stages 20, 10, 5 -> one 5 x 5 depthwise layer -> embedding
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from verilens.verify.minifasnet.config import EMBEDDED, STEM, WIDTHS, Config

REDUCTION = 4  # of squeeze and excitation
FOURIER = (128, 64, 1)  # channels of the branch that learns the spectrum


def conv(channels: int, out: int, size: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution that keeps the extent, batch norm and PReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, out, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out),
        nn.PReLU(out),
    )


class Excite(nn.Module):
    """Weighs channels by what a look at the whole picture says of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // REDUCTION
        self.squeeze = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True)
        )
        self.excite = nn.Sequential(
            nn.Conv2d(inner, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.excite(self.squeeze(x.mean((2, 3), keepdim=True)))
        return x * weights


class Block(nn.Module):
    """Widens, filters each channel by itself, narrows again; adds its input where both fit."""

    def __init__(self, channels: int, inner: int, out: int, stride: int, excited: bool) -> None:
        super().__init__()
        self.expand = conv(channels, inner)
        self.depthwise = conv(inner, inner, 3, stride, groups=inner)
        self.project = nn.Sequential(nn.Conv2d(inner, out, 1, bias=False), nn.BatchNorm2d(out))
        self.excite = Excite(out) if excited else nn.Identity()
        self.is_residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.excite(self.project(self.depthwise(self.expand(x))))
        return x + y if self.is_residual else y


def stage(channels: int, inner: Sequence[int], out: int, excited: bool) -> nn.Sequential:
    """Return an opening block that halves the extent, then residual ones, the last excited."""
    blocks = [Block(channels, inner[0], out, 2, excited=False)]
    for n, width in enumerate(inner[1:], 2):
        blocks.append(Block(out, width, out, 1, excited=excited and n == len(inner)))
    return nn.Sequential(*blocks)


class Network(nn.Module):
    """Maps BGR pictures in [0, 255], (N, 3, size, size), to class scores (N, classes)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, STEM, 3, 2), conv(STEM, STEM, 3, groups=STEM))
        widths = (STEM, *WIDTHS)
        self.stages = nn.ModuleList(
            stage(widths[n], inner, widths[n + 1], config.excited)
            for n, inner in enumerate(config.inner)
        )
        self.separate = conv(WIDTHS[-1], EMBEDDED)
        extent = -(-config.view.size // 16)  # what four halvings leave
        self.whole = nn.Sequential(
            nn.Conv2d(EMBEDDED, EMBEDDED, extent, groups=EMBEDDED, bias=False),
            nn.BatchNorm2d(EMBEDDED),
        )
        self.embed = nn.Linear(EMBEDDED, config.embedding, bias=False)
        self.norm = nn.BatchNorm1d(config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.embedding, config.classes, bias=False)
        initialise(self)

    def features(self, pictures: Tensor) -> Tensor:
        """Return what the branch of the spectrum reads, (N, 128, size / 8, size / 8)."""
        x: Tensor = self.stages[1](self.stages[0](self.stem(pictures)))
        return x

    def scores(self, features: Tensor) -> Tensor:
        """Return the class scores (N, classes) of `features`."""
        x = self.whole(self.separate(self.stages[2](features))).flatten(1)  # (N, 512)
        found: Tensor = self.head(self.dropout(self.norm(self.embed(x))))
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        return self.scores(self.features(pictures))


class Fourier(nn.Module):
    """Maps features (N, 128, h, w) to the spectrum they should tell, (N, 1, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = WIDTHS[1]
        for out in FOURIER:
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(True)]
            channels = out
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, features: Tensor) -> Tensor:
        found: Tensor = self.layers(features)
        return found


def initialise(module: nn.Module) -> None:
    """Draw the weights as the official training does."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.001)


def spectrum(pictures: Tensor, size: int) -> Tensor:
    """Return the logarithm of each picture's Fourier amplitudes, low frequencies in the middle.

    pictures: BGR in [0, 255], (N, 3, H, W). Returns (N, 1, size, size) in (0, 1]: shifted by one
    and scaled by its range, as the official code does.
    """
    grey = (pictures * pictures.new_tensor([0.114, 0.587, 0.299]).view(1, 3, 1, 1)).sum(1)
    found = torch.fft.fftshift(torch.fft.fft2(grey.float()), dim=(1, 2)).abs().add(1).log()
    low, high = found.amin((1, 2), keepdim=True), found.amax((1, 2), keepdim=True)
    scaled = (found - low + 1) / (high - low + 1)
    return nn.functional.interpolate(scaled[:, None], (size, size), mode="bilinear")
