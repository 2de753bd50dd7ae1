"""Training pairs: genuine faces and their self-blended copies, treated alike afterwards."""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from verilens.media.blend import Pixels, points_of_crops, self_blend
from verilens.verify.blending.config import Config


class Pairs(NamedTuple):
    """genuine, fakes: RGB in [0, 1], (G, T, 3, H, W), on the device of what they were made from."""

    genuine: Tensor
    fakes: Tensor


def pairs(faces: Tensor, config: Config, seed: int) -> Pairs:
    """Return genuine faces with a self-blended copy of each, one draw a clip.

    faces: aligned crops as `config.view` cuts them, RGB in [0, 1], (G, T, 3, H, W).
    """
    clips = (255 * faces.detach().float().cpu()).round().to(torch.uint8)
    genuine, fakes = [], []
    for clip, drawn in zip(clips, np.random.SeedSequence(seed).spawn(len(clips)), strict=True):
        rng = np.random.default_rng(drawn)
        frames = clip.permute(0, 2, 3, 1).contiguous().numpy()
        points = points_of_crops(len(frames), frames.shape[1], config.view.margin)
        blended = self_blend(frames, points, rng, config.blend)
        both = alike(np.stack([blended.genuine, blended.fakes]), config, rng)
        found = torch.from_numpy(both).permute(0, 1, 4, 2, 3).float() / 255
        genuine.append(found[0])
        fakes.append(found[1])
    return Pairs(torch.stack(genuine).to(faces.device), torch.stack(fakes).to(faces.device))


def alike(frames: Pixels, config: Config, rng: np.random.Generator) -> Pixels:
    """Return frames after one drawn change of colour, light and quality, the same for all.

    frames: RGB, (..., H, W, 3) uint8.
    """
    shift, gain = np.zeros(3), 1.0
    if rng.random() < config.colour_p:
        shift += rng.uniform(-config.colour, config.colour, 3)
    if rng.random() < config.light_p:
        shift += 255 * rng.uniform(-config.light, config.light)
        gain += rng.uniform(-config.light, config.light)
    changed = np.clip(np.rint(frames * gain + shift), 0, 255).astype(np.uint8)
    if rng.random() >= config.jpeg_p:
        return changed
    low, high = config.jpeg_quality
    quality = int(rng.integers(low, high + 1))
    flat = changed.reshape(-1, *frames.shape[-3:])
    return np.stack([_compressed(frame, quality) for frame in flat]).reshape(frames.shape)


def _compressed(frame: Pixels, quality: int) -> Pixels:
    _, stream = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR))[:, :, ::-1]
