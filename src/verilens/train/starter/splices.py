"""Films with forged stretches, made of genuine ones: temporal ground truth for segment detectors.

    genuine frames -> stretches at random positions -> each re-made in one way -> spliced back

Outside the stretches no pixel changes. Inside, either the whole frame is re-made or a soft-edged
ellipse that stays in place, as a swapped face does. What is re-made shows the same scene: only the
traces of re-making tell. Everything follows from the frames and the generator given; the last
encode, which covers genuine and forged moments alike, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.train.starter.clips import encoded

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Forge = Callable[[Pixels, np.random.Generator], Pixels]  # (N, H, W, 3) -> same

APART_S = 0.5  # least genuine time between two stretches
FLOW_SIDE = 240  # longer side at which motion between frames is measured
TRIES = 200


class Spliced(NamedTuple):
    """A film with forged stretches.

    frames: (N, H, W, 3) uint8. spans: (start, end) of each in seconds, in order of time; a stretch
    holds the frames n with start <= n / fps < end. kinds: how each was made.
    """

    frames: Pixels
    spans: tuple[tuple[float, float], ...]
    kinds: tuple[str, ...]


def spliced(
    frames: Pixels,
    fps: float,
    rng: np.random.Generator,
    lengths_s: tuple[float, ...] = (2.0,),
    kinds: tuple[str, ...] = (),
) -> Spliced:
    """Return the film with one forged stretch of each of these lengths.

    frames: RGB of a genuine film, (N, H, W, 3) uint8. lengths_s: shortened where the film is too
        short to keep half a second between stretches; without lengths the film stays genuine.
    kinds: names in FORGERIES to draw from, all by default.
    """
    places = placed(len(frames), [max(2, round(s * fps)) for s in lengths_s], APART_S * fps, rng)
    out = frames.copy()
    names = kinds or tuple(FORGERIES)
    made = []
    for start, end in places:
        name = names[int(rng.integers(len(names)))]
        genuine = frames[start:end]
        mask = region(genuine.shape[1:3], rng)
        forged = FORGERIES[name](genuine, rng).astype(np.float32)
        mixed = genuine + mask[..., None] * (forged - genuine)
        out[start:end] = (mixed + 0.5).clip(0, 255).astype(np.uint8)
        made.append(name)
    return Spliced(out, tuple((a / fps, b / fps) for a, b in places), tuple(made))


def placed(
    count: int, lengths: list[int], apart: float, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Return where stretches of frames lie, in order, drawn until they keep their distance.

    All lengths shrink by a fifth whenever no draw fits. A film too short for any stays genuine.
    """
    while lengths and min(lengths) >= 2:
        for _ in range(TRIES):
            order = rng.permutation(len(lengths))
            starts = np.sort(rng.integers(0, max(1, count - min(lengths) + 1), len(lengths)))
            found = [(int(s), int(s) + lengths[n]) for s, n in zip(starts, order, strict=True)]
            is_free = all(b[0] - a[1] >= apart for a, b in pairwise(found))
            if is_free and found[-1][1] <= count and sum(lengths) < count:
                return found
        lengths = [n * 4 // 5 for n in lengths]
    return []


def region(size: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return how far each pixel is re-made, in [0, 1], (H, W): all of it, or a soft ellipse."""
    height, width = size
    if rng.random() < 0.5:
        return np.ones(size, np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    half = rng.uniform(0.3, 0.5, 2) * min(size)
    centre = (0.5 + rng.uniform(-0.12, 0.12, 2)) * size
    distance = np.hypot((y - centre[0]) / half[0], (x - centre[1]) / half[1])
    soft = (1.0 - distance) / rng.uniform(0.05, 0.3) + 0.5
    mask: Floats = soft.clip(0, 1).astype(np.float32)
    return mask


def low_passed(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Re-make through fewer pixels, as an autoencoder's bottleneck does: fine structure is lost."""
    factor = rng.uniform(1.4, 3.0)
    way = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4]))
    return np.stack([_enlarged(_reduced(frame, factor), frame, way) for frame in frames])


