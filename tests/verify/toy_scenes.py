"""Videos of hazy textured scenes, and three ways to fake one of them that leave the others alone.

A scene is a texture seen through haze that thickens with depth: I = J t + A (1 - t), t = exp(-d).
The texture J drifts at constant speed over a still, slanted depth d. A fake changes only the
colours of J ("texture"), only how J moves ("motion"), or only d ("depth").
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.batch import ClipBatch
from verilens.verify.what_matters.providers import LUMA

KINDS = ("texture", "motion", "depth")
AIR = 0.9
Floats = NDArray[np.float64]


def smooth(shape: tuple[int, ...], reach: float, rng: np.random.Generator) -> Floats:
    """Return periodic noise of mean 0 and deviation 1 without detail below `reach` pixels."""
    frequency = np.hypot(np.fft.fftfreq(shape[-2])[:, None], np.fft.rfftfreq(shape[-1]))
    field = np.fft.irfft2(
        np.fft.rfft2(rng.normal(size=shape)) * np.exp(-((frequency * reach) ** 2)), s=shape[-2:]
    )
    field -= field.mean((-2, -1), keepdims=True)
    result: Floats = field / field.std((-2, -1), keepdims=True)
    return result


def textured(side: int, is_fake: bool, rng: np.random.Generator) -> Floats:
    """Return a periodic texture in [0, 1], (3, side, side), black once in every 4 x 4 pixels.

    A fake has a weave of colour, 2 pixels wide, that luma does not show.
    """
    luma = 0.5 + 0.12 * smooth((side, side), 2.0, rng)
    blue, red = 0.04 * smooth((2, side, side), 12.0, rng)
    if is_fake:
        rows, columns = np.indices((side, side)) // 2
        blue = blue + 0.05 * ((rows + columns) % 2 * 2 - 1)
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    rgb = np.clip(luma + np.stack([red, green, blue]), 0, 1)
    for top in range(0, side, 4):
        for left in range(0, side, 4):
            row, column = rng.integers(0, 4, 2)
            rgb[:, top + row, left + column] = 0
    return rgb


def path(moments: int, is_fake: bool, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return where the texture has drifted to at each moment, (moments, 2) in whole pixels.

    A fake drifts as fast, each step another way.
    """
    ways = np.array([(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)])
    chosen = rng.integers(0, len(ways), moments - 1 if is_fake else 1)
    steps = np.broadcast_to(ways[chosen], (moments - 1, 2))
    return np.concatenate([np.zeros((1, 2), int), steps.cumsum(0)])


def depths(side: int, moments: int, is_fake: bool, rng: np.random.Generator) -> Floats:
    """Return depth of each moment, (moments, side, side). A fake's wobbles from one to the next."""
    rows, columns = np.indices((side, side)) / side - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    plane = 0.7 + 0.5 * (np.cos(angle) * rows + np.sin(angle) * columns)
    still = np.broadcast_to(plane, (moments, side, side))
    return still + 0.12 * smooth((moments, side, side), side / 2, rng) if is_fake else still


def scene(kind: str, side: int, moments: int, rng: np.random.Generator) -> Tensor:
    """Return one video, RGB in [0, 1], (moments, 3, side, side); kind "" is genuine."""
    texture = textured(side, kind == "texture", rng)
    moved = [np.roll(texture, step, (1, 2)) for step in path(moments, kind == "motion", rng)]
    through = np.exp(-depths(side, moments, kind == "depth", rng))[:, None]
    seen = np.stack(moved) * through + AIR * (1 - through)
    return torch.from_numpy((seen + rng.normal(0, 0.003, seen.shape)).clip(0, 1)).float()


def scenes(genuine: int, fakes: int, seed: int, kinds: tuple[str, ...] = KINDS) -> ClipBatch:
    """Return genuine videos, then fakes of the kinds in equal parts; 8 moments of 48 x 48."""
    rng = np.random.default_rng(seed)
    shares = [kinds[n % len(kinds)] for n in range(fakes)]
    order = ["", *kinds]
    clips = [scene(kind, 48, 8, rng) for kind in [*[""] * genuine, *shares]]
    numbers = torch.tensor([0] * genuine + [order.index(kind) for kind in shares])
    return ClipBatch(frames=torch.stack(clips), labels=(numbers > 0).float(), kinds=numbers)
