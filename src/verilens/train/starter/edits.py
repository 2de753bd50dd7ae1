"""Faces of which one part was re-made, and masks of it: ground truth for localizers of stills.

    genuine square -> drawn down to a native size -> a part re-made in one way, laid back softly
            -> both: colour, light, blur, noise, JPEG or H.264 alike -> cut and scaled to the view

Outside the mask no pixel of the native square changes, but where a face is blended with itself: of
that the altered copy may be the genuine one. What is done to both afterwards is one draw, so only
the part's traces tell which is which. Everything follows from the person and the generator given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.blend import Part, outline, self_blend
from verilens.train.starter.face_crops import Person
from verilens.train.starter.face_fakes import Native, Rng, cutter, scaled, treatment
from verilens.train.starter.fakes import Maker, to_tensor
from verilens.train.starter.splices import gridded, low_passed, renoised, warped
from verilens.train.starter.views import Pixels

Floats = NDArray[np.float32]
PARTS: tuple[Part, ...] = ("face", "inner", "lower")
LEAST = 0.01  # of the cut's pixels; a smaller part is no edit
KINDS = ("self-blend", "swap", "warp", "resample", "noise", "inpaint", "autoencoder")


class Edited(NamedTuple):
    """What a scan would cut: RGB (size, size, 3) uint8; mask: 255 where re-made, (size, size)."""

    genuine: Pixels
    fake: Pixels
    mask: Pixels


class Tools(NamedTuple):
    """What edits need besides the person. donor: whose face is laid in. makers: autoencoders."""

    donor: Person
    makers: tuple[Maker, ...]


Remake = Callable[[Native, Floats, Tools, Rng], Pixels]


def edited(person: Person, kind: str, tools: Tools, rng: Rng) -> Edited | None:
    """Return one frame of a person as it was and with a part re-made; None when too little is."""
    native = scaled(person, [int(rng.integers(len(person.frames)))], rng)
    if kind == "self-blend":
        blended = self_blend(native.frames, native.points.astype(float), rng)
        genuine, fake = blended.genuine, blended.fakes
        mask = blended.masks[0] / max(1e-6, float(blended.masks.max()))
    else:
        genuine, mask = native.frames, part(native, rng, is_small=kind == "inpaint")
        remade = REMAKES[kind](native, mask, tools, rng)
        weight = mask[..., None] * np.float32(rng.uniform(0.85, 1.0))
        mixed = genuine[0] + weight * (remade.astype(np.float32) - genuine[0])
        fake = np.rint(mixed).clip(0, 255).astype(np.uint8)[None]
    treat, cut = treatment(rng), cutter(native, rng)
    shown = np.rint(255 * mask).astype(np.uint8)[None, ..., None].repeat(3, -1)
    seen = cut(shown)[0, ..., 0]
    if (seen > 127).mean() < LEAST or np.array_equal(genuine, fake):
        return None
    return Edited(cut(treat(genuine))[0], cut(treat(fake))[0], seen)


def part(native: Native, rng: Rng, is_small: bool = False) -> Floats:
    """Return how far each pixel is re-made, in [0, 1], (n, n): part of the face, or an ellipse.

    is_small: an ellipse of the size of an eye or a mouth.
    """
    box = native.boxes[0]
    side = float((box[2:] - box[:2]).max())
    mask = np.zeros(native.frames.shape[1:3], np.float32)
    if is_small or rng.random() < 0.5:
        reach = (0.1, 0.25) if is_small else (0.15, 0.45)
        half = side * rng.uniform(*reach, 2)
        centre = box[:2] + (box[2:] - box[:2]) * rng.uniform(0.15, 0.85, 2)
        turn = np.linspace(0, 2 * math.pi, 32, endpoint=False)
        corners = centre + half * np.column_stack([np.cos(turn), np.sin(turn)])
    else:
        shape = outline(PARTS[int(rng.integers(len(PARTS)))])
        grown = 0.5 + (shape - 0.5) * rng.uniform(0.85, 1.15)
        corners = box[:2] + grown * (box[2:] - box[:2])
    corners = corners + rng.normal(0, 0.015 * side, corners.shape)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1.0)
    radius = max(1, round(rng.uniform(0.01, 0.06) * side))
    soft: Floats = cv2.blur(mask, (2 * radius + 1,) * 2).astype(np.float32)
    return soft


def borrowed(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame with the donor's face laid over it by five points, its colours matched."""
    frame, donor = native.frames[0], tools.donor
    row = int(rng.integers(len(donor.frames)))
    moved, _ = cv2.estimateAffinePartial2D(donor.points[row], native.points[0])
    inside = mask > 0.5
    if moved is None or not inside.any():
        return frame
    size = (frame.shape[1], frame.shape[0])
    face = cv2.warpAffine(donor.frames[row], moved, size, borderMode=cv2.BORDER_REFLECT)
    softness = rng.uniform(0.0, 1.2)
    if softness > 0.3:
        face = cv2.GaussianBlur(face, (0, 0), softness)
    own, other = frame[inside].astype(np.float32), face[inside].astype(np.float32)
    matched = (face - other.mean(0)) * (own.std(0) + 1) / (other.std(0) + 1) + own.mean(0)
    return np.asarray(np.rint(matched).clip(0, 255), np.uint8)


def resampled(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame as a decoder's up-sampler leaves it: too smooth, or with a grid."""
    remake = low_passed if rng.random() < 0.5 else gridded
    return remake(native.frames, rng)[0]


def filled_in(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame with what lies inside the mask made up from its surroundings."""
    hole = np.where(mask > 0.05, 255, 0).astype(np.uint8)
    way = cv2.INPAINT_TELEA if rng.random() < 0.5 else cv2.INPAINT_NS
    return np.asarray(cv2.inpaint(native.frames[0], hole, float(rng.integers(2, 6)), way), np.uint8)


def decoded(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame as one of the autoencoders gives it back."""
    frame = native.frames[0]
    height, width = frame.shape[:2]
    wide = [(0, -edge % 8) for edge in (height, width)]
    padded = np.pad(frame, (*wide, (0, 0)), mode="edge")
    make = tools.makers[int(rng.integers(len(tools.makers)))]
    pixels = make(to_tensor(padded[None]), rng)[0].permute(1, 2, 0).mul(255).round().byte()
    return np.asarray(pixels.numpy()[:height, :width], np.uint8)


REMAKES: Mapping[str, Remake] = {
    "swap": borrowed,
    "warp": lambda native, mask, tools, rng: warped(native.frames, rng)[0],
    "resample": resampled,
    "noise": lambda native, mask, tools, rng: renoised(native.frames, rng)[0],
    "inpaint": filled_in,
    "autoencoder": decoded,
}
