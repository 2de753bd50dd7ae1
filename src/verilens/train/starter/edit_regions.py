"""Which part of a face still is re-made: soft masks that do not all lie on the middle of the face.

An outline of the face, an eye, the mouth, half a face, or an ellipse or polygon anywhere in what a
scan cuts, its background included; sometimes two or three at once. One mean mask for all of them is
a poor guess, so that whoever learns from them has to look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.blend import Part, outline
from verilens.train.starter.face_fakes import Native, Rng

Floats = NDArray[np.float32]
Corners = NDArray[np.float64]
Shape = Literal["outline", "feature", "half", "anywhere"]

PARTS: tuple[Part, ...] = ("face", "inner", "lower")
SHAPES: Mapping[Shape, float] = {"outline": 0.2, "feature": 0.25, "half": 0.1, "anywhere": 0.45}
COUNTS = (0.8, 0.15, 0.05)  # chances of one part, two and three
HARD = 0.15  # chance of an edge that is not softened
SOFT = (0.01, 0.06)  # radius of the softening, of the face's side
REACH = 0.62  # of the face's side from its centre: what a scan cuts


def region(
    native: Native, rng: Rng, shapes: Mapping[Shape, float] = SHAPES, is_small: bool = False
) -> Floats:
    """Return how far each pixel is re-made, in [0, 1], (n, n).

    shapes: which are drawn, with their chances. is_small: of the size of an eye or a mouth.
    """
    side = float((native.boxes[0, 2:] - native.boxes[0, :2]).max())
    mask = np.zeros(native.frames.shape[1:3], np.float32)
    chances = np.array(list(shapes.values()))
    for _ in range(1 + int(rng.choice(len(COUNTS), p=COUNTS))):
        shape = list(shapes)[int(rng.choice(len(shapes), p=chances / chances.sum()))]
        corners = _SHAPES[shape](native, side, is_small, rng)
        corners = corners + rng.normal(0, 0.01 * side, corners.shape)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1.0)
    if rng.random() < HARD:
        return mask
    radius = max(1, round(rng.uniform(*SOFT) * side))
    soft: Floats = cv2.blur(mask, (2 * radius + 1,) * 2).astype(np.float32)
    return soft


def _outline(native: Native, side: float, is_small: bool, rng: Rng) -> Corners:
    shape = outline(PARTS[int(rng.integers(len(PARTS)))])
    grown = 0.5 + (shape - 0.5) * rng.uniform(0.85, 1.15)
    box = native.boxes[0]
    return np.asarray(box[:2] + grown * (box[2:] - box[:2]))


def _half(native: Native, side: float, is_small: bool, rng: Rng) -> Corners:
    """Return an outline of the whole face, cut by a line near its middle."""
    box = native.boxes[0]
    corners = box[:2] + outline("whole") * (box[2:] - box[:2])
    turn = rng.uniform(0, 2 * math.pi)
    across = np.array([math.cos(turn), math.sin(turn)])
    beyond = (corners - corners.mean(0)) @ across - rng.uniform(-0.15, 0.15) * side
    return np.asarray(corners - np.maximum(0, beyond)[:, None] * across)


def _feature(native: Native, side: float, is_small: bool, rng: Rng) -> Corners:
    """Return an ellipse over one eye, both, the nose or the mouth."""
    left, right, nose, *mouth = native.points[0]
    centre, half = [
        (left, (0.17, 0.10)),
        (right, (0.17, 0.10)),
        ((left + right) / 2, (0.38, 0.13)),
        (nose, (0.14, 0.15)),
        ((mouth[0] + mouth[1]) / 2, (0.24, 0.14)),
    ][int(rng.integers(5))]
    return _ellipse(centre, side * np.array(half) * rng.uniform(0.85, 1.3, 2), rng)


def _anywhere(native: Native, side: float, is_small: bool, rng: Rng) -> Corners:
    """Return an ellipse or a polygon somewhere in what a scan cuts."""
    box = native.boxes[0]
    centre = (box[:2] + box[2:]) / 2 + rng.uniform(-REACH, REACH, 2) * side
    low, high = (0.1, 0.22) if is_small else (0.14, 0.45)
    corners = _ellipse(centre, side * rng.uniform(low, high, 2), rng)
    if rng.random() < 0.5:
        return corners
    picked = corners[np.sort(rng.choice(len(corners), int(rng.integers(4, 9)), replace=False))]
    return np.asarray(centre + (picked - centre) * rng.uniform(0.8, 1.3, (len(picked), 1)))


def _ellipse(centre: NDArray[np.generic], half: Corners, rng: Rng) -> Corners:
    turn = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    tilt = rng.uniform(-0.5, 0.5)
    x, y = half[0] * np.cos(turn), half[1] * np.sin(turn)
    turned = (x * math.cos(tilt) - y * math.sin(tilt), x * math.sin(tilt) + y * math.cos(tilt))
    return np.asarray(centre + np.column_stack(turned))


_SHAPES: Mapping[Shape, Callable[[Native, float, bool, Rng], Corners]] = {
    "outline": _outline,
    "feature": _feature,
    "half": _half,
    "anywhere": _anywhere,
}
