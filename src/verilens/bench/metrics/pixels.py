"""How well a map of forged pixels fits the true mask of one picture.

maps: scores in [0, 1], (H, W); truth: forged where above 0.5, (H, W). A genuine picture has an
empty truth: an empty prediction scores 1 in F1 and IoU, any predicted pixel scores 0. Averages
over pictures are plain means of these values.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verilens.bench.metrics import ranking
from verilens.bench.metrics.arrays import Floats, Undefined


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
    values, _ = _pair(scores, truth)
    return float(np.abs(values - np.asarray(truth, float)).mean())


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
