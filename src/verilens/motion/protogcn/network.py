"""Blocks whose adjacencies follow the movement, and the network that rebuilds the last graph."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from verilens.nn.graph import JointNorm, MultiScaleTime, Width, time_shortcut, widths

COEFFICIENTS = 25  # joints that take part of the mean joint, in the official code whatever V is
OFFSET, SPREAD = 0.04, 0.02  # of the first adjacencies


class Traced(NamedTuple):
    """What a layer gives, and the graph that the movement added to its adjacency.

    maps: (N, C, T, V). graph: (N, K x C / K, V, V).
    """

    maps: Tensor
    graph: Tensor


class MotionTopology(nn.Module):
    """A graph convolution with K learned adjacencies, refined by each movement.

    A' = A + alpha tanh(p_v - q_w) + beta softmax_v <p_v, q_w>; p and q are means over time.
    """

    def __init__(self, size: Width, adjacency: Tensor) -> None:
        super().__init__()
        self.graphs = len(adjacency)
        inner = size.out // self.graphs * self.graphs
        self.adjacency = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(self.graphs))
        self.beta = nn.Parameter(torch.zeros(self.graphs))
        self.before = nn.Sequential(
            nn.Conv2d(size.into, inner, 1), nn.BatchNorm2d(inner), nn.ReLU()
        )
        self.sender = nn.Conv2d(size.into, inner, 1)
        self.receiver = nn.Conv2d(size.into, inner, 1)
        self.after = nn.Conv2d(inner, size.out, 1)
        self.norm = nn.BatchNorm2d(size.out)
        self.shortcut = nn.Sequential()
        if size.into != size.out:
            convolution = nn.Conv2d(size.into, size.out, 1)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(size.out))

    def forward(self, x: Tensor) -> Traced:
        n, _, t, v = x.shape
        still = x.mean(2, keepdim=True)  # a 1 x 1 convolution of the mean is the mean of it
        p = self.sender(still).view(n, self.graphs, -1, v)  # (N, K, C, V)
        q = self.receiver(still).view(n, self.graphs, -1, v)
        across = torch.tanh(p.unsqueeze(-1) - q.unsqueeze(-2)) * self.alpha[0]  # (N, K, C, V, V)
        within = torch.einsum("nkcv,nkcw->nkvw", p, q).softmax(-2)[:, :, None] * self.beta[0]
        graph = across + within
        adjacency = self.adjacency[None, :, None] + graph
        mixed = self.before(x).view(n, self.graphs, -1, t, v)
        y = torch.einsum("nkctv,nkcvw->nkctw", mixed, adjacency).reshape(n, -1, t, v)
        y = self.norm(self.after(y)) + self.shortcut(x)
        return Traced(torch.relu(y), graph.flatten(1, 2))


class Block(nn.Module):
    """A graph convolution, then one over time that also reads the mean joint."""

    def __init__(self, size: Width, adjacency: Tensor, is_first: bool = False) -> None:
        super().__init__()
        self.space = MotionTopology(size, adjacency)
        self.time = MultiScaleTime(size.out, size.stride, shared=COEFFICIENTS)
        self.shortcut = None if is_first else time_shortcut(size)

    def forward(self, x: Tensor) -> Traced:
        maps, graph = self.space(x)
        y = self.time(maps)
        return Traced(torch.relu(y if self.shortcut is None else y + self.shortcut(x)), graph)


class Prototypes(nn.Module):
    """Rebuilds each vector as a weighted sum of prototypes; the weights of a vector sum to 1."""

    def __init__(self, features: int, prototypes: int, dropout: float) -> None:
        super().__init__()
        self.query = nn.Linear(features, prototypes, bias=False)
        self.memory = nn.Linear(prototypes, features, bias=False)
        self.dropout = nn.Dropout(dropout)

    def weights(self, x: Tensor) -> Tensor:
        """Return how much of each prototype a vector takes, (..., prototypes)."""
        found: Tensor = self.query(x).softmax(-1)
        return found

    def forward(self, x: Tensor) -> Tensor:
        rebuilt: Tensor = self.dropout(self.memory(self.weights(x)))
        return rebuilt


class Rebuilt(NamedTuple):
    """features: (B, M, C, T', V). graph: the last one, rebuilt, (B, V x V)."""

    features: Tensor
    graph: Tensor


class Backbone(nn.Module):
    """The ten blocks and the prototypes; reads (B, M, T, V, 3)."""

    def __init__(
        self, joints: int, into: int, width: int, blocks: int, grown: tuple[int, ...],
        graphs: int,
    ) -> None:  # fmt: skip
        super().__init__()
        sizes = widths(into, width, blocks, grown)
        adjacency = torch.randn(graphs, joints, joints) * SPREAD + OFFSET  # the same in each layer
        self.channels = sizes[-1].out
        self.norm = JointNorm(joints, into)
        self.blocks = nn.ModuleList(
            Block(size, adjacency, is_first=n == 0) for n, size in enumerate(sizes)
        )
        self.merge = nn.Sequential(
            nn.Conv2d(self.channels, self.channels, 1), nn.BatchNorm2d(self.channels), nn.ReLU()
        )
        self.prototypes: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Rebuilt:
        b, m, _, v, _ = x.shape
        y = self.norm(x)
        graph = y
        for block in self.blocks:
            y, graph = block(y)
        tokens = graph.view(b, m, -1, v * v).mean(1).transpose(1, 2)  # (B, V x V, C)
        rebuilt = self.prototypes(tokens).transpose(1, 2).reshape(b, -1, v, v)
        return Rebuilt(y.view(b, m, *y.shape[1:]), self.merge(rebuilt).mean(1).flatten(1))