def gridded(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Re-make with an up-sampler that repeats pixels or weighs them unevenly, then sharpen."""
    amount = rng.uniform(0.4, 1.2)
    height, width = frames.shape[1:3]
    cells = (np.indices((height, width)) % 2).sum(0) % 2
    uneven = (1 + rng.uniform(0.01, 0.04) * (2 * cells - 1)).astype(np.float32)[..., None]
    out = []
    for frame in frames:
        large = _enlarged(_reduced(frame, 2.0), frame, cv2.INTER_NEAREST).astype(np.float32)
        sharp = large + amount * (large - cv2.GaussianBlur(large, (0, 0), 1.5))
        out.append((sharp * uneven).clip(0, 255).astype(np.uint8))
    return np.stack(out)


def interpolated(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Keep every second to fourth frame and make those between from the motion of both."""
    step = int(rng.integers(2, 5))
    out = frames.copy()
    for first in range(0, len(frames) - 1, step):
        last = min(first + step, len(frames) - 1)
        if last - first > 1:
            motion = _flow(frames[first], frames[last])
            for n in range(first + 1, last):
                part = (n - first) / (last - first)
                out[n] = _between(frames[first], frames[last], motion, part)
    return out


def warped(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Bend every frame a little, otherwise at each moment, as re-enactment moves a face."""
    count, height, width, _ = frames.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    strength = rng.uniform(1.5, 5.0)
    coarse = rng.normal(0, 1, (2, 2, 4, 4)).astype(np.float32)
    fields = [
        [cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in p] for p in coarse
    ]
    phase, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6)
    out = []
    for n in range(count):
        turn = phase + speed * n
        a, b = float(strength * np.sin(turn)), float(strength * np.cos(turn))
        dy, dx = (a * field[0] + b * field[1] for field in fields)
        out.append(cv2.remap(frames[n], x + dx, y + dy, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT))
    return np.stack(out)


def renoised(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Take the camera's noise away and write another one, as a diffusion model's decoder does."""
    sigma, grain = rng.uniform(1.0, 6.0), rng.uniform(0.0, 0.8)
    out = []
    for frame in frames:
        clean = cv2.bilateralFilter(frame, 5, 40, 3).astype(np.float32)
        noise = rng.standard_normal(frame.shape, np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 0.3 + grain)
        out.append((clean + noise * (sigma / noise.std())).clip(0, 255).astype(np.uint8))
    return np.stack(out)


def re_encoded(frames: Pixels, rng: np.random.Generator) -> Pixels:
    """Encode the stretch once more at low quality, as a tool that exports its result does."""
    height, width = (edge // 2 * 2 for edge in frames.shape[1:3])  # H.264 wants even sides
    out = frames.copy()
    out[:, :height, :width] = encoded(
        np.ascontiguousarray(frames[:, :height, :width]), crf=int(rng.integers(32, 42))
    )
    return out


FORGERIES: Mapping[str, Forge] = {
    "low-pass": low_passed,
    "grid": gridded,
    "interpolation": interpolated,
    "warp": warped,
    "noise": renoised,
    "re-encode": re_encoded,
}


def _reduced(frame: Pixels, factor: float) -> Pixels:
    height, width = (max(4, round(edge / factor)) for edge in frame.shape[:2])
    small: Pixels = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    return small


def _enlarged(small: Pixels, like: Pixels, way: int) -> Pixels:
    large: Pixels = cv2.resize(small, (like.shape[1], like.shape[0]), interpolation=way)
    return large


def _flow(first: Pixels, last: Pixels) -> Floats:
    """Return the motion from one frame to another in pixels, (H, W, 2)."""
    height, width = first.shape[:2]
    scale = min(1.0, FLOW_SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    grey = [cv2.resize(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), size) for f in (first, last)]
    flow = cv2.calcOpticalFlowFarneback(grey[0], grey[1], None, 0.5, 3, 15, 3, 5, 1.1, 0)
    large = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    motion: Floats = (large * np.array([width / size[0], height / size[1]])).astype(np.float32)
    return motion


def _between(first: Pixels, last: Pixels, motion: Floats, part: float) -> Pixels:
    """Return the frame at `part` of the way: both moved toward it along the motion, then mixed."""
    y, x = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    moved = []
    for frame, share in ((first, -part), (last, 1 - part)):
        places = x + share * motion[..., 0], y + share * motion[..., 1]
        moved.append(cv2.remap(frame, *places, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT))
    mixed: Pixels = cv2.addWeighted(moved[0], 1 - part, moved[1], part, 0)
    return mixed
