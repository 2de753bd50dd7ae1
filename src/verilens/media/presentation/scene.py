"""What every reproduction shares: a flat thing in front of a room, photographed again.

Convention: pictures are RGB, (H, W, 3) uint8; light is float32 in [0, 1], linear enough at these
small changes that gamma is left alone. Places are pixels, x before y.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels, Reals, to_bytes

Rng = np.random.Generator
SAMPLES = 2  # points a pixel and axis at which fine patterns are computed before they are averaged


def light(picture: Pixels) -> Reals:
    """Return a picture as light in [0, 1]."""
    return np.asarray(picture, np.float32) / np.float32(255)


def picture_of(values: Reals) -> Pixels:
    """Return light as a picture."""
    return to_bytes(values * 255)


def between(rng: Rng, low: float, high: float) -> float:
    """Return a number in [low, high)."""
    return float(rng.uniform(low, high))


def smooth_noise(shape: tuple[int, int], cell: float, rng: Rng) -> Reals:
    """Return soft noise in [-1, 1], (H, W), whose patches are about `cell` pixels wide."""
    height, width = shape
    rows, columns = max(2, round(height / cell) + 1), max(2, round(width / cell) + 1)
    coarse = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32
    )


def averaged(fine: Reals, shape: tuple[int, int]) -> Reals:
    """Return a pattern computed at SAMPLES points a pixel as a sensor's pixels see it.

    A pixel integrates over its area, so a pattern finer than pixels fades but still beats.
    """
    height, width = shape
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def grid(shape: tuple[int, int]) -> tuple[Reals, Reals]:
    """Return rows and columns, in pixels, of the SAMPLES points a pixel of a picture."""
    height, width = shape
    rows, columns = np.mgrid[: height * SAMPLES, : width * SAMPLES].astype(np.float32)
    return rows / SAMPLES, columns / SAMPLES


def room(picture: Pixels, rng: Rng) -> Reals:
    """Return a plausible room: the picture out of focus and recoloured, as light."""
    height, width = picture.shape[:2]
    sigma = 0.15 * min(height, width) + 1
    blurred = cv2.GaussianBlur(light(picture), (0, 0), sigma)
    tint = rng.uniform(0.6, 1.3, 3).astype(np.float32)
    grain = 0.06 * smooth_noise((height, width), max(4.0, min(height, width) / 5), rng)
    return np.asarray(np.clip(blurred * tint + grain[..., None], 0, 1), np.float32)


def corners(picture: Pixels, face: Face, reach: float, rng: Rng) -> Reals:
    """Return four corners, clockwise from the upper left, of a flat thing around a face.

    reach: sides of the thing over those of the face; it is turned and tilted a little.
    """
    left, top, right, bottom = face.box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    half = np.array([right - left, bottom - top]) / 2 * reach * rng.uniform(0.9, 1.2, 2)
    turn = between(rng, -0.12, 0.12)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    tilt = rng.uniform(-0.05, 0.05, (4, 2)) * half
    return np.asarray(middle + square @ axes + tilt, np.float32)


def ring(centre: NDArray[np.floating], reach: NDArray[np.floating]) -> Reals:
    """Return the outline (N, 2) of an ellipse. reach: half its width and half its height."""
    turn = np.linspace(0, 2 * np.pi, 48)[:-1]
    return np.asarray(centre + np.stack([np.cos(turn), np.sin(turn)], 1) * reach, np.float32)


def inside(shape: tuple[int, int], outline: Reals, softness: float = 1.0) -> Reals:
    """Return how far each pixel lies in a polygon, in [0, 1], (H, W)."""
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, np.rint(outline).astype(np.int32), 255, cv2.LINE_AA)
    soft = cv2.GaussianBlur(mask, (0, 0), softness) if softness > 0 else mask
    return np.asarray(soft, np.float32) / np.float32(255)


def shadow(cover: Reals, offset: tuple[float, float], softness: float) -> Reals:
    """Return the shadow that a covering thing throws, in [0, 1], (H, W)."""
    moved = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float32)
    height, width = cover.shape
    cast = cv2.warpAffine(cover, moved, (width, height))
    return np.asarray(cv2.GaussianBlur(cast, (0, 0), softness), np.float32)


def recaptured(values: Reals, rng: Rng, strength: float) -> Pixels:
    """Return what a second camera takes of light: softer, with its own white, tone and noise.

    strength: in [0, 1], how crude the reproduction is.
    """
    height, width = values.shape[:2]
    scale = between(rng, 0.55, 0.95) - 0.15 * strength
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    soft = cv2.resize(values, small, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC)
    white = rng.uniform(0.94, 1.06, 3).astype(np.float32)
    gain = between(rng, 0.85, 1.1)
    noise = rng.normal(0, between(rng, 0.002, 0.012), values.shape).astype(np.float32)
    return picture_of(np.clip(soft * white * gain + noise, 0, 1))
