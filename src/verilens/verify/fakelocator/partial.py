"""Partial augmentation: genuine faces alone are distorted, so that "not genuine" becomes fake.

Strengths are ours; the paper names the kinds: blur, JPEG, noise and low resolution.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Pixels = NDArray[np.uint8]
Distortion = Callable[[Pixels, np.random.Generator], Pixels]


def distorted(frames: Tensor, chance: float, seed: int) -> Tensor:
    """Return clips, each with `chance` under one random distortion, the same for its frames.

    frames: RGB in [0, 1], (N, T, 3, H, W).
    """
    found = frames.clone()
    for n, drawn in enumerate(np.random.SeedSequence(seed).spawn(len(frames))):
        rng = np.random.default_rng(drawn)
        if rng.random() >= chance:
            continue
        kind = DISTORTIONS[int(rng.integers(len(DISTORTIONS)))]
        strength = int(rng.integers(2**31))
        clip = (255 * frames[n].detach().float().cpu()).round().to(torch.uint8)
        pixels = clip.permute(0, 2, 3, 1).contiguous().numpy()
        changed = np.stack([kind(frame, np.random.default_rng(strength)) for frame in pixels])
        found[n] = torch.from_numpy(changed).permute(0, 3, 1, 2).to(frames) / 255
    return found


def _blurred(frame: Pixels, rng: np.random.Generator) -> Pixels:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), float(rng.uniform(0.3, 2.0))))


def _compressed(frame: Pixels, rng: np.random.Generator) -> Pixels:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))]
    _, stream = cv2.imencode(".jpg", frame[:, :, ::-1], quality)
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR))[:, :, ::-1]


def _noisy(frame: Pixels, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, rng.uniform(2, 15), frame.shape)
    return np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)


def _coarse(frame: Pixels, rng: np.random.Generator) -> Pixels:
    height, width = frame.shape[:2]
    factor = rng.uniform(0.3, 0.9)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


DISTORTIONS: tuple[Distortion, ...] = (_blurred, _compressed, _noisy, _coarse)
