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
from functools import cache

import numpy as np
from numpy.typing import NDArray

from verilens.media.jpeg_tables import ZIGZAG, standard_table

Floats = NDArray[np.float64]

FREQUENCIES = 15  # lowest AC coefficients that are read
LARGEST_STEP = 12  # quantised values that are counted
COARSEST = 1024  # a step above it is damage
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
    pixels = luma.astype(np.float64) - 128
    on_grid, moved = coefficients(pixels), coefficients(pixels[4:-4, 4:-4])
    gains: dict[int, float] = dict.fromkeys(EARLIER, 0.0)
    total = 0
    for order in range(1, FREQUENCIES + 1):
        at, step = ZIGZAG[order], table[order]
        if not 2 <= step <= COARSEST:
            continue
        seen = np.abs(np.rint(on_grid[:, at] / step))
        counts = np.bincount(seen[seen <= LARGEST_STEP].astype(int), minlength=LARGEST_STEP + 1)
        counts[0] = 0
        if counts.sum() < 50:
            continue
        total += int(counts.sum())
        _add_gains(gains, counts, np.abs(moved[:, at]), order, step)
    return max(gains.values()) if total >= FEWEST else None


def _add_gains(
    gains: dict[int, float], counts: NDArray[np.int64], smooth: Floats, order: int, step: int
) -> None:
    """Add to every earlier quality what one frequency says for it."""
    firsts = {quality: standard_table(quality)[order] for quality in gains}
    tried = [1, *sorted(set(firsts.values()))]
    weights, edges = np.histogram(smooth, np.arange(0, (LARGEST_STEP + 2) * step, step / 16))
    predicted = _predicted((edges[:-1] + edges[1:]) / 2, weights, np.array(tried, float), step)
    once = predicted[0]
    known = np.log(((1 - FLOOR) * predicted + FLOOR * once) / once) @ counts
    for quality, first in firsts.items():
        gains[quality] += float(known[tried.index(first)])


def _predicted(centres: Floats, weights: NDArray[np.int64], firsts: Floats, step: int) -> Floats:
    """Predict how often each value is seen after steps `first`, then `step`.

    Gives a row for each of `firsts`, (F, LARGEST_STEP + 1); zero is left out of the shares.
    """
    between = np.rint(centres / firsts[:, None]) * firsts[:, None]
    between[firsts == 1] = centres  # one compression only: nothing was rounded before
    noise = np.where(firsts == 1, 0.0, NOISE)[:, None]
    width = LARGEST_STEP + 2
    rows = np.arange(len(firsts))[:, None] * width
    shares = np.full((len(firsts), width), UNSEEN)
    for shift, part in NORMAL:
        moved = np.abs(between + shift * noise)
        values = np.minimum(np.rint(moved / step), LARGEST_STEP + 1)
        places = (values + rows).astype(np.intp).ravel()
        spread = np.tile(part * weights, len(firsts))
        shares += np.bincount(places, weights=spread, minlength=shares.size).reshape(shares.shape)
    shares = shares[:, : LARGEST_STEP + 1]
    shares[:, 0] = 1e-9
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)


def coefficients(pixels: Floats) -> Floats:
    """The orthonormal DCT of every whole 8 x 8 block, (blocks, 64) in row order."""
    height, width = (side // 8 * 8 for side in pixels.shape)
    blocks = pixels[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    basis = _basis()
    return np.asarray((basis @ blocks @ basis.T).reshape(-1, 64), np.float64)


@cache
def _basis() -> Floats:
    order = np.arange(8)
    basis = np.cos((2 * order[None] + 1) * order[:, None] * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    return np.array(basis, dtype=np.float64)
