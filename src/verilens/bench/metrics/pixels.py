"""How well a map of forged pixels fits the true mask of one picture.

maps: scores in [0, 1], (H, W); truth: forged where above 0.5, (H, W). A genuine picture has an
empty truth: an empty prediction scores 1 in F1 and IoU, any predicted pixel scores 0. Averages
over pictures are plain means of these values. L1, COSS, PSNR and SSIM compare with a grey truth in
[0, 1] and need no threshold.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from verilens.bench.metrics import ranking
from verilens.bench.metrics.arrays import Floats, Undefined

# Structural similarity as its authors set it (Wang et al., 2004), of values in [0, 1].
SSIM_SIGMA, SSIM_SIDE = 1.5, 11
SSIM_MEANS, SSIM_SPREADS = 0.01**2, 0.03**2


def pixel_iou(scores: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Return intersection over union of the pixels above `threshold` with the forged ones."""
    called, forged = _masks(scores, truth, threshold)
    union = int((called | forged).sum())
    return float((called & forged).sum() / union) if union else 1.0


def pixel_f1(scores: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Return the harmonic mean of pixel precision and recall (Dice)."""
    called, forged = _masks(scores, truth, threshold)
    total = int(called.sum() + forged.sum())
    return float(2 * (called & forged).sum() / total) if total else 1.0


def pixel_precision(scores: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of called pixels that are forged; 1 for an empty call of an empty truth."""
    called, forged = _masks(scores, truth, threshold)
    total = int(called.sum())
    return float((called & forged).sum() / total) if total else float(not forged.any())


def pixel_recall(scores: ArrayLike, truth: ArrayLike, threshold: float = 0.5) -> float:
    """Return the share of forged pixels that are called; 1 for an empty call of an empty truth."""
    called, forged = _masks(scores, truth, threshold)
    total = int(forged.sum())
    return float((called & forged).sum() / total) if total else float(not called.any())


def pixel_auc(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the chance that a forged pixel scores above a genuine one.

    Undefined when the picture is wholly genuine or wholly forged.
    """
    values, forged = _pair(scores, truth)
    if forged.all() or not forged.any():
        raise Undefined("pixel AUC needs forged and genuine pixels in the picture")
    return ranking.auc(values.ravel(), forged.ravel())


def pixel_l1(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean absolute difference of map and truth, both in [0, 1]; truth may be grey."""
    values, grey = _grey(scores, truth)
    return float(np.abs(values - grey).mean())


def cosine_similarity(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the cosine of the angle between map and truth as vectors, in [0, 1] (COSS).

    It does not change when either is scaled. An empty map against a forged picture scores 0;
    undefined for a genuine picture, whose truth has no direction.
    """
    values, grey = _grey(scores, truth)
    if not grey.any():
        raise Undefined("cosine similarity needs a picture with forged pixels")
    length = float(np.linalg.norm(values) * np.linalg.norm(grey))
    return float((values * grey).sum() / length) if length else 0.0


def psnr(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio in decibels, peak 1; infinite when they are equal."""
    values, grey = _grey(scores, truth)
    error = float(((values - grey) ** 2).mean())
    return float(-10 * np.log10(error)) if error else float("inf")


def ssim(scores: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean structural similarity, at most 1.

    Weighted by a Gaussian window of 11 x 11 pixels (sigma 1.5) that lies wholly inside; of maps
    with a shorter side the window is the largest odd one that fits.
    """
    values, grey = _grey(scores, truth)
    side = min(SSIM_SIDE, *(edge - 1 + edge % 2 for edge in values.shape))
    window = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * SSIM_SIGMA**2))
    window /= window.sum()
    mean_a, mean_b = _smoothed(values, window), _smoothed(grey, window)
    spread_a = _smoothed(values**2, window) - mean_a**2
    spread_b = _smoothed(grey**2, window) - mean_b**2
    joint = _smoothed(values * grey, window) - mean_a * mean_b
    means = (2 * mean_a * mean_b + SSIM_MEANS) / (mean_a**2 + mean_b**2 + SSIM_MEANS)
    spreads = (2 * joint + SSIM_SPREADS) / (spread_a + spread_b + SSIM_SPREADS)
    return float((means * spreads).mean())


def _smoothed(picture: Floats, window: Floats) -> Floats:
    for axis in (0, 1):
        picture = sliding_window_view(picture, len(window), axis) @ window
    return picture


def _grey(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    values, _ = _pair(scores, truth)
    return values, np.asarray(truth, float)


def _masks(
    scores: ArrayLike, truth: ArrayLike, threshold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    values, forged = _pair(scores, truth)
    return values > threshold, forged


def _pair(scores: ArrayLike, truth: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, mask = np.asarray(scores, float), np.asarray(truth, float)
    if values.shape != mask.shape or values.ndim != 2:
        raise ValueError(f"map {values.shape} and mask {mask.shape} must be of one size, (H, W)")
    if not np.isfinite(values).all():
        raise ValueError("a pixel map must be finite")
    return values, mask > 0.5
