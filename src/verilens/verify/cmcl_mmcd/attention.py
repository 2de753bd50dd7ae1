"""Co-attention: each of two sequences asks the other, then passes a small network of its own."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from verilens.verify.cmcl_mmcd.config import Config

EPS = 1e-6
LONGER = 10  # times the length of a sequence that its table of positions has


class Both(NamedTuple):
    """Two sequences, (B, N, C) and (B, M, C)."""

    first: Tensor
    second: Tensor


class Norm(nn.Module):
    """Takes the mean away and divides by the deviation plus EPS, then scales and shifts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return self.scale * centred / (x.std(-1, keepdim=True) + EPS) + self.shift


class Side(nn.Module):
    """What one of the two sequences has of its own."""

    def __init__(self, config: Config, length: int) -> None:
        super().__init__()
        width, inner = config.width, config.co_heads * config.co_width
        self.enter = nn.Linear(width, width)
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.leave = nn.Linear(inner, width)
        self.norm, self.last = Norm(width), Norm(width)
        self.ffn = nn.Sequential(
            nn.Conv1d(width, config.co_ffn, 1), nn.ReLU(), nn.Conv1d(config.co_ffn, width, 1)
        )
        self.positions = nn.Parameter(sinusoids(LONGER * length, width), requires_grad=False)
        for layer in (self.query, self.key, self.value, self.leave):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)


class CoAttention(nn.Module):
    """Lets two sequences ask each other."""

    def __init__(self, config: Config, lengths: tuple[int, int]) -> None:
        super().__init__()
        self.config = config
        self.first, self.second = (Side(config, length) for length in lengths)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, first: Tensor, second: Tensor) -> Both:
        """Return both sequences, each after it asked the other; shapes stay."""
        x, y = self.first.enter(first), self.second.enter(second)
        asked_x = self._asked(self.first, x, self.second, y)
        asked_y = self._asked(self.second, y, self.first, x)
        return Both(self._ended(self.first, x, asked_x), self._ended(self.second, y, asked_y))

    def _asked(self, asks: Side, x: Tensor, told: Side, y: Tensor) -> Tensor:
        query, key, value = (
            self._heads(layer(z)) for layer, z in ((asks.query, x), (told.key, y), (told.value, y))
        )
        weights = (query @ key.transpose(2, 3) / math.sqrt(self.config.co_width)).softmax(3)
        found = self.dropout(weights) @ value  # (B, heads, N, co_width)
        left: Tensor = self.dropout(asks.leave(found.transpose(1, 2).flatten(2)))
        return left

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.config.co_heads, -1).transpose(1, 2)

    def _ended(self, side: Side, x: Tensor, asked: Tensor) -> Tensor:
        if self.config.positions:
            x = x + side.positions[1 : 1 + x.shape[1]]
        x = side.norm(x + asked)
        y = self.dropout(side.ffn(x.transpose(1, 2)).transpose(1, 2))
        ended: Tensor = side.last(x + y)
        return ended


def sinusoids(length: int, width: int) -> Tensor:
    """Return positions as sines and cosines, (length + 1, width); the first row is zero."""
    place = torch.arange(length)[:, None]
    rate = 10000 ** (-2 * torch.div(torch.arange(width), 2, rounding_mode="floor") / width)
    angle = place * rate
    table = torch.where(torch.arange(width) % 2 == 0, angle.sin(), angle.cos())
    return torch.cat([torch.zeros(1, width), table])
