"""Layers on the graph of joints and frames.

Convention: movements are (N, V, C, T): joints before channels before frames, so that a convolution
over time and one over joints both read what lies together.
"""

import torch
from torch import Tensor, nn

from verilens.motion.stgcdiff.config import Config
from verilens.records import Skeleton

GROUPS = 8
KINDS = 3  # a joint itself, its parent, its children


def adjacency(skeleton: Skeleton) -> Tensor:
    """Return who hears whom, (3, V, V): oneself, the parent, the children; rows sum to 1 or 0."""
    count = len(skeleton)
    table = torch.zeros(KINDS, count, count)
    table[0] = torch.eye(count)
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            table[1, joint, parent] = 1
            table[2, parent, joint] = 1
    return table / table.sum(-1, keepdim=True).clamp_min(1)


class GraphConv(nn.Module):
    """Mixes joints: the sum over kinds k of edges of (A_k * M_k + attention) X W_k.

    edges: A, (K, V, V). mask: learn M. attention: learn edges that depend on the movement; they
    begin with strength 0.
    """

    edges: Tensor

    def __init__(
        self, inputs: int, outputs: int, edges: Tensor, mask: bool = True, attention: bool = False
    ) -> None:
        super().__init__()
        self.mix = nn.Conv1d(inputs, outputs * len(edges), 1)
        self.register_buffer("edges", edges, persistent=False)
        self.mask = nn.Parameter(torch.ones_like(edges)) if mask else None
        self.query = nn.Linear(inputs, GROUPS) if attention else None
        self.key = nn.Linear(inputs, GROUPS) if attention else None
        self.strength = nn.Parameter(torch.zeros(len(edges))) if attention else None

    def forward(self, x: Tensor) -> Tensor:
        count, joints, _, frames = x.shape
        kinds = len(self.edges)
        mixed = self.mix(x.flatten(0, 1)).view(count, joints * kinds, -1)  # (N, V x K, C x T)
        edges = self.edges if self.mask is None else self.edges * self.mask
        table = edges.permute(1, 2, 0).flatten(1)  # (V, V x K)
        if self.query is not None and self.key is not None and self.strength is not None:
            still = x.mean(3)
            found = self.query(still) @ self.key(still).transpose(1, 2) / GROUPS**0.5
            own = found.softmax(-1)[..., None] * self.strength  # (N, V, V, K)
            table = table + own.flatten(2)
        return torch.matmul(table, mixed).view(count, joints, -1, frames)


class SignGcn(nn.Module):
    """A graph convolution and one over time, normalised, added to what they read.

    told: size of a vector that every frame and joint is told, such as the strength of noise.
    """

    def __init__(self, config: Config, edges: Tensor, told: int = 0) -> None:
        super().__init__()
        width = config.width
        self.graph = GraphConv(width, width, edges, config.mask, config.attention)
        self.graph_norm = normaliser(config)
        self.time = nn.Conv1d(width, width, config.kernel, padding=config.kernel // 2)
        self.time_norm = normaliser(config)
        self.told = nn.Linear(told, width) if told else None
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        y = self._along(self.graph_norm, self.graph(x)).relu()
        if self.told is not None and told is not None:
            y = y + self.told(told)[:, None, :, None]
        y = self._along(self.time_norm, self._along(self.time, y))
        added: Tensor = self.dropout(y)
        return x + added

    def _along(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Apply a layer of (N, C, T) to every joint."""
        given: Tensor = layer(x.flatten(0, 1))
        return torch.unflatten(given, 0, x.shape[:2])


def normaliser(config: Config) -> nn.Module:
    """Return a normalisation of (N, C, T)."""
    if config.norm == "batch":
        return nn.BatchNorm1d(config.width)
    return nn.GroupNorm(GROUPS, config.width)
