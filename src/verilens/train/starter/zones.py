"""Fit DeMamba's head on the tokens of films: the part of its starter weights that is trained.

The encoder is frozen, so a film's tokens are read once and every fold trains on them. Time and the
picture are mirrored at random, and whole channels are left out, as the corpus is small.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.verify.demamba.config import Config
from verilens.verify.demamba.model import DeMambaHead

EPOCHS, BATCH, RATE, DECAY, DROPPED = 4, 32, 1e-3, 0.05, 0.3
LEAST_SPREAD = 1e-3


class Scanned(nn.Module):
    """A fitted head on tokens (N, T, P, C) as the encoder gives them.

    centre, spread: of each channel over the training films, (C,).
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, config: Config, centre: Tensor, spread: Tensor) -> None:
        super().__init__()
        self.side = config.side
        self.head = DeMambaHead(
            config.channels, (self.side, self.side), config.zone, config.norm, config.scan
        )
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)

    def scaled(self, tokens: NDArray[np.float32]) -> Tensor:
        """Return tokens with mean 0 and spread 1 over the training films."""
        return (torch.from_numpy(tokens.astype(np.float32)) - self.centre) / self.spread

    @torch.inference_mode()
    def __call__(self, tokens: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return logits, (N,). tokens: (N, T, P, C)."""
        parts = [
            self.head(self.scaled(part)) for part in np.array_split(tokens, len(tokens) // 64 + 1)
        ]
        found: NDArray[np.float64] = torch.cat(parts).double().numpy()
        return found


def fit_scan(
    tokens: NDArray[np.float32],
    labels: NDArray[np.int_],
    weights: NDArray[np.float64],
    config: Config,
    seed: int = 0,
) -> Scanned:
    """Return the head fitted on films, one row a draw. tokens: (N, T, P, C); weights: (N,)."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    flat = torch.from_numpy(tokens.reshape(-1, tokens.shape[-1]).astype(np.float32))
    found = Scanned(config, flat.mean(0), flat.std(0) + LEAST_SPREAD)
    wanted = torch.from_numpy(labels.astype(np.float32))
    say = torch.from_numpy((weights / weights.mean()).astype(np.float32))
    optimiser = torch.optim.AdamW(found.head.parameters(), RATE, weight_decay=DECAY)
    steps = len(tokens) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, max(2, EPOCHS * steps))
    found.head.train()
    for _ in range(EPOCHS):
        order = rng.permutation(len(tokens))
        for rows in np.array_split(order[: steps * BATCH], max(1, steps)):
            logits = found.head(_drawn(found.scaled(tokens[rows]), found.side, rng))
            losses = binary_cross_entropy_with_logits(logits, wanted[rows], reduction="none")
            optimiser.zero_grad()
            (losses * say[rows]).mean().backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(found.head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    found.eval()
    return found


def _drawn(tokens: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """Return a batch mirrored in space and time, each by chance, without some channels."""
    if rng.random() < 0.5:
        grid = tokens.view(*tokens.shape[:2], side, side, -1)
        tokens = grid.flip(3).flatten(2, 3)
    if rng.random() < 0.5:
        tokens = tokens.flip(1)
    kept = torch.rand(len(tokens), 1, 1, tokens.shape[-1]) > DROPPED
    return tokens * kept / (1 - DROPPED)
