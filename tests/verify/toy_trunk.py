"""A few convolutions in the place of a paper's backbone, fast enough for a test."""

from torch import Tensor, nn


class Trunk(nn.Sequential):
    """Maps pictures (N, 3, H, W) to maps of 32 channels, (N, 32, H / 8, W / 8)."""

    out_channels = 32

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        for inside, outside, stride in ((3, 16, 1), (16, 24, 2), (24, 32, 2), (32, 32, 2)):
            convolution = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outside), nn.ReLU()]
        super().__init__(*layers)


class Pooled(Trunk):
    """Maps pictures to features, (N, 32)."""

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures).mean((2, 3))
