"""Drawn faces: genuine, with a wrong feature, or with another's face laid in."""

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.blend import outline, points_of_crops

Pixels = NDArray[np.uint8]
SIDE, MARGIN = 64, 1.25


def face(rng: np.random.Generator, defect: bool = False) -> Pixels:
    """Return an aligned face on some ground, (64, 64, 3).

    defect: an eye or the mouth is missing, or an eye is far too low.
    """
    large = 4 * SIDE  # drawn at four times the size, so that edges are smooth
    canvas = np.full((large, large, 3), rng.uniform(40, 200, 3))
    skin = np.array([200, 160, 130]) * rng.uniform(0.55, 1.15) + rng.normal(0, 8, 3)
    points = 4 * points_of_crops(1, SIDE, MARGIN)[0] + rng.normal(0, 4, (5, 2))
    edge = large * (1 - 1 / MARGIN) / 2
    head = edge + outline("whole") * (large - 2 * edge) * rng.uniform(0.95, 1.05)
    cv2.fillConvexPoly(canvas, np.rint(head).astype(np.int32), skin.tolist())
    wrong = int(rng.integers(3)) if defect else -1
    if wrong == 1:
        points[0, 1] += 45
    for n, (x, y) in enumerate(points[:2]):
        if wrong != 0 or n:
            cv2.circle(canvas, (round(x), round(y)), int(rng.integers(11, 16)), [30, 25, 25], -1)
    nose = tuple(np.rint(points[2]).astype(int).tolist())
    cv2.circle(canvas, nose, 8, (0.8 * skin).tolist(), -1)
    if wrong != 2:
        left, right = np.rint(points[3:]).astype(int).tolist()
        cv2.line(canvas, left, right, [120, 40, 50], int(rng.integers(8, 16)))
    small = cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(rng.normal(0, 10, (16, 16, 3)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    light = 1 + 0.2 * np.linspace(-1, 1, SIDE)[None, :, None] * rng.uniform(-1, 1)
    shown = small * light + coarse + rng.normal(0, 5, small.shape)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def swapped(rng: np.random.Generator) -> Pixels:
    """Return a face with another's laid into it, its colours matched, through a soft mask."""
    target, source = face(rng).astype(float), face(rng)
    zoom, shift = rng.uniform(0.95, 1.05), rng.uniform(-2, 2, 2)
    middle = SIDE / 2 * (1 - zoom)
    moved = np.array([[zoom, 0, middle + shift[0]], [0, zoom, middle + shift[1]]])
    laid = cv2.warpAffine(source, moved, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT).astype(float)
    edge = SIDE * (1 - 1 / MARGIN) / 2
    corners = edge + outline("inner") * (SIDE - 2 * edge)
    mask = np.zeros((SIDE, SIDE))
    cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1.0)
    inside = mask > 0
    laid += target[inside].mean(0) - laid[inside].mean(0)
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 2.0)))[:, :, None]
    return np.clip(np.rint(soft * laid + (1 - soft) * target), 0, 255).astype(np.uint8)
