"""Films of a made-up camera: a textured scene it glides over, things that move, its own noise.

Scenes are drawn at twice the size and averaged down, so a genuine film is equally sharp at every
moment, however it moves.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.train.starter.clips import written

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, FPS = 224, 160, 15


def filmed(seconds: float, rng: np.random.Generator, shots: int = 1) -> Pixels:
    """Return the frames of one film of `shots` scenes, (N, HEIGHT, WIDTH, 3)."""
    count = round(seconds * FPS)
    edges = [0, *sorted(int(n) for n in rng.integers(count // 4, 3 * count // 4, shots - 1)), count]
    noise = rng.uniform(1.5, 4.0)
    parts = [
        _shot(edges[n + 1] - edges[n], noise, rng) for n in range(shots) if edges[n + 1] > edges[n]
    ]
    return np.concatenate(parts)


def _shot(count: int, noise: float, rng: np.random.Generator) -> Pixels:
    scene = _scene(2 * HEIGHT + 240, 2 * WIDTH + 240, rng)
    thing = _scene(120, 120, rng)
    y, x = np.mgrid[-1:1:120j, -1:1:120j]
    inside = (np.hypot(x, y) < 1)[..., None]
    start, speed = rng.uniform(60, 180, 2), rng.uniform(-0.8, 0.8, 2)
    at, step = rng.uniform(40, 150, 2), rng.uniform(-2.0, 2.0, 2)
    light, beat = rng.uniform(0.0, 0.06), rng.uniform(0.02, 0.1)
    frames = []
    for n in range(count):
        top, left = (start + speed * n).clip(0, 239).astype(int)
        view = scene[top : top + 2 * HEIGHT, left : left + 2 * WIDTH].copy()
        a, b = (at + step * n).clip(0, [2 * HEIGHT - 120, 2 * WIDTH - 120]).astype(int)
        view[a : a + 120, b : b + 120] = np.where(inside, thing, view[a : a + 120, b : b + 120])
        small = cv2.resize(view, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        small = small * (1 + light * np.sin(beat * n))
        small = small + noise * rng.standard_normal(small.shape, np.float32)
        frames.append(small.clip(0, 255).astype(np.uint8))
    return np.stack(frames)


def _scene(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a picture with a 1/f spectrum and sharp-edged patches, (height, width, 3)."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    shape = (3, height, width // 2 + 1)
    spectrum = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    shared = 0.7 * spectrum[:1] + 0.5 * spectrum  # colours go together, as they do in nature
    field = np.fft.irfft2(shared / frequency ** rng.uniform(0.9, 1.2), s=(height, width))
    field = (field / field.std() * rng.uniform(25, 45)).transpose(1, 2, 0) + rng.uniform(90, 150, 3)
    picture = np.ascontiguousarray(field, np.float32)
    for _ in range(int(rng.integers(4, 12))):
        corner = rng.uniform(0, [width, height])
        shape = (corner + rng.uniform(-70, 70, (5, 2))).astype(np.int32)
        patch = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(patch, cv2.convexHull(shape), 1)
        picture += (patch[..., None] * rng.uniform(-50, 50, 3)).astype(np.float32)
    return picture


def saved(frames: Pixels, path: Path, crf: int = 20, fps: float = FPS) -> Path:
    """Write frames as an H.264 film."""
    written(path, frames, crf, round(fps), "veryfast")
    return path
