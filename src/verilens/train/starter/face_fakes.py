"""Genuine faces and fakes of them, both as a scan would cut them after one draw of treatment.

    squares -> drawn down to a native size -> blended with themselves, or with another person
            -> both: colour, light, blur, noise, JPEG or H.264 alike -> cut and scaled to the view

Training sees self-blended fakes alone. A swap lays another person's face in by its five points and
matches its colours: a cheap stand-in for a real one that the network was not trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media.blend import outline, self_blend
from verilens.media.perturb.codecs import StillCodec, VideoCodec
from verilens.train.starter.face_crops import WIDE, Person
from verilens.train.starter.views import Pixels
from verilens.verify.blending.config import Config

CONFIG = Config.starter()
FACE_PX = (44.0, 150.0)  # of a face at its native size, drawn evenly by ratio
QUALITY, RATE = (40, 98), (16, 34)  # of JPEG and of x264
_SCALERS = (cv2.INTER_AREA, cv2.INTER_CUBIC, cv2.INTER_LINEAR)

Rng = np.random.Generator
Floats = NDArray[np.float32]


class Native(NamedTuple):
    """Frames at the size in which a fake is made: (T, n, n, 3), with points and boxes."""

    frames: Pixels
    points: Floats
    boxes: Floats


class Treatment(NamedTuple):
    """What is done alike to frames of either label.

    shift, gain: of the colours. blur, noise: in pixels and levels, 0 for none; the noise follows
    from `seed`. codecs: what they go through after, one after the other.
    """

    shift: NDArray[np.float64]
    gain: float
    blur: float
    noise: float
    seed: int
    codecs: Sequence[StillCodec | VideoCodec]

    def __call__(self, frames: Pixels) -> Pixels:
        """Return the frames treated, (T, n, n, 3)."""
        x = frames.astype(np.float32) * self.gain + self.shift
        if self.blur:
            x = np.stack([cv2.GaussianBlur(frame, (0, 0), self.blur) for frame in x])
        if self.noise:
            x = x + np.random.default_rng(self.seed).normal(0, self.noise, x.shape)
        found = rounded(x)
        for codec in self.codecs:
            found = np.stack(codec.through(list(found)))
        return found


class Pair(NamedTuple):
    """genuine, fake: what a scan would cut, RGB (T, size, size, 3)."""

    genuine: Pixels
    fake: Pixels


def drawn(
    person: Person, frames: Sequence[int], rng: Rng, donor: Person | None = None
) -> Pair | None:
    """Return some frames of a person as they were and as a fake; one draw for all.

    donor: whose face is laid in; None blends the person with themselves. None when the fake's mask
    is empty.
    """
    native = scaled(person, frames, rng)
    if donor is None:
        blended = self_blend(native.frames, native.points.astype(float), rng)
        genuine, fake = blended.genuine, blended.fakes
    else:
        genuine, fake = native.frames, swapped(native, donor, rng)
    if np.array_equal(genuine, fake):
        return None
    treat, cut = treatment(rng), cutter(native, rng)
    return Pair(cut(treat(genuine)), cut(treat(fake)))


def scaled(
    person: Person,
    frames: Sequence[int],
    rng: Rng,
    wanted_px: tuple[float, float] = FACE_PX,
    least: int = 48,
) -> Native:
    """Return the frames scaled down to a drawn size of the face, never up.

    wanted_px: least and largest size of the face. least: side of the frames.
    """
    rows = np.array(frames)
    boxes, points = person.boxes[rows], person.points[rows]
    face_px = float((boxes[:, 2:] - boxes[:, :2]).max(1).mean())
    wanted = float(np.exp(rng.uniform(*np.log(wanted_px))))
    side = min(WIDE.size, max(least, round(WIDE.size * wanted / face_px)))
    by = _SCALERS[rng.integers(len(_SCALERS))]
    small = [cv2.resize(f, (side, side), interpolation=by) for f in person.frames[rows]]
    factor = np.float32(side / WIDE.size)
    return Native(np.stack(small).astype(np.uint8), points * factor, boxes * factor)


def swapped(native: Native, donor: Person, rng: Rng) -> Pixels:
    """Return the frames with the donor's face, its mean and spread of colours matched."""
    outer = outline("face" if rng.random() < 0.5 else "inner").astype(np.float32)
    feather, opacity = rng.uniform(0.03, 0.12), rng.uniform(0.85, 1.0)
    softness = rng.uniform(0.0, 1.2)  # of the inserted face: a generator's is smaller
    out = []
    for n, (frame, points, box) in enumerate(
        zip(native.frames, native.points, native.boxes, strict=True)
    ):
        row = n % len(donor.frames)
        moved, _ = cv2.estimateAffinePartial2D(donor.points[row], points)
        if moved is None:
            out.append(frame)
            continue
        size = (frame.shape[1], frame.shape[0])
        face = cv2.warpAffine(donor.frames[row], moved, size, borderMode=cv2.BORDER_REFLECT)
        if softness > 0.3:
            face = cv2.GaussianBlur(face, (0, 0), softness)
        out.append(_laid(frame, face, _mask(frame, box, outer, feather), opacity))
    return np.stack(out)


