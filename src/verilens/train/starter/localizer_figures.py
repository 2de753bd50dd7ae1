"""Measure a localizer on persons and edits it never saw: masks, marked faces and false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.bench import metrics
from verilens.bench.metrics.intervals import clustered_mean
from verilens.train.starter.localizer_training import Ints, Pool
from verilens.train.starter.views import Pixels
from verilens.verify.detector import sigmoid
from verilens.verify.xception_unet.model import XceptionUNet

LEVELS = np.round(np.arange(0.1, 0.95, 0.05), 2)
SILENT = 0.95  # of the genuine faces of every validation source, that stay without a mask
ENOUGH = 20  # crops, of a source that has a say in the bound
DRAWS = 300

Floats = NDArray[np.float64]


class Crops(NamedTuple):
    """Genuine faces as a scan cuts them. frames: (N, S, S, 3). sources, owners: (N,)."""

    frames: Pixels
    sources: NDArray[np.str_]
    owners: Ints


class Bounds(NamedTuple):
    """Chosen on validation faces. level: of a pixel. sure: of a face, above which it is marked."""

    level: float
    sure: float


class Figures(NamedTuple):
    """What a network reaches on one kind of edit; files are resampled whole.

    pixel_auc: of all masks, whether shown or not. one_mask_auc: of one mask for all faces. above:
    the difference, pair by pair. shown: share of edited faces whose mask is shown. iou,
    one_mask_iou: of the faces whose mask is shown; NaN where there are none.
    """

    pixel_auc: metrics.Interval
    one_mask_auc: metrics.Interval
    above: metrics.Interval
    image_auc: metrics.Interval
    shown: metrics.Interval
    iou: metrics.Interval
    one_mask_iou: metrics.Interval


class Read(NamedTuple):
    """scores: of faces in [0, 1], (N,). masks: in [0, 1], (N, S, S) float16."""

    scores: Floats
    masks: NDArray[np.float16]


class OneMask(NamedTuple):
    """What is said of every face alike: the mean of training masks, and its best level."""

    mask: NDArray[np.float32]
    level: float


def read(method: XceptionUNet, frames: Pixels) -> Read:
    """Return what the network says of faces, (N, S, S, 3)."""
    parts = [method.crop_masks(frames[n : n + 32]) for n in range(0, len(frames), 32)]
    scores = sigmoid(np.concatenate([logits for logits, _ in parts]))
    return Read(scores, np.concatenate([masks.astype(np.float16) for _, masks in parts]))


def bounds(method: XceptionUNet, pool: Pool, sources: Sequence[str], cut: Crops) -> Bounds:
    """Return the bounds that do best on validation faces: silence on genuine ones, and mean IoU.

    sources: of the owners of the pool. cut: faces as a scan cuts them. Every source is kept silent
    on its own, the faces that went through the treatment of edited ones and those that did not:
    the highest of the bounds holds. The level is the best one for the masks that are then shown.
    """
    of_pool = np.array(sources)[pool.owners]
    parts = [
        (read(method, pool.genuine).scores, of_pool),
        (read(method, cut.frames).scores, cut.sources),
    ]
    groups = [scores for scores, _ in parts] + [
        scores[names == name]
        for scores, names in parts
        for name in sorted(set(names.tolist()))
        if (names == name).sum() >= ENOUGH
    ]
    sure = max(float(np.quantile(scores, SILENT)) for scores in groups)
    fakes = read(method, pool.fake)
    shown = fakes.scores > sure
    rows = np.flatnonzero(shown if shown.any() else ~shown)
    return Bounds(best_level(list(fakes.masks[rows]), pool.masks[rows] > 127), sure)


def best_level(masks: Sequence[NDArray[np.generic]], truth: NDArray[np.bool_]) -> float:
    """Return the level of the highest mean IoU."""
    ious = [
        np.mean([metrics.pixel_iou(m, t, level) for m, t in zip(masks, truth, strict=True)])
        for level in LEVELS
    ]
    return float(LEVELS[int(np.argmax(ious))])


def one_mask(train: Pool, validation: Pool) -> OneMask:
    """Return the mean of training masks: the least that a network must surpass."""
    mean = (train.masks.astype(np.float32) / 255).mean(0)
    truth = validation.masks > 127
    return OneMask(mean, best_level([mean] * len(truth), truth))


def figures(
    method: XceptionUNet, pool: Pool, rows: Ints, chosen: Bounds, least: OneMask
) -> Figures:
    """Return what the network reaches on these rows of test faces, and one mask for all."""
    fakes, genuine = read(method, pool.fake[rows]), read(method, pool.genuine[rows])
    owners, truth = pool.owners[rows], pool.masks[rows] > 127
    shown = fakes.scores > chosen.sure
    own = np.array([metrics.pixel_auc(m, t) for m, t in zip(fakes.masks, truth, strict=True)])
    other = np.array([metrics.pixel_auc(least.mask, t) for t in truth])
    rows_shown = np.flatnonzero(shown)
    ious = [metrics.pixel_iou(fakes.masks[n], truth[n], chosen.level) for n in rows_shown]
    others = [metrics.pixel_iou(least.mask, truth[n], least.level) for n in rows_shown]
    image_auc = metrics.bootstrap(
        metrics.auc,
        np.concatenate([genuine.scores, fakes.scores]),
        np.repeat([0, 1], len(rows)),
        np.tile(owners, 2),
        draws=DRAWS,
    )
    return Figures(
        _mean(own, owners),
        _mean(other, owners),
        _mean(own - other, owners),
        image_auc,
        _mean(shown, owners),
        _mean(np.array(ious), owners[shown]),
        _mean(np.array(others), owners[shown]),
    )


def _mean(values: NDArray[np.generic], owners: Ints) -> metrics.Interval:
    if not len(values):
        return metrics.Interval(np.nan, np.nan, np.nan)
    return clustered_mean(values, owners, None, metrics.Plan())


def false_alarms(
    method: XceptionUNet, frames: Pixels, owners: Ints, sure: float
) -> metrics.Interval:
    """Return the share of genuine faces that would be marked. frames: (N, S, S, 3)."""
    return clustered_mean(read(method, frames).scores > sure, owners, None, metrics.Plan())
