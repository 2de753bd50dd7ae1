"""What a method learns beside genuine or fake: the kind of forgery, its data set, where it lies.

A method names in `needs` what its training step reads; nothing else is decoded. Kinds count the
generators of the training set from 1 in alphabetic order, domains its data sets from 0 (attribute
"dataset"). Masks are read with the picture's own view, so that they lie on its pixels.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError, MediaError
from verilens.records import Sample, View
from verilens.train.pixels import Reader
from verilens.train.recipe import Data

logger = logging.getLogger(__name__)
Mask = NDArray[np.uint8]  # (H, W, 1), 255 is forged


class Targets:
    """The numbers of generators and data sets, and the samples that say what is needed."""

    def __init__(self, samples: Sequence[Sample], needs: frozenset[str], data: Data) -> None:
        self.needs = needs
        self.samples = [sample for sample in samples if self._tells(sample, data)]
        if len({sample.label for sample in self.samples}) < len({s.label for s in samples}):
            lacking = " or ".join(sorted(needs & {"masks", "spans"}))
            raise DatasetError(
                f"no fake sample of this data set says where it is forged ({lacking}); choose a "
                "set that does, or take forgeries as whole with --set data.maskless=whole"
            )
        if left_out := len(samples) - len(self.samples):
            logger.warning("%d fakes that do not say where they are forged are left out", left_out)
        self.kinds = {name: n for n, name in enumerate(generators(self.samples), 1)}
        names = sorted({domain(sample) for sample in self.samples})
        self.domains = {name: n for n, name in enumerate(names)}

    def _tells(self, sample: Sample, data: Data) -> bool:
        """Return whether a sample says what is asked of it; genuine media always do."""
        if not sample.label or data.maskless == "whole":
            return True
        has_mask, has_spans = bool(sample.mask), bool(sample.segments)
        return (has_mask or "masks" not in self.needs) and (
            has_spans or has_mask or "spans" not in self.needs
        )

    def kind(self, sample: Sample) -> int:
        """Return the number of a sample's generator, 0 for genuine media."""
        return self.kinds[sample.generator] if sample.label else 0

    def domain(self, sample: Sample) -> int:
        """Return the number of a sample's data set."""
        return self.domains[domain(sample)]


def generators(samples: Sequence[Sample]) -> list[str]:
    """Return the generators of the fakes, sorted; those that are not named count as one, ""."""
    return sorted({sample.generator for sample in samples if sample.label})


def domain(sample: Sample) -> str:
    """Return the data set a sample is from, "" when nothing says so."""
    return str(sample.attributes.get("dataset", ""))


def mask(reader: Reader, sample: Sample, moments: Sequence[int], view: View) -> list[Mask]:
    """Return the mask of each of these moments or stored frames, on the pixels `view` cuts.

    Empty when the sample has none. Raises MediaError.
    """
    if not sample.label or not sample.mask:
        return []
    if sample.kind == "frames":
        own = replace(sample, uri=sample.mask)
        found = [reader.frame(own, n, view).frames[0] for n in moments]
    else:
        frames = reader.open(sample.mask, view).frames
        if len(frames) <= max(moments):
            what = f"a mask of {len(frames)} moments where {max(moments) + 1} are needed"
            raise MediaError("corrupt", f"{sample.id}: {what}")
        found = [frames[n] for n in moments]
    return [frame.max(2, keepdims=True) for frame in found]


def stacked(
    frames: Sequence[NDArray[np.uint8]], masks: Sequence[Mask], sample: Sample
) -> list[NDArray[np.uint8]]:
    """Return the frames with their mask as a fourth channel, so that both are cut alike.

    Without masks, genuine media are masked nowhere and fakes everywhere. MediaError when a mask has
    another size than its picture.
    """
    fill = 255 if sample.label else 0
    masks = masks or [np.full((*frame.shape[:2], 1), fill, np.uint8) for frame in frames]
    for frame, one in zip(frames, masks, strict=True):
        if frame.shape[:2] != one.shape[:2]:
            (height, width), (high, wide) = frame.shape[:2], one.shape[:2]
            what = f"its mask is {wide} x {high}, its picture {width} x {height}"
            raise MediaError("corrupt", f"{sample.id}: {what}; scale both with data.resize_px")
    return [np.concatenate(pair, 2) for pair in zip(frames, masks, strict=True)]


def spans(
    reader: Reader, sample: Sample, moments: Sequence[int], view: View
) -> NDArray[np.float32]:
    """Return 1 for each moment inside a forged span, else 0, (T,).

    A fake that names no spans is forged throughout.
    """
    if not sample.label or not sample.segments:
        return np.full(len(moments), float(sample.label), np.float32)
    at = partial(_place, reader, sample, view)
    places = np.array([at(n) for n in moments], np.float64)
    inside = [(places >= start) & (places < end) for start, end in sample.segments]
    return np.asarray(np.any(inside, axis=0), np.float32)


def _place(reader: Reader, sample: Sample, view: View, moment: int) -> float:
    """Return where a moment lies, in the unit of the sample's segments."""
    if sample.kind == "frames":
        if sample.segment_unit == "frames":
            return float(moment)
        what = "its segments are in seconds, but stored frames have no times"
        raise MediaError("corrupt", f"{sample.id}: {what}")
    time_s = float(reader.open(sample.uri, view).times_s[moment])
    return time_s if sample.segment_unit == "seconds" else time_s * reader.fps(sample.uri)
