"""The Xception of the face-forgery literature: Chollet 2017 without padding in the stem.

    conv1-2 -> block1-3 (entry) -> block4-11 (middle) -> block12 (exit) -> conv3-4 -> maps

Layer names are those of the published ImageNet and DeepfakeBench weights, so that these load by
name. It has no head: one linear layer on the pooled, rectified maps is the method's own.
Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv:1610.02357.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor, nn

from verilens.errors import MissingWeights
from verilens.published import read

# Channels of conv1, conv2, block1, block2, block3 to block11, block12, conv3, conv4.
WIDTHS = (32, 64, 128, 256, 728, 1024, 1536, 2048)
TINY = (8, 8, 16, 16, 32, 32, 48, 64)


class SeparableConv2d(nn.Sequential):
    """A 3 x 3 convolution of each channel alone, then a 1 x 1 convolution across channels."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, out, 1, bias=False)


class Block(nn.Sequential):
    """Separable convolutions with a shortcut; with stride 2 a max pooling ends them.

    units: (channels in, channels out) of each convolution. A Sequential only so that batch norms
    can be folded: forward is its own.
    """

    def __init__(self, units: Sequence[tuple[int, int]], stride: int, rectified: bool = True):
        super().__init__()
        layers: list[nn.Module] = []
        for channels, out in units:
            # The first one must not overwrite the block's input, which the shortcut reads too.
            layers += [
                nn.ReLU(inplace=bool(layers)),
                SeparableConv2d(channels, out),
                nn.BatchNorm2d(out),
            ]
        layers = layers if rectified else layers[1:]
        self.rep = nn.Sequential(*layers, *([nn.MaxPool2d(3, stride, 1)] if stride > 1 else []))
        self.reshapes = stride > 1 or units[0][0] != units[-1][1]
        if self.reshapes:
            self.skip = nn.Conv2d(units[0][0], units[-1][1], 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(units[-1][1])

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.rep(x)
        return y.add_(self.skipbn(self.skip(x)) if self.reshapes else x)


class Xception(nn.Sequential):
    """Maps (N, channels, H, W) to (N, out_channels, H / 32, W / 32); 256 x 256 gives 8 x 8.

    widths: channels, see WIDTHS. middle: blocks of the middle flow. reduced: channels that an extra
    1 x 1 convolution with batch norm and ReLU reduces to, "adjust_channel"; 0 leaves it out.

    The last layer without it is a batch norm: rectify before pooling. At full size it has
    20,806,952 parameters, 20,811,050 with a 2-way head, and 1,050,112 more with reduced=512.
    """

    def __init__(
        self,
        channels: int = 3,
        widths: Sequence[int] = WIDTHS,
        middle: int = 8,
        reduced: int = 0,
    ) -> None:
        super().__init__()
        stem, stem2, low, mid, high, exits, tail, last = widths
        self.conv1 = nn.Conv2d(channels, stem, 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(stem, stem2, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(stem2)
        self.relu2 = nn.ReLU(inplace=True)
        self.block1 = Block([(stem2, low), (low, low)], 2, rectified=False)
        self.block2 = Block([(low, mid), (mid, mid)], 2)
        self.block3 = Block([(mid, high), (high, high)], 2)
        for number in range(4, 4 + middle):
            self.add_module(f"block{number}", Block([(high, high)] * 3, 1))
        self.add_module(f"block{4 + middle}", Block([(high, high), (high, exits)], 2))
        self.conv3 = SeparableConv2d(exits, tail)
        self.bn3 = nn.BatchNorm2d(tail)
        self.relu3 = nn.ReLU(inplace=True)
        self.conv4 = SeparableConv2d(tail, last)
        self.bn4 = nn.BatchNorm2d(last)
        if reduced:
            self.adjust_channel = nn.Sequential(
                nn.Conv2d(last, reduced, 1), nn.BatchNorm2d(reduced), nn.ReLU()
            )
        self.middle = middle
        self.out_channels = reduced or last

    def features(self, x: Tensor) -> Tensor:
        """Return the last maps, (N, out_channels, H / 32, W / 32)."""
        y: Tensor = self(x)
        return y

    def between(self, x: Tensor, first: str, last: str) -> Tensor:
        """Return `x` after the layers `first` to `last`, by name and both included."""
        names = list(self._modules)
        for name in names[names.index(first) : names.index(last) + 1]:
            x = getattr(self, name)(x)
        return x

    def taps(self, x: Tensor) -> list[Tensor]:
        """Return the maps at falling resolution, for skip connections.

        Of 256 x 256: relu2 (64, 125), block1 (128, 63), block2 (256, 32), the end of the middle
        flow (728, 16) and the last maps (out_channels, 8).
        """
        found = [self.between(x, "conv1", "relu2")]
        end, after = f"block{3 + self.middle}", f"block{4 + self.middle}"
        last = list(self._modules)[-1]
        parts = (("block1", "block1"), ("block2", "block2"), ("block3", end), (after, last))
        for part in parts:
            found.append(self.between(found[-1], *part))
        return found


def load_imagenet(
    trunk: Xception, path: str, first: Callable[[Tensor], Tensor] = lambda kernel: kernel
) -> None:
    """Copy published ImageNet weights into `trunk`; what it adds to the network stays as it is.

    path: a .pth or .safetensors file in the published layout; its classifier is not used, and its
    pointwise kernels may lack their two axes of length 1.
    first: makes the kernel of conv1 from the published one, (32, 3, 3, 3), for other channels.
    """
    found = {
        name: tensor[..., None, None] if "pointwise" in name and tensor.ndim == 2 else tensor
        for name, tensor in read(Path(path)).tensors.items()
        if name.split(".")[0] not in ("fc", "last_linear")
    }
    if "conv1.weight" in found:
        found["conv1.weight"] = first(found["conv1.weight"])
    own = trunk.state_dict()
    extra = ("adjust_channel.", "num_batches_tracked")
    missing = [k for k in own if k not in found and not any(part in k for part in extra)]
    wrong = [k for k, v in found.items() if k not in own or v.shape != own[k].shape]
    if missing or wrong:
        raise MissingWeights(
            f"{path}: not ImageNet weights of this Xception; missing {missing[:9]}, "
            f"unknown or of another shape {wrong[:9]}"
        )
    trunk.load_state_dict({**own, **found})