def _mask(frame: Pixels, box: Floats, outer: Floats, feather: float) -> Floats:
    side = float((box[2:] - box[:2]).max())
    corners = box[:2] + outer * (box[2:] - box[:2])
    mask = np.zeros(frame.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1.0)
    radius = max(1, round(feather * side))
    soft = cv2.blur(cv2.erode(mask, np.ones((radius, radius))), (2 * radius + 1,) * 2)
    return np.asarray(soft, np.float32)


def _laid(frame: Pixels, face: Pixels, mask: Floats, opacity: float) -> Pixels:
    inside = mask > 0.5
    if not inside.any():
        return frame
    weight = (opacity * mask)[..., None]
    return rounded(weight * recoloured(face, frame, inside) + (1 - weight) * frame)


def recoloured(patch: Pixels, frame: Pixels, inside: NDArray[np.bool_]) -> Floats:
    """Return the patch with the frame's mean and spread of colours inside a part, not rounded."""
    own, other = frame[inside].astype(np.float32), patch[inside].astype(np.float32)
    spread = (own.std(0) + 1) / (other.std(0) + 1)
    return np.asarray((patch - other.mean(0)) * spread + own.mean(0), np.float32)


def rounded(x: NDArray[np.generic]) -> Pixels:
    """Return values as pixels hold them."""
    return np.asarray(np.rint(x).clip(0, 255), np.uint8)


def treatment(rng: Rng) -> Treatment:
    """Return a draw of what is done to frames of either label."""
    shift, gain = np.zeros(3), 1.0
    if rng.random() < 0.3:
        shift, gain = rng.uniform(-20, 20, 3), float(rng.uniform(0.8, 1.2))
    blur = float(rng.uniform(0.3, 1.0)) if rng.random() < 0.15 else 0.0
    noise, seed = float(rng.uniform(1, 6)) * (rng.random() < 0.15), int(rng.integers(2**31))
    codecs = [_codec(rng) for _ in range(int(rng.choice([0, 1, 2], p=[0.15, 0.65, 0.2])))]
    return Treatment(shift, gain, blur, noise, seed, codecs)


def _codec(rng: Rng) -> StillCodec | VideoCodec:
    if rng.random() < 0.5:
        return StillCodec(format="JPEG", quality=int(rng.integers(QUALITY[0], QUALITY[1] + 1)))
    rate = int(rng.integers(RATE[0], RATE[1] + 1))
    return VideoCodec(encoder="libx264", crf=rate, options={"preset": "veryfast"})


def cutter(native: Native, rng: Rng) -> Callable[[Pixels], Pixels]:
    """Return what cuts frames as a scan does, the box a little off; mirrored half the time.

    A quarter is cut wider or closer: portraits that are little more than a face are taken whole.
    """
    view = CONFIG.view
    off = rng.normal(0, 0.02, 2)
    margin = view.margin * float(np.exp(rng.normal(0, 0.03)))
    if rng.random() < 0.25:
        margin = float(rng.uniform(1.05, 1.55))
    mirrored = rng.random() < 0.5
    places = [_square(box, margin, off, native.frames.shape[1]) for box in native.boxes]

    def cut(frames: Pixels) -> Pixels:
        size = (view.size, view.size)
        pieces = [
            Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC, place)
            for frame, place in zip(frames, places, strict=True)
        ]
        found = np.stack([np.asarray(piece) for piece in pieces])
        return found[:, :, ::-1] if mirrored else found

    return cut


def _square(
    box: Floats, margin: float, off: NDArray[np.float64], length: int
) -> tuple[int, int, int, int]:
    """Return the square to cut, shifted inside a picture of `length` squared."""
    face = float((box[2:] - box[:2]).max())
    side = min(length, max(1, round(margin * face)))
    middle = (box[:2] + box[2:]) / 2 + off * face
    left, top = (min(max(0, round(float(m) - side / 2)), length - side) for m in middle)
    return left, top, left + side, top + side
