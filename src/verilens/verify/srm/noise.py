"""High-pass noise, and the layers that bring it together with the colours."""

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_max_pool2d, conv2d

from verilens.errors import ConfigError
from verilens.nn.high_pass import kernels

TRUNCATED = 3.0  # noise beyond it tells of edges, not of the camera


class NoisePicture(nn.Module):
    """The noise of a colour picture, summed over colours: (N, 3, H, W) to (N, 3, H, W)."""

    kernels: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernels", kernels()[:, None].repeat(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.kernels, padding=2).clamp(-TRUNCATED, TRUNCATED)


class NoiseOfFeatures(nn.Module):
    """The noise of each feature map by itself, mixed: (N, C, H, W) to (N, C, H, W).

    Three filters a map, in the released order: the first third of the maps meets the first kernel
    three times, and so on.
    """

    kernels: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        each = kernels().repeat_interleave(channels, 0)[:, None]
        self.register_buffer("kernels", each, persistent=False)
        self.mixed = nn.Sequential(
            nn.Conv2d(3 * channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        nn.init.kaiming_normal_(self.get_parameter("mixed.0.weight"), a=1)

    def forward(self, x: Tensor) -> Tensor:
        noise = conv2d(x, self.kernels, padding=2, groups=x.shape[1])
        y: Tensor = self.mixed(noise.clamp(-TRUNCATED, TRUNCATED))
        return y


class NoiseGuide(nn.Module):
    """Where the colours deserve attention: a noise picture to weights in (0, 1), (N, 1, h, w).

    h, w: of the second convolution of Xception, whose shape its own two follow.
    """

    def __init__(self, stem: int, second: int) -> None:
        super().__init__()
        self.read = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.Conv2d(stem, second, 3, bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(inplace=True),
        )
        self.weigh = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        for layer in ("read.0", "read.3", "weigh"):
            nn.init.kaiming_normal_(self.get_parameter(f"{layer}.weight"), a=1)

    def forward(self, noise: Tensor) -> Tensor:
        maps = self.read(noise)
        seen = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], 1)
        return torch.sigmoid(self.weigh(seen))


class Exchange(nn.Module):
    """Attention between two streams over all places, made for one size: (N, C, S, S) both ways.

    side: S. The gates start closed.
    """

    def __init__(self, channels: int, side: int, reduction: int) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.side = side
        self.keys = nn.ModuleList(nn.Conv2d(channels, narrow, 1) for _ in range(2))
        self.shared = nn.Conv2d(narrow, narrow, 1)
        self.mix = nn.ModuleList(nn.Linear(side * side, side * side) for _ in range(2))
        self.values = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.gates = nn.ParameterList(nn.Parameter(torch.zeros(1)) for _ in range(2))
        for layer in (*self.keys, self.shared, *self.mix, *self.values):
            nn.init.xavier_normal_(layer.get_parameter("weight"), gain=0.02)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if x.shape[-2:] != (self.side, self.side):
            raise ConfigError(
                f"srm: its attention is for {self.side} x {self.side} maps, not "
                f"{x.shape[-2]} x {x.shape[-1]}; set view.size"
            )
        key_x = self.shared(self.keys[0](x)).flatten(2)  # (N, C / reduction, places)
        key_y = self.shared(self.keys[1](y)).flatten(2)
        energy = key_x.transpose(1, 2) @ key_y  # (N, places of x, places of y)
        of_y = self.mix[0](energy).softmax(-1)
        of_x = self.mix[1](energy.transpose(1, 2)).softmax(-1)
        seen_y = (self.values[1](y).flatten(2) @ of_y.transpose(1, 2)).view_as(x)
        seen_x = (self.values[0](x).flatten(2) @ of_x.transpose(1, 2)).view_as(y)
        return self.gates[0] * seen_y + x, self.gates[1] * seen_x + y


class Fusion(nn.Module):
    """Two streams become one, its channels weighed: (N, C, h, w) twice to (N, C, h, w)."""

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.join = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        narrow = max(1, channels // squeeze)
        self.weigh = nn.Sequential(
            nn.Conv2d(channels, narrow, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(narrow, channels, 1, bias=False),
        )
        for layer in ("weigh.0", "weigh.2"):
            nn.init.xavier_normal_(self.get_parameter(f"{layer}.weight"), gain=0.02)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        joined = self.join(torch.cat([x, y], 1))
        mean, most = joined.mean((2, 3), keepdim=True), adaptive_max_pool2d(joined, 1)
        weighed: Tensor = joined * torch.sigmoid(self.weigh(mean) + self.weigh(most))
        return weighed
