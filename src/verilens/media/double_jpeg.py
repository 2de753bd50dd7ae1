"""Signs that a JPEG was compressed before: the comb that two quantisations leave.

A coefficient rounded to multiples of q1, then of q2, avoids some values and prefers others. The
distribution before any rounding is read from the same picture with its block grid moved by four
pixels, where the comb is gone (the calibration of Fridrich and Goljan). For each earlier quality
of the standard tables the likelihood of what is seen is compared with that of one compression.

Blind when both compressions used the same table, when the later one was much coarser, when the
picture was cropped off the grid or resized in between, or holds little texture. A drawn pattern
that repeats in step with the 8-pixel grid can look like a comb.
"""

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from verilens.media.jpeg_tables import ZIGZAG, standard_table

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

FREQUENCIES = 15  # lowest AC coefficients that are read
LARGEST_STEP = 12  # quantised values that are counted
COARSEST = 1024  # a step above it is damage
FINER = 16  # bins a step of the distribution before rounding
FEWEST = 400  # non-zero coefficients below which nothing is said
EARLIER = range(30, 100)  # qualities that are tried
NOISE = 0.5  # deviation of a coefficient, from rounding pixels between the compressions
NORMAL = ((-1.4, 0.2), (-0.6, 0.2), (0.0, 0.2), (0.6, 0.2), (1.4, 0.2))  # (deviations, weight)
UNSEEN = 0.5  # added to every count of a prediction, for pictures with few blocks
FLOOR = 0.03  # share of the prediction that stays smooth, for what the model does not know
GAIN_AT_HALF, GAIN_SCALE = 32.0, 6.0  # nats; one picture in a hundred gets there by chance


def double_compression(luma: NDArray[np.uint8], table: Sequence[int]) -> float | None:
    """Estimate in [0, 1] whether a JPEG was compressed before, at another quality.

    luma: decoded, its block grid starting at the first pixel, (H, W). table: quantisation of luma
    in zig-zag order. None when the picture holds too little to tell.
    """
    gain = earlier_gain(luma, table)
    if gain is None:
        return None
    return float(1 / (1 + np.exp(-np.clip((gain - GAIN_AT_HALF) / GAIN_SCALE, -30, 30))))


def earlier_gain(luma: NDArray[np.uint8], table: Sequence[int]) -> float | None:
    """Log-likelihood that the best earlier compression wins over none, in nats."""
    if min(luma.shape) < 72:
        return None
    pixels = luma.astype(np.float32) - 128
    on_grid, moved = np.abs(coefficients(pixels)), np.abs(coefficients(pixels[4:-4, 4:-4]))
    gains = np.zeros(len(EARLIER))
    total = 0
    for order in range(1, FREQUENCIES + 1):
        step = table[order]
        if not 2 <= step <= COARSEST:
            continue
        counts = _histogram(on_grid[order - 1] / step + 0.5, LARGEST_STEP + 1)
        counts[0] = 0
        if counts.sum() < 50:
            continue
        total += int(counts.sum())
        smooth = _histogram(moved[order - 1] * (FINER / step), FINER * (LARGEST_STEP + 2))
        gains += _gains(counts, smooth, order, step)
    return float(gains.max()) if total >= FEWEST else None


def _histogram(values: NDArray[np.float32], bins: int) -> Counts:
    """Count the values in [0, 1), [1, 2) ... [bins - 1, bins)."""
    return np.bincount(values[values < bins].astype(np.intp), minlength=bins)


def _gains(counts: Counts, smooth: Counts, order: int, step: int) -> Floats:
    """Return what one frequency says for every earlier quality, in nats."""
    shares = _transitions(order, step) @ smooth.astype(np.float32) + UNSEEN
    shares[:, 0] = 1e-9  # zero is left out
    predicted = shares / shares.sum(axis=1, keepdims=True)
    once = predicted[0]
    known = np.log(((1 - FLOOR) * predicted + FLOOR * once) / once) @ counts
    return np.asarray(known[_rows(order)])


@cache
def _firsts(order: int) -> list[int]:
    """The steps that are tried as the earlier ones of a frequency; 1 is no earlier compression."""
    return [1, *sorted({standard_table(quality)[order] for quality in EARLIER})]


@cache
def _rows(order: int) -> list[int]:
    """Where among `_firsts` the step of every earlier quality is."""
    return [_firsts(order).index(standard_table(quality)[order]) for quality in EARLIER]


@lru_cache(maxsize=128)
def _transitions(order: int, step: int) -> NDArray[np.float32]:
    """How a smooth value is seen after each of `_firsts`, then `step`.

    Gives the share of each bin that falls on each value, (firsts, LARGEST_STEP + 1, bins).
    """
    firsts = np.array(_firsts(order), np.float32)[:, None]
    centres = (np.arange(FINER * (LARGEST_STEP + 2), dtype=np.float32) + 0.5) * step / FINER
    between = np.rint(centres / firsts) * firsts
    between[firsts[:, 0] == 1] = centres  # one compression only: nothing was rounded before
    noise = np.where(firsts == 1, 0.0, NOISE)
    values = np.arange(LARGEST_STEP + 1)[:, None]
    found = np.zeros((len(firsts), len(values), len(centres)), np.float32)
    for shift, part in NORMAL:
        seen = np.rint(np.abs(between + shift * noise) / step)
        found += np.float32(part) * (seen[:, None] == values)
    return found


def coefficients(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lowest AC coefficients of the orthonormal DCT of every whole 8 x 8 block.

    In zig-zag order, (FREQUENCIES, blocks).
    """
    height, width = (side // 8 * 8 for side in pixels.shape)
    blocks = pixels[:height, :width].reshape(height // 8, 8, width // 8, 8)
    return np.asarray(_basis() @ blocks.transpose(1, 3, 0, 2).reshape(64, -1))


@cache
def _basis() -> NDArray[np.float32]:
    """The cosines of the lowest AC frequencies, (FREQUENCIES, 64)."""
    order = np.arange(8)
    basis = np.cos((2 * order[None] + 1) * order[:, None] * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    return np.kron(basis, basis)[list(ZIGZAG[1 : FREQUENCIES + 1])].astype(np.float32)
