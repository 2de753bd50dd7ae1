"""The torch side of the records: what a method trains on."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ClipBatch:
    """Crops with labels, and what finer training reads where the samples say it.

    frames: RGB in [0, 1], (B, T, 3, H, W) float32; T = 1 for stills. A loader gives the bytes as
        they were read, uint8; `to` makes numbers of them, on the device.
    labels: 1 is fake, 0 is genuine, (B,) float32.
    index: which sample of the training set each crop was cut from, (B,) int64, where known.
    kinds: which generator made each, (B,) int64; 0 is genuine, the others count from 1 in the
        alphabetic order of the training set's generators.
    domains: which data set each is from, (B,) int64 from 0, in alphabetic order.
    masks: how far each pixel is forged, like frames, (B, T, 1, H, W); zero for genuine media.
    spans: how far each moment is forged, in [0, 1], (B, T) float32; zero for genuine media.
    """

    frames: Tensor
    labels: Tensor
    index: Tensor | None = None
    kinds: Tensor | None = None
    domains: Tensor | None = None
    masks: Tensor | None = None
    spans: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "ClipBatch":
        """Return the batch on a device, bytes as float32; `index` stays where it is."""
        moved = {
            name: _numbers(tensor.to(device, non_blocking=True))
            for name, tensor in self._tensors().items()
            if name != "index"
        }
        return replace(self, **moved)

    def split(self, parts: int) -> "list[ClipBatch]":
        """Return the batch in at most `parts` pieces of nearly equal size."""
        edges = [len(self) * n // parts for n in range(parts + 1)]
        return [self._cut(a, b) for a, b in pairwise(edges) if b > a]

    def _cut(self, start: int, end: int) -> "ClipBatch":
        return ClipBatch(**{name: tensor[start:end] for name, tensor in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in found.items() if tensor is not None}


def _numbers(tensor: Tensor) -> Tensor:
    return tensor.float().div_(255) if tensor.dtype == torch.uint8 else tensor
