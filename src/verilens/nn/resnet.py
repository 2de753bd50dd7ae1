"""ResNet with torchvision's layer names, so that published weights load by name.

Bottlenecks have their stride in the 3 x 3 convolution, as torchvision's. With 1000 classes,
ResNet-18 has 11,689,512 and ResNet-50 25,557,032 parameters.
He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
"""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from verilens.errors import MissingWeights
from verilens.published import read


class Residual(nn.Sequential):
    """A branch of convolutions with batch norms, and a shortcut around it.

    kernels: of the branch's convolutions; the widths are (width, ..., out). A Sequential only so
    that batch norms can be folded: forward is its own.
    """

    def __init__(
        self, channels: int, width: int, out: int, kernels: Sequence[int], stride: int
    ) -> None:
        super().__init__()
        strided = kernels.index(3)
        self.depth = len(kernels)
        inside = channels
        for n, kernel in enumerate(kernels):
            outside = out if n == self.depth - 1 else width
            step = stride if n == strided else 1
            convolution = nn.Conv2d(inside, outside, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{n + 1}", convolution)
            self.add_module(f"bn{n + 1}", nn.BatchNorm2d(outside))
            inside = outside
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if stride > 1 or channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.depth + 1):
            y = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(y))
            y = self.relu(y) if n < self.depth else y
        summed: Tensor = self.relu(y.add_(self.downsample(x)))
        return summed


class ResNet(nn.Sequential):
    """Maps (N, channels, H, W) to class scores (N, classes), or pooled features when classes is 0.

    depths: blocks of the four stages. expansion: 4 gives bottlenecks of 1 x 1, 3 x 3 and 1 x 1
    convolutions, 1 gives pairs of 3 x 3. width: channels of the first stage before expansion.
    """

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 6, 3),
        expansion: int = 4,
        width: int = 64,
        channels: int = 3,
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = width
        for stage, depth in enumerate(depths):
            inner, out = width << stage, (width << stage) * expansion
            blocks = []
            for n in range(depth):
                stride = 2 if stage and not n else 1
                kernels = (3, 3) if expansion == 1 else (1, 3, 1)
                blocks.append(Residual(inside, inner, out, kernels, stride))
                inside = out
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = len(depths)
        self.out_channels = inside
        self.fc = nn.Linear(inside, classes) if classes else nn.Identity()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def taps(self, x: Tensor) -> list[Tensor]:
        """Return the maps of the stem and of each stage, at H / 2, H / 4, H / 8, H / 16, H / 32."""
        found = [self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(found[0])
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
            found.append(x)
        return found

    def features(self, x: Tensor) -> Tensor:
        """Return the last maps, (N, out_channels, H / 32, W / 32)."""
        return self.taps(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc(adaptive_avg_pool2d(self.features(x), 1).flatten(1))
        return y


def resnet18(channels: int = 3, classes: int = 0) -> ResNet:
    """Return ResNet-18: features of 512 channels."""
    return ResNet((2, 2, 2, 2), expansion=1, channels=channels, classes=classes)


def resnet50(channels: int = 3, classes: int = 0) -> ResNet:
    """Return ResNet-50: features of 2048 channels."""
    return ResNet((3, 4, 6, 3), expansion=4, channels=channels, classes=classes)


def load_imagenet(network: ResNet, path: str) -> None:
    """Copy published ImageNet weights into `network`, all but their classifier.

    path: a .pth or .safetensors file in torchvision's layout. MissingWeights when it does not fit.
    """
    found = {k: v for k, v in read(Path(path)).tensors.items() if not k.startswith("fc.")}
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("fc.")}
    missing = [k for k in own if k not in found and not k.endswith("num_batches_tracked")]
    wrong = [k for k, v in found.items() if k not in own or v.shape != own[k].shape]
    if missing or wrong:
        raise MissingWeights(
            f"{path}: not ImageNet weights of this ResNet; missing {missing[:9]}, "
            f"unknown or of another shape {wrong[:9]}"
        )
    network.load_state_dict({**network.state_dict(), **found})
