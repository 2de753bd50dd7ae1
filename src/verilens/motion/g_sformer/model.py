"""G-SFormer: parts of a frame, frames among frames, and the middle frame of all.

    (N, T, 17, 2) -> tokens -> encoder (N, T, C) -> decoder (N, 1, C) -> 17 joints in space

The loss asks both for the middle frame and, of the encoder alone, for every frame.
"""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, scaled_dot_product_attention

from verilens.batch import PoseBatch
from verilens.method import Loss
from verilens.motion.g_sformer.config import Config
from verilens.motion.g_sformer.graph import Norm, PartGraph
from verilens.motion.lifter import Lifter


class Found(NamedTuple):
    """Poses in space: of the middle frame, (N, 1, J, 3), and of every frame, (N, T, J, 3)."""

    middle: Tensor
    every: Tensor


class SkippedAttention(nn.Module):
    """Attention of each frame to every `skip`-th frame, itself among them.

    shrink: give one token for `skip` neighbours, (N, T / skip, C), instead of one a frame.
    """

    def __init__(self, config: Config, shrink: bool) -> None:
        super().__init__()
        width = config.width
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width * config.skip if shrink else width, width)
        self.heads, self.skip, self.shrink = config.heads, config.skip, shrink
        self.dropout = config.dropout

    def forward(self, x: Tensor) -> Tensor:
        rate = self.dropout if self.training else 0.0
        query, key, value = (self._subsets(f(x)) for f in (self.query, self.key, self.value))
        mixed = scaled_dot_product_attention(query, key, value, dropout_p=rate)
        mixed = mixed.permute(0, 3, 1, 2, 4)  # (N, T / skip, skip, heads, C / heads)
        if self.shrink:
            return cast(Tensor, self.out(mixed.flatten(2)))
        return cast(Tensor, self.out(mixed.flatten(3).flatten(1, 2)))

    def _subsets(self, x: Tensor) -> Tensor:
        """Return (N, skip, heads, T / skip, C / heads): frames that see each other together."""
        split = torch.unflatten(torch.unflatten(x, 1, (-1, self.skip)), 3, (self.heads, -1))
        return split.permute(0, 2, 3, 1, 4)


class Layer(nn.Module):
    """Attention and a small network, each normalised before and added after."""

    def __init__(self, config: Config, shrink: bool = False) -> None:
        super().__init__()
        self.attend = SkippedAttention(config, shrink)
        self.attend_norm = Norm(config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.width),
        )
        self.feed_norm = Norm(config.width)
        self.stride, self.pool = config.skip if shrink else 1, config.pool
        self.drop_path = config.drop_path

    def forward(self, x: Tensor) -> Tensor:
        kept = x
        if self.stride > 1:
            kept = max_pool1d(x.transpose(1, 2), self.pool, self.stride).transpose(1, 2)
        x = kept + self._kept(self.attend(self.attend_norm(x)))
        return x + self._kept(self.feed(self.feed_norm(x)))

    def _kept(self, x: Tensor) -> Tensor:
        """Leave out whole samples by chance, in training (drop-path)."""
        if not self.training or not self.drop_path:
            return x
        kept = torch.rand(len(x), 1, 1, device=x.device) >= self.drop_path
        return x * kept / (1 - self.drop_path)


class Head(nn.Module):
    """Tokens, (N, T, C), to joints in space, (N, T, J, 3)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(config.width)
        self.out = nn.Conv1d(config.width, 17 * 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.out(self.norm(x.transpose(1, 2))).transpose(1, 2)
        return torch.unflatten(found, 2, (17, 3))


class GSFormer(Lifter):
    """G-SFormer."""

    name = "g_sformer"
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        frames, width = config.window.frames, config.width
        self.graph = PartGraph(config)
        self.encoder = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.decoder = nn.ModuleList(Layer(config, shrink=True) for _ in range(config.shrinks))
        self.encoder_places = places([frames] * config.positions, width)
        lengths = [frames // config.skip**n for n in range(min(3, config.shrinks))]
        self.decoder_places = places(lengths, width)
        self.every, self.middle = Head(config), Head(config)

    def forward(self, joints: Tensor) -> Tensor:
        return self.both(joints).middle[:, 0]

    def both(self, joints: Tensor) -> Found:
        """Return the middle frame and every frame of windows, (N, T, 17, 2)."""
        x = self.graph(joints)
        for n, layer in enumerate(self.encoder):
            x = x + self.encoder_places[n] if n < len(self.encoder_places) else x
            x = layer(x) + x if self.config.outer else layer(x)
        every = self.every(x)
        for n, layer in enumerate(self.decoder):
            x = layer(x + self.decoder_places[n] if n < len(self.decoder_places) else x)
        return Found(self.middle(x), every)

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the mean joint error of the middle frame plus that of every frame."""
        joints, targets = self.example(batch)
        found = self.both(joints)
        wanted = targets[:, targets.shape[1] // 2]
        middle = (found.middle[:, 0] - wanted).norm(dim=-1).mean(1)
        every = (found.every - targets).norm(dim=-1).mean((1, 2))
        each = middle + every
        parts = {"middle": middle.mean().detach(), "every": every.mean().detach()}
        return Loss(each.mean(), parts, each)


def places(lengths: list[int], width: int) -> nn.ParameterList:
    """Return a learned place in time for each of several lengths."""
    return nn.ParameterList(nn.Parameter(torch.randn(1, length, width)) for length in lengths)
