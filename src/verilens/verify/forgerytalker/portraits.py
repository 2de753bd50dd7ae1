"""Portraits with what was edited in them, as a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.errors import DatasetError
from verilens.media.sandbox import Decoder
from verilens.records import Sample, View
from verilens.verify.forgerytalker.regions import multi_hot


@dataclass(frozen=True, kw_only=True)
class Portraits(ClipBatch):
    """Portraits with what was edited in them, as MMTT says it.

    regions: (B, 21) of 0 and 1. captions: a report each, see `written`, (B, L) int64. Where a plain
    batch comes instead, both are made of the masks.
    """

    regions: Tensor
    captions: Tensor


def written(texts: Sequence[str]) -> Tensor:
    """Return texts as numbers of their characters, 0 after their end, (N, L) int64."""
    longest = max(map(len, texts), default=0)
    return torch.tensor([[ord(c) for c in text] + [0] * (longest - len(text)) for text in texts])


def texts_of(captions: Tensor) -> list[str]:
    """Return what `written` was given."""
    return ["".join(chr(n) for n in row if n) for row in captions.tolist()]


def read(samples: Sequence[Sample], view: View, decoder: Decoder) -> Portraits:
    """Return samples of MMTT as a batch. view: the method's. MediaError, DatasetError.

    A sample without a mask or a report is refused: there is nothing to learn from it here.
    """
    for sample in samples:
        if not sample.mask or not sample.text or "regions" not in sample.attributes:
            raise DatasetError(f"{sample.id}: a mask, a report or its regions are missing")
    frames = np.stack([_pixels(sample.uri, view, decoder) for sample in samples])
    masks = np.stack([_pixels(sample.mask, view, decoder) for sample in samples])
    named = [sample.attributes["regions"].split(",") for sample in samples]
    return Portraits(
        frames=torch.from_numpy(frames).permute(0, 3, 1, 2)[:, None].float() / 255,
        labels=torch.tensor([float(sample.label) for sample in samples]),
        masks=torch.from_numpy(masks.max(3) > 127)[:, None, None].float(),
        regions=torch.stack([multi_hot(names) for names in named]),
        captions=written([sample.text for sample in samples]),
    )


def _pixels(place: str, view: View, decoder: Decoder) -> NDArray[np.uint8]:
    frames: NDArray[np.uint8] = decoder.open(Path(place), (view,)).clips[view].frames[0]
    return frames
