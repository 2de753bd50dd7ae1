"""The DeMamba head on an encoder's tokens, and the detector.

    frames -> tokens (N, T, P, C) -> zones (N x Z, L, C) -> block -> zone means -> logit

Training follows the paper: binary cross-entropy.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.errors import ConfigError
from verilens.nn.normalise import Normalise
from verilens.records import Clip, Evidence
from verilens.verify.demamba import encoders
from verilens.verify.demamba.config import Config, Scan
from verilens.verify.demamba.encoders import Tokens
from verilens.verify.demamba.mamba import Block
from verilens.verify.demamba.zones import cut, places
from verilens.verify.detector import PASS_PIXELS, ClipDetector, tensor


class DeMambaHead(nn.Module):
    """One logit a clip from the tokens of any encoder.

    channels: width of a token. grid: tokens of a frame (rows, columns). zone: side of a zone.
    norm: normalise the features before the linear layer. scan: how a zone's sequence is read.
    """

    def __init__(
        self,
        channels: int,
        grid: tuple[int, int],
        zone: int = 1,
        norm: bool = True,
        scan: Scan | None = None,
    ) -> None:
        super().__init__()
        if zone < 1 or grid[0] % zone or grid[1] % zone:
            raise ConfigError(
                f"demamba: zones of {zone} x {zone} do not tile {grid[0]} x {grid[1]}"
            )
        self.grid, self.zone = grid, zone
        self.scan = scan or Scan()
        features = channels * (grid[0] // zone) * (grid[1] // zone)
        self.block = Block(channels, self.scan)
        self.zone_norm = nn.LayerNorm(features) if norm else nn.Identity()
        self.summary_norm = nn.LayerNorm(channels) if norm else nn.Identity()
        self.classify = nn.Linear(features + channels, 1)
        nn.init.xavier_uniform_(self.classify.weight)
        nn.init.zeros_(self.classify.bias)

    def forward(self, cells: Tensor, summary: Tensor | None = None) -> Tensor:
        """Return logits, (N,). cells: (N, T, P, C). summary: (N, C), by default the mean token."""
        if cells.shape[2] != self.grid[0] * self.grid[1]:
            given = cells.shape[2]
            raise ConfigError(f"demamba: {given} tokens a frame do not fill a grid of {self.grid}")
        scan = self.scan
        table = places(cells.shape[1], self.grid, self.zone, scan.layout, scan.order)
        zones = cut(cells, table.to(cells.device))  # (N, Z, L, C)
        means = self.block(zones.flatten(0, 1)).mean(1)  # (N x Z, C)
        summary = cells.mean((1, 2)) if summary is None else summary
        zoned = self.zone_norm(means.view(cells.shape[0], -1))
        logits: Tensor = self.classify(torch.cat([self.summary_norm(summary), zoned], 1))
        return logits.squeeze(1)


class DeMamba(ClipDetector):
    """An image encoder and the head that scans its tokens over time.

    encoder: any module from normalised RGB (N, T, 3, H, W) to `Tokens` or (N, T, P, C), with as
        many tokens as `config` says, in the place of the one it names.
    """

    name = "demamba"
    config: Config

    def __init__(self, config: Config | None = None, encoder: nn.Module | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.encoder = encoder or encoders.build(config)
        grid = (config.side, config.side)
        self.head = DeMambaHead(config.channels, grid, config.zone, config.norm, config.scan)
        self.normalise = Normalise()
        self.looks_alone = bool(getattr(self.encoder, "alone", False))
        if self.looks_alone:
            self.workload = "cells"

    def cells(self, frames: Tensor) -> Tensor:
        """Return the tokens of single frames, (N, P, C). frames: in [0, 1], (N, 3, H, W)."""
        tokens: Tokens = self.encoder(self.normalise(frames)[:, None])
        return tokens.cells.flatten(0, 1)

    def reader(self, frames: NDArray[np.uint8]) -> Callable[[NDArray[np.int64]], Tensor]:
        """Return what gives the logit of a stretch; frames in many stretches are looked at once."""
        if not self.looks_alone:
            return super().reader(frames)
        batch = max(1, PASS_PIXELS // (frames.shape[1] * frames.shape[2]))
        parts = np.array_split(frames, -(-len(frames) // batch))
        cells = torch.cat([self.cells(tensor(part).to(self.device)) for part in parts])
        return lambda places: self.head(cells[None, places])

    def forward(self, frames: Tensor) -> Tensor:
        if self.looks_alone:
            cells = self.cells(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
            return torch.as_tensor(self.head(cells))
        tokens = self.encoder(self.normalise(frames))
        cells, summary = tokens if isinstance(tokens, Tokens) else (tokens, None)
        logits: Tensor = self.head(cells, summary)
        return logits

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the pooled score, with how many moments it flags."""
        flagged = int((logits > 0).sum())
        found = f"{flagged} of {len(logits)}" if flagged else "none"
        why = f"how patches follow each other in time: odd around {found} of the moments"
        limits = ("one moment has no order in time",) if len(np.unique(clip.times_s)) < 2 else ()
        return dataclasses.replace(super().evidence(clip, logits), why=why, limits=limits)
