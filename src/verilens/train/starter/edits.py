"""Faces of which one part was re-made, and masks of it: ground truth for localizers of stills.

    genuine square -> drawn down to a native size -> a part re-made in one way, laid back softly
            -> both: smaller, colour, light, blur, noise and JPEG alike -> cut to the view

Outside the mask no pixel of the native square changes, but where a face is blended with itself: of
that the altered copy may be the genuine one. What is done to both afterwards is one draw, so only
the part's traces tell which is which. It is mild: most stills on the web were saved once or twice
at a good quality. Everything follows from the person and the generator given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.blend import self_blend
from verilens.media.perturb.codecs import StillCodec
from verilens.train.starter.edit_regions import SHAPES, Shape, region
from verilens.train.starter.face_crops import Person
from verilens.train.starter.face_fakes import (
    Native,
    Rng,
    Treatment,
    cutter,
    recoloured,
    rounded,
    scaled,
)
from verilens.train.starter.fakes import Maker, to_tensor
from verilens.train.starter.splices import gridded, low_passed, renoised, warped
from verilens.train.starter.views import Pixels

Floats = NDArray[np.float32]
LEAST = 0.01  # of the cut's pixels; a smaller part is no edit
FACE_PX = (64.0, 150.0)  # of a face where it is edited, drawn evenly by ratio
SMALLER = 0.25  # chance that a picture is made smaller after the edit
QUALITY = (70, 98)  # of JPEG after the edit, mostly high
ON_FACES: Mapping[Shape, float] = {name: SHAPES[name] for name in ("outline", "feature", "half")}
KINDS = (
    "self-blend",
    "swap",
    "splice",
    "warp",
    "retouch",
    "resample",
    "noise",
    "inpaint",
    "autoencoder",
)
_SCALERS = (cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LINEAR)


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
    native = scaled(person, [int(rng.integers(len(person.frames)))], rng, FACE_PX, least=64)
    if kind == "self-blend":
        blended = self_blend(native.frames, native.points.astype(float), rng)
        genuine, fake = blended.genuine[0], blended.fakes[0]
        mask = blended.masks[0] / max(1e-6, float(blended.masks.max()))
    else:
        shapes = ON_FACES if kind == "swap" else SHAPES
        genuine, mask = native.frames[0], region(native, rng, shapes, is_small=kind == "inpaint")
        remade = REMAKES[kind](native, mask, tools, rng)
        weight = mask[..., None] * np.float32(rng.uniform(0.85, 1.0))
        fake = rounded(genuine + weight * (remade.astype(np.float32) - genuine))
    return finished(native, genuine, fake, mask, rng)


def finished(
    native: Native, genuine: Pixels, fake: Pixels, mask: Floats, rng: Rng
) -> Edited | None:
    """Return both halves after one draw of treatment, as a scan cuts them.

    None when too little of the cut is re-made, or nothing.
    """
    if np.array_equal(genuine, fake):
        return None
    side = len(genuine)
    if rng.random() < SMALLER:
        side = max(48, round(side * rng.uniform(0.5, 1.0)))
    size, by = (side, side), _SCALERS[rng.integers(len(_SCALERS))]
    shown = np.rint(255 * mask).astype(np.uint8)[..., None].repeat(3, -1)
    small = [
        frame if side == len(frame) else cv2.resize(frame, size, interpolation=by)
        for frame in (genuine, fake, shown)
    ]
    boxes = native.boxes * np.float32(side / len(genuine))
    treat, cut = treatment(rng), cutter(Native(small[0][None], native.points, boxes), rng)
    seen = cut(small[2][None])[0, ..., 0]
    if (seen > 127).mean() < LEAST:
        return None
    return Edited(cut(treat(small[0][None]))[0], cut(treat(small[1][None]))[0], seen)


def treatment(rng: Rng) -> Treatment:
    """Return a draw of what is done to a frame of either half: milder than to films."""
    shift, gain = np.zeros(3), 1.0
    if rng.random() < 0.3:
        shift, gain = rng.uniform(-20, 20, 3), float(rng.uniform(0.8, 1.2))
    blur = float(rng.uniform(0.3, 0.8)) if rng.random() < 0.1 else 0.0
    noise, seed = float(rng.uniform(0.5, 4)) * (rng.random() < 0.1), int(rng.integers(2**31))
    codecs = [codec(rng) for _ in range(int(rng.choice([0, 1, 2], p=[0.2, 0.6, 0.2])))]
    return Treatment(shift, gain, blur, noise, seed, codecs)


def codec(rng: Rng, worst: int = QUALITY[0]) -> StillCodec:
    """Return how a still is saved: mostly of high quality."""
    quality = round(QUALITY[1] - (QUALITY[1] - worst) * float(rng.random()) ** 1.5)
    return StillCodec(format="JPEG", quality=quality)


def borrowed(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame with the donor's face laid over it by five points, its colours matched."""
    frame, donor = native.frames[0], tools.donor
    row = int(rng.integers(len(donor.frames)))
    moved, _ = cv2.estimateAffinePartial2D(donor.points[row], native.points[0])
    if moved is None:
        return frame
    face = _laid(donor.frames[row], moved, frame)
    softness = rng.uniform(0.0, 1.2)
    return matched(
        cv2.GaussianBlur(face, (0, 0), softness) if softness > 0.3 else face, frame, mask
    )


