"""The torch side of the records: what a method trains on."""

from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples with labels; every field is a tensor, one row a sample, or None.

    labels: (B,); what they mean is the family's. index: which sample of the training set each is,
        (B,) int64, where known.
    """

    labels: Tensor
    index: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Self:
        """Return the batch on a device, bytes as float32; `index` stays where it is."""
        moved = {
            name: _numbers(tensor.to(device, non_blocking=True))
            for name, tensor in self._tensors().items()
            if name != "index"
        }
        return replace(self, **moved)

    def split(self, parts: int) -> list[Self]:
        """Return the batch in at most `parts` pieces of nearly equal size."""
        edges = [len(self) * n // parts for n in range(parts + 1)]
        return [self._cut(a, b) for a, b in pairwise(edges) if b > a]

    def _cut(self, start: int, end: int) -> Self:
        return type(self)(**{name: tensor[start:end] for name, tensor in self._tensors().items()})

    def _tensors(self) -> dict[str, Tensor]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: tensor for name, tensor in found.items() if tensor is not None}


@dataclass(frozen=True, kw_only=True)
class ClipBatch(Batch):
    """Crops with labels, and what finer training reads where the samples say it.

    frames: RGB in [0, 1], (B, T, 3, H, W) float32, or as many bands as the view has; T = 1 for
        stills. A loader gives the bytes as they were read, uint8; `to` makes numbers of them, on
        the device.
    labels: 1 is fake, 0 is genuine, (B,) float32. index: the sample each crop was cut from.
    kinds: which generator made each, (B,) int64; 0 is genuine, the others count from 1 in the
        alphabetic order of the training set's generators.
    domains: which data set each is from, (B,) int64 from 0, in alphabetic order.
    masks: how far each pixel is forged, like frames, (B, T, 1, H, W); zero for genuine media.
    spans: how far each moment is forged, in [0, 1], (B, T) float32; zero for genuine media.
    """

    frames: Tensor
    kinds: Tensor | None = None
    domains: Tensor | None = None
    masks: Tensor | None = None
    spans: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class PoseBatch(Batch):
    """Stretches of movement, all of one skeleton and one length.

    joints: (B, M, T, J, D) float32, M persons; what is missing is 0 with no confidence.
    confidence: how sure each joint is, in [0, 1], (B, M, T, J) float32.
    labels: the class of each, (B,) int64; all 0 where there are no classes.
    targets: what is to be found for the first person where it is a pose, (B, T, J, 3) float32.
    """

    joints: Tensor
    confidence: Tensor
    targets: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class PostBatch(Batch):
    """Pictures with the text that they were published with.

    frames: RGB in [0, 1], (B, T, 3, H, W) float32 or the bytes; T = 1 for stills.
    labels: 1 is fake, 0 is genuine, (B,) float32.
    text: tokens of what is read with the picture, (B, L) int64; attention: 1 where there are some.
    answers: tokens of what is to be said of them, (B, A) int64, -100 where there are none.
    manipulations: what was done, (B, K) float32, in the order that the method states.
    boxes: the forged region's centre, width and height as parts of the picture, (B, 4) float32 in
        [0, 1]; zeros where there is none.
    """

    frames: Tensor
    text: Tensor
    attention: Tensor
    answers: Tensor | None = None
    manipulations: Tensor | None = None
    boxes: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class TextPoseBatch(Batch):
    """Sentences and the movements that sign them, each padded to the longest of the batch.

    joints: (B, T, J, 3) float32; frames: how many of the T count, (B,) int64.
    words: ids of the sentence's words, (B, N) int64; word_counts: how many count, (B,) int64.
    glosses, gloss_counts: the same of its glosses, where known. labels: 0 throughout.
    more: other representations of the same movements, frame by frame, (B, T, K) float32, laid side
        by side; where a method needs them.
    """

    joints: Tensor
    frames: Tensor
    words: Tensor
    word_counts: Tensor
    glosses: Tensor | None = None
    gloss_counts: Tensor | None = None
    more: Tensor | None = None


def _numbers(tensor: Tensor) -> Tensor:
    return tensor.float().div_(255) if tensor.dtype == torch.uint8 else tensor
