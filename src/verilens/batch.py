"""The torch side of the records: what a method trains on."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """Crops with labels.

    frames: RGB in [0, 1], (B, T, 3, H, W) float32; T = 1 for stills.
    labels: 1 is fake, 0 is genuine, (B,) float32.
    index: which sample of the training set each crop was cut from, (B,) int64, where known.
    """

    frames: Tensor
    labels: Tensor
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "ClipBatch":
        """Return the batch on a device; `index` stays where it is."""
        frames = self.frames.to(device, non_blocking=True)
        return replace(self, frames=frames, labels=self.labels.to(device, non_blocking=True))

    def split(self, parts: int) -> "list[ClipBatch]":
        """Return the batch in at most `parts` pieces of nearly equal size."""
        edges = [len(self) * n // parts for n in range(parts + 1)]
        return [self._cut(a, b) for a, b in pairwise(edges) if b > a]

    def _cut(self, start: int, end: int) -> "ClipBatch":
        index = None if self.index is None else self.index[start:end]
        return ClipBatch(frames=self.frames[start:end], labels=self.labels[start:end], index=index)
