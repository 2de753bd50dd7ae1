"""A screen filmed or photographed by a camera: moire, tone, tilt, rescaling.

The grid of the screen meets the grid of the sensor; where they nearly agree, coloured bands appear
whose period is the beat of the two. Each function draws once and returns a filter of one frame,
RGB (H, W, 3) uint8.
"""

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, Reals, table, to_bytes
from verilens.media.perturb.geometry import resized, tilt

_PERIODS = (4.0, 16.0)  # pixels of the beat of both grids


def moire(draw: Draw, depth: float) -> Filter:
    """Modulate each channel by its own bands, `depth` deep, 4 to 16 pixels apart."""
    bands = 1 + np.float32(depth) * _bands(draw)
    return lambda frame: to_bytes(frame * bands)


def screen_capture(draw: Draw, depth: float, tilted: float, scale: float) -> Filter:
    """Show the frame on a screen and photograph it.

    depth: of the moire. tilted: how far corners may move, share of the sides. scale: of the
    camera's picture of the screen against the frame, at most 1; it is scaled back up.
    """
    bands = 1 + np.float32(depth) * _bands(draw)
    matrix = tilt(draw, tilted)
    width, height = (max(1, round(side * scale)) for side in (draw.width, draw.height))
    power = draw.within(0.8, 1.25)
    tone = table(lambda level: 16 + 228 * (level / 255) ** power)  # black glows, white is dimmed
    tint = np.float32(draw.rng.uniform(0.94, 1.0, 3))

    def captured(frame: Pixels) -> Pixels:
        shown = to_bytes(tone[frame] * bands * tint)
        seen = cv2.warpPerspective(shown, matrix, (draw.width, draw.height))
        return resized(
            resized(np.asarray(seen, np.uint8), width, height), *reversed(bands.shape[:2])
        )

    return captured


def _bands(draw: Draw) -> Reals:
    """Return bands in [-1, 1], (H, W, 3); the channels are shifted by a third of a period.

    A sub-pixel of red, green and blue lies a third of a screen pixel apart.
    """
    rows, columns = np.mgrid[: draw.height, : draw.width].astype(np.float32)
    total: Reals = np.zeros((draw.height, draw.width, 3), np.float32)
    for _ in range(2):  # the screen's rows and its columns
        angle, period = draw.within(0, np.pi), draw.within(*_PERIODS)
        bend = draw.within(-0.3, 0.3) * np.pi / max(draw.width, draw.height) / period
        along = columns * np.cos(angle) + rows * np.sin(angle)
        across = rows * np.cos(angle) - columns * np.sin(angle)
        phase = 2 * np.pi / period * along + bend * across * across
        total += np.sin(phase[..., None] + 2 * np.pi / 3 * np.arange(3)).astype(np.float32) / 2
    return total
