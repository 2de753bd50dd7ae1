"""Samples of DGM4 and MDSM as batches of posts.

The picture is read as a scan reads it; box and words come from the sample's attributes, as the
adapters give them: "left,top,right,bottom" in pixels, and positions of words from 0.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.batch import PostBatch
from verilens.errors import DatasetError
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.records import Sample
from verilens.verify.amd import answers
from verilens.verify.amd.model import AMD, IGNORED
from verilens.verify.amd.tokens import padded

GENUINE = "orig"


class Posts:
    """Batches for `train.loop.fit`, in another order every epoch, fixed by the seed."""

    def __init__(self, method: AMD, samples: Sequence[Sample], batch: int, seed: int = 12) -> None:
        if not samples:
            raise DatasetError("there is no post to train on")
        self._method, self._samples, self._batch, self._seed = method, samples, batch, seed

    @property
    def samples(self) -> int:
        """Return how many posts there are."""
        return len(self._samples)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has; the last may be short."""
        return -(-len(self._samples) // self._batch)

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[PostBatch]:
        """Yield the batches of an epoch, without the first `skip`."""
        rng = random.Random(f"{self._seed} {epoch}")
        order = rng.sample(range(len(self._samples)), len(self._samples))
        for step in range(skip, self.steps):
            chosen = order[step * self._batch : (step + 1) * self._batch]
            draw = random.Random(f"{self._seed} {epoch} {step}")
            flips = [draw.random() < self._method.config.flip for _ in chosen]
            yield batch(self._method, [self._samples[n] for n in chosen], flips)


def batch(method: AMD, samples: Sequence[Sample], flips: Sequence[bool]) -> PostBatch:
    """Return posts as a batch. flips: which pictures are mirrored, with their boxes."""
    rows = [_row(method, sample, flip) for sample, flip in zip(samples, flips, strict=True)]
    text, attention = method.question([sample.text for sample in samples])
    said = [method.tokens.encode(answer) for _, answer, _, _ in rows]
    return PostBatch(
        frames=torch.from_numpy(np.stack([pixels for pixels, _, _, _ in rows])),
        labels=torch.tensor([float(sample.label) for sample in samples]),
        text=text,
        attention=attention,
        answers=padded(said, IGNORED),
        manipulations=torch.from_numpy(np.stack([kinds for _, _, kinds, _ in rows])),
        boxes=torch.from_numpy(np.stack([box for _, _, _, box in rows])),
    )


Row = tuple[NDArray[np.uint8], str, NDArray[np.float32], NDArray[np.float32]]


def _row(method: AMD, sample: Sample, is_mirrored: bool) -> Row:
    """Return (1, 3, H, W) pixels, the answer, what was done, the box as parts of the picture."""
    view = method.config.view
    clip = read(Path(sample.uri), (view,), Limits(), examined=False).clips[view]
    done = done_to(sample)
    left, top, right, bottom = _numbers(sample, "box") or answers.NO_BOX
    if is_mirrored and right > left:
        left, right = clip.size[0] - right, clip.size[0] - left
    box = (left, top, right, bottom)
    caption = sample.text.split()[: method.config.caption_words]
    words = [caption[int(n)] for n in _numbers(sample, "words") if n < len(caption)]
    pixels = clip.frames[:1, :, ::-1] if is_mirrored else clip.frames[:1]
    places = answers.locations(box, clip.size, method.config.bins) if any(box) else ""
    answer = answers.written(done, places, words)
    chosen = answers.labels(answers.letter_of(done))
    arranged = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    return arranged, answer, chosen, _parts(box, clip.size)


def done_to(sample: Sample) -> tuple[str, ...]:
    """Return what was done to a sample, e.g. ("face_swap", "text_swap"); nothing when genuine."""
    said = sample.attributes.get("class", GENUINE)
    return () if said == GENUINE else tuple(said.split("&"))


def _numbers(sample: Sample, name: str) -> tuple[float, ...]:
    said = sample.attributes.get(name, "")
    try:
        return tuple(float(part) for part in said.split(",")) if said else ()
    except ValueError as error:
        raise DatasetError(f"{sample.id}: '{name}' holds no numbers: {said!r:.60}") from error


def _parts(box: Sequence[float], size: tuple[int, int]) -> NDArray[np.float32]:
    left, top, right, bottom = np.asarray(box, float) / np.array([*size, *size])
    found = np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])
    return found.clip(0, 1).astype(np.float32)
