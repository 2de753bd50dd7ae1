"""Samples of DGM4 and MDSM as what AMD learns.

Box and words come from the sample's attributes, as the adapters give them:
"left,top,right,bottom" in pixels, and positions of words from 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError
from verilens.records import Sample
from verilens.verify.amd import answers
from verilens.verify.amd.config import Config
from verilens.verify.post_detector import Shown

GENUINE = "orig"


class Row(NamedTuple):
    """A post to learn from.

    pixels: RGB uint8, (1, 3, H, W). answer: what is to be said. done: by answers.KINDS, (4,).
    box: centre, width and height as parts of the picture, (4,); zeros for none.
    """

    pixels: NDArray[np.uint8]
    answer: str
    done: NDArray[np.float32]
    box: NDArray[np.float32]


def row(config: Config, shown: Shown, is_mirrored: bool) -> Row:
    """Return a post as it is learned; DatasetError when it does not say what was done to it."""
    sample, clip = shown
    if clip is None:
        raise DatasetError(f"{sample.id}: amd reads pictures, and this one was not opened")
    done = done_to(sample)
    left, top, right, bottom = _numbers(sample, "box") or answers.NO_BOX
    if is_mirrored and right > left:
        left, right = clip.size[0] - right, clip.size[0] - left
    box = (left, top, right, bottom)
    caption = sample.text.split()[: config.caption_words]
    words = [caption[int(n)] for n in _numbers(sample, "words") if n < len(caption)]
    pixels = clip.frames[:1, :, ::-1] if is_mirrored else clip.frames[:1]
    places = answers.locations(box, clip.size, config.bins) if any(box) else ""
    return Row(
        np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)),
        answers.written(done, places, words),
        answers.labels(answers.letter_of(done)),
        _parts(box, clip.size),
    )


def done_to(sample: Sample) -> tuple[str, ...]:
    """Return what was done to a sample, e.g. ("face_swap", "text_swap"); nothing when genuine."""
    said = sample.attributes.get("class", GENUINE)
    done = () if said == GENUINE else tuple(said.split("&"))
    if bool(done) != bool(sample.label) or not set(done) <= set(answers.KINDS):
        what = f"its label is {sample.label}, its class '{said:.60}'"
        raise DatasetError(
            f"{sample.id}: {what}; amd learns what was done to a face or a caption, as DGM4 and "
            "MDSM say it in attribute 'class'"
        )
    return done


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
