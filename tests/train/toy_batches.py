"""Batches held in memory, and a linear method that reads them."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from verilens.batch import ClipBatch
from verilens.method import Loss, Method
from verilens.verify.detector import cross_entropy


class Held:
    """Batches of vectors, shuffled anew every epoch. features: (N, D); labels: (N,)."""

    def __init__(self, features: Tensor, labels: Tensor, size: int) -> None:
        self.features, self.labels, self.size = features, labels, size

    @property
    def samples(self) -> int:
        return len(self.labels)

    @property
    def steps(self) -> int:
        return len(self.labels) // self.size

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[ClipBatch]:
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(self.labels)))
        for step in range(skip, self.steps):
            index = order[step * self.size : (step + 1) * self.size]
            frames = self.features[index][:, None, None, None, :]
            yield ClipBatch(frames=frames, labels=self.labels[index], index=index)


class Perceptron(Method[ClipBatch]):
    """A small network on vectors, with dropout, so that randomness counts."""

    def __init__(self, size: int, width: int = 16, dropout: float = 0.2) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(size, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )

    def training_step(self, batch: ClipBatch) -> Loss:
        return cross_entropy(self.net(batch.frames.flatten(1)).squeeze(1), batch.labels)


def separable(count: int = 64, size: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return features whose sum tells the label, and the labels."""
    features = torch.randn(count, size, generator=torch.Generator().manual_seed(seed))
    return features, (features.sum(1) > 0).float()