def spliced_in(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return another picture, or this one moved, with a history of its own."""
    frame, donor = native.frames[0], tools.donor
    is_own = rng.random() < 0.3
    other = frame if is_own else donor.frames[int(rng.integers(len(donor.frames)))]
    scale = len(frame) / len(other) * (1.0 if is_own else float(rng.uniform(0.8, 1.5)))
    centre = np.array([len(other) / 2] * 2)
    moved = cv2.getRotationMatrix2D(centre.tolist(), float(rng.uniform(-20, 20)), scale)
    moved[:, 2] += len(frame) / 2 - centre + rng.uniform(-0.25, 0.25, 2) * len(frame)
    patch = _laid(other, moved, frame)
    if rng.random() < 0.6:
        patch = codec(rng, worst=50).through([patch])[0]
    return matched(patch, frame, mask) if rng.random() < 0.7 else patch


def _laid(other: Pixels, moved: NDArray[np.float64], frame: Pixels) -> Pixels:
    """Return a picture moved onto the frame; one that gets smaller is averaged first."""
    scale = float(np.hypot(*moved[:, 0]))
    if scale < 0.9:
        side = max(8, round(scale * len(other)))
        moved = moved * np.array([len(other) / side, len(other) / side, 1.0])
        other = cv2.resize(other, (side, side), interpolation=cv2.INTER_AREA)
    size = (frame.shape[1], frame.shape[0])
    by = cv2.INTER_CUBIC
    return np.asarray(
        cv2.warpAffine(other, moved, size, flags=by, borderMode=cv2.BORDER_REFLECT), np.uint8
    )


def matched(patch: Pixels, frame: Pixels, mask: Floats) -> Pixels:
    """Return the patch with the frame's mean and spread of colours inside the mask."""
    inside = mask > 0.5
    return rounded(recoloured(patch, frame, inside)) if inside.any() else frame


def retouched(native: Native, mask: Floats, tools: Tools, rng: Rng) -> Pixels:
    """Return the frame smoothed, sharpened or recoloured, as portraits are retouched."""
    frame = native.frames[0]
    way = int(rng.integers(4))
    if way == 0:
        return np.asarray(cv2.bilateralFilter(frame, 7, float(rng.uniform(20, 60)), 4), np.uint8)
    soft = cv2.GaussianBlur(frame, (0, 0), float(rng.uniform(0.7, 2.0))).astype(np.float32)
    if way == 1:
        return rounded(soft)
    if way == 2:
        return rounded(frame + float(rng.uniform(0.5, 1.5)) * (frame - soft))
    shift = rng.uniform(6, 25, 3) * rng.choice([-1.0, 1.0], 3)
    return rounded(frame * rng.uniform(0.85, 1.15) + shift)


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
    "splice": spliced_in,
    "warp": lambda native, mask, tools, rng: warped(native.frames, rng)[0],
    "retouch": retouched,
    "resample": resampled,
    "noise": lambda native, mask, tools, rng: renoised(native.frames, rng)[0],
    "inpaint": filled_in,
    "autoencoder": decoded,
}
