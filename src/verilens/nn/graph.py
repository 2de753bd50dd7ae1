"""Layers that convolve over the joints of a skeleton and over time; tensors are (N, C, T, J).

After Yan, Xiong and Lin 2018 (ST-GCN), arXiv:1801.07455, in the form that ST-GCN++ gave them: Duan
et al. 2022, arXiv:2205.09443. A skeleton is a tuple of parents: joint j hangs on parents[j], and
the root on itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

Parents = Sequence[int]


class Width(NamedTuple):
    """Channels into a block and out of it, and its stride over time."""

    into: int
    out: int
    stride: int


def widths(into: int, width: int, blocks: int, grown: Sequence[int]) -> list[Width]:
    """Return the sizes of a stack of blocks.

    width: of the first block. grown: blocks, counted from 1, that double the channels and halve
    the time.
    """
    found = []
    for n in range(1, blocks + 1):
        out = width * 2 ** sum(n >= at for at in grown)
        found.append(Width(into, out, 2 if n in grown else 1))
        into = out
    return found


def partition(parents: Parents) -> Tensor:
    """Return ST-GCN's spatial partition, (3, J, J): the joint itself, from its parent, to it.

    Entry [k, v, w] is what joint w takes from joint v; each column sums to 1, or to 0 where a joint
    has no such neighbour.
    """
    joints = len(parents)
    inward = torch.zeros(joints, joints)
    for child, parent in enumerate(parents):
        if child != parent:
            inward[parent, child] = 1.0
    parts = torch.stack([torch.eye(joints), inward, inward.T])
    return parts / parts.sum(1, keepdim=True).clamp(min=1.0)


class JointNorm(nn.Module):
    """Normalises every coordinate of every joint; maps (B, M, T, J, C) to (B x M, C, T, J)."""

    def __init__(self, joints: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(joints * channels)

    def forward(self, x: Tensor) -> Tensor:
        b, m, t, j, c = x.shape
        flat = x.permute(0, 1, 3, 4, 2).reshape(b * m, j * c, t)
        normed: Tensor = self.norm(flat)
        return normed.view(b * m, j, c, t).permute(0, 2, 3, 1).contiguous()


class MultiScaleTime(nn.Module):
    """Six branches over time: four dilated convolutions, a maximum, and the frame itself.

    Each has its own part of the channels, which one layer makes for all.
    shared: joints that also take part of the skeleton's mean, by a learned share that starts at 0;
        0 leaves the mean out.
    """

    def __init__(self, channels: int, stride: int = 1, shared: int = 0) -> None:
        super().__init__()
        narrow = channels // 6
        first = channels - 5 * narrow
        self.stride = stride
        self.parts = [first, narrow, narrow, narrow, narrow, narrow]
        self.enter = nn.Conv2d(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels - narrow)
        self.dilated = nn.ModuleList(
            nn.Conv2d(width, width, (3, 1), (stride, 1), (d, 0), (d, 1))
            for d, width in enumerate(self.parts[:4], 1)
        )
        self.most = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.share = nn.Parameter(torch.zeros(shared)) if shared else None
        self.merge = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        joints = x.shape[-1]
        if self.share is not None:
            x = torch.cat([x, x.mean(-1, keepdim=True)], -1)
        active, frame = torch.split(self.enter(x), [sum(self.parts[:5]), self.parts[5]], 1)
        parts = torch.split(torch.relu(self.norm(active)), self.parts[:5], 1)
        found = [layer(part) for layer, part in zip(self.dilated, parts, strict=False)]
        x = torch.cat([*found, self.most(parts[4]), frame[:, :, :: self.stride]], 1)
        if self.share is not None:
            x = x[..., :joints] + x[..., joints:] * self.share[:joints]
        merged: Tensor = self.merge(x)
        return merged


class GraphConvolution(nn.Module):
    """Each joint from its neighbours of each part, by learned weights that start at `parts`."""

    def __init__(self, into: int, out: int, parts: Tensor) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(parts.clone())
        self.mix = nn.Conv2d(into, out * len(parts), 1)
        self.norm = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if into != out:
            self.shortcut = nn.Sequential(nn.Conv2d(into, out, 1), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        n, _, t, j = x.shape
        mixed = self.mix(x).view(n, len(self.adjacency), -1, t, j)
        y = self.norm(torch.einsum("nkctv,kvw->nctw", mixed, self.adjacency))
        return torch.relu(y + self.shortcut(x))


def time_shortcut(size: Width) -> nn.Module:
    """Return the residual path of a block that changes channels or time."""
    if size.into == size.out and size.stride == 1:
        return nn.Identity()
    convolution = nn.Conv2d(size.into, size.out, 1, (size.stride, 1))
    return nn.Sequential(convolution, nn.BatchNorm2d(size.out))


class GraphBlock(nn.Module):
    """A convolution over joints, then one over time."""

    def __init__(self, size: Width, parts: Tensor, is_first: bool = False) -> None:
        super().__init__()
        self.space = GraphConvolution(size.into, size.out, parts)
        self.time = MultiScaleTime(size.out, size.stride)
        self.shortcut = None if is_first else time_shortcut(size)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.time(self.space(x))
        return torch.relu(y if self.shortcut is None else y + self.shortcut(x))


class GraphTrunk(nn.Module):
    """ST-GCN++ without its last layer: maps (B, M, T, J, C) to features (B, M, K, T', J).

    width: channels of the first block; K is `channels`.
    """

    def __init__(
        self, parents: Parents, into: int = 3, width: int = 64, blocks: int = 10,
        grown: Sequence[int] = (5, 8),
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = widths(into, width, blocks, grown)
        parts = partition(parents)
        self.channels = sizes[-1].out
        self.norm = JointNorm(len(parents), into)
        self.blocks = nn.Sequential(
            *(GraphBlock(size, parts, is_first=n == 0) for n, size in enumerate(sizes))
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(self.norm(x))
        return y.view(*x.shape[:2], *y.shape[1:])
