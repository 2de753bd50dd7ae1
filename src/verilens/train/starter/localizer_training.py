"""Train a localizer of stills on edited faces, and measure it on persons and edits it never saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.batch import ClipBatch
from verilens.bench import metrics
from verilens.bench.metrics.intervals import clustered_mean
from verilens.train.starter.edits import KINDS, Tools, edited
from verilens.train.starter.face_crops import Person
from verilens.train.starter.face_training import rate, source_chances
from verilens.train.starter.fakes import Maker
from verilens.train.starter.views import Pixels
from verilens.verify.detector import sigmoid, tensor
from verilens.verify.xception_unet.model import XceptionUNet

PAIRS = 12  # a batch
EVERY = 30  # steps between checkpoints
LR, DECAY = 3e-3, 1e-2
LEVELS = np.round(np.arange(0.1, 0.95, 0.05), 2)
SILENT = 0.975  # of the genuine validation faces, that the chosen bound keeps without a mask
TRIES = 20  # draws until an edit is large enough

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Pool(NamedTuple):
    """Pairs of genuine and edited faces.

    genuine, fake: (N, S, S, 3) uint8. masks: (N, S, S) uint8. kinds: places in KINDS, (N,).
    owners: number of the person, (N,).
    """

    genuine: Pixels
    fake: Pixels
    masks: Pixels
    kinds: Ints
    owners: Ints

    def of(self, kinds: Sequence[str]) -> Ints:
        """Return the places of the pairs that were made in these ways."""
        return np.flatnonzero(np.isin(self.kinds, [KINDS.index(kind) for kind in kinds]))


class Bounds(NamedTuple):
    """Chosen on validation faces. level: of a pixel. sure: of a face, above which it is marked."""

    level: float
    sure: float


class Figures(NamedTuple):
    """What a network reaches on one kind of edit; persons are resampled whole.

    shown: share of edited faces whose mask is shown. iou: of all masks, whether shown or not.
    """

    pixel_auc: metrics.Interval
    iou: metrics.Interval
    image_auc: metrics.Interval
    shown: metrics.Interval


class Read(NamedTuple):
    """scores: of faces in [0, 1], (N,). masks: in [0, 1], (N, S, S) float16."""

    scores: Floats
    masks: NDArray[np.float16]


def pool_of(persons: Sequence[Person], each: int, makers: Sequence[Maker], seed: int) -> Pool:
    """Return `each` pairs of every kind; a source counts with the root of its persons."""
    chances = source_chances(persons)
    rows, kinds, owners = [], [], []
    for kind in range(len(KINDS)):
        for n in range(each):
            rng = np.random.default_rng([seed, kind, n])
            for _ in range(TRIES):
                one, other = (int(k) for k in rng.choice(len(persons), 2, p=chances))
                tools = Tools(persons[other], tuple(makers))
                found = edited(persons[one], KINDS[kind], tools, rng)
                if found is not None:
                    rows.append(found)
                    kinds.append(kind)
                    owners.append(one)
                    break
    genuine, fake, masks = (np.stack(column) for column in zip(*rows, strict=True))
    return Pool(genuine, fake, masks, np.array(kinds), np.array(owners))


def fit(
    method: XceptionUNet, pool: Pool, rows: Ints, steps: int, seed: int, checkpoint: Path
) -> Iterator[tuple[int, float]]:
    """Yield (step, loss) of a training on these rows of the pool, in place.

    What a batch holds depends on the seed and the step alone, so a run that was stopped goes on
    from its checkpoint as if it had not been.
    """
    method.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(method.parameters(), LR, weight_decay=DECAY)
    first = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        first = int(state["step"])
        method.load_state_dict(state["method"])
        optimiser.load_state_dict(state["optimiser"])
    for step in range(first, steps):
        for group in optimiser.param_groups:
            group["lr"] = LR * rate(step, steps)
        rng = np.random.default_rng([seed, 2, step])
        loss = learn(method, optimiser, batch_of(pool, rng.choice(rows, PAIRS, replace=False)))
        if (step + 1) % EVERY == 0:
            parts = {"method": method.state_dict(), "optimiser": optimiser.state_dict()}
            torch.save({"step": step + 1, **parts}, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
        yield step + 1, loss


def learn(method: XceptionUNet, optimiser: torch.optim.Optimizer, batch: ClipBatch) -> float:
    """Take one step; return the loss."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = method.training_step(batch).total
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(method.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())


def batch_of(pool: Pool, rows: Ints) -> ClipBatch:
    """Return the genuine faces of these rows, then the edited ones, each a clip of one frame."""
    frames = tensor(np.concatenate([pool.genuine[rows], pool.fake[rows]]))
    masks = torch.zeros(len(frames), 1, 1, *frames.shape[-2:])
    masks[len(rows) :, 0, 0] = torch.from_numpy(pool.masks[rows]).float() / 255
    labels: Tensor = torch.arange(2).repeat_interleave(len(rows)).float()
    return ClipBatch(frames=frames[:, None], labels=labels, masks=masks)


def read(method: XceptionUNet, frames: Pixels) -> Read:
    """Return what the network says of faces, (N, S, S, 3)."""
    parts = [method.crop_masks(frames[n : n + 32]) for n in range(0, len(frames), 32)]
    scores = sigmoid(np.concatenate([logits for logits, _ in parts]))
    return Read(scores, np.concatenate([masks.astype(np.float16) for _, masks in parts]))


def bounds(method: XceptionUNet, pool: Pool, rows: Ints) -> Bounds:
    """Return the bounds that do best on validation faces: mean IoU, and silence on genuine ones."""
    found, truth = read(method, pool.fake[rows]).masks, pool.masks[rows] > 127
    ious = [
        np.mean([metrics.pixel_iou(m, t, level) for m, t in zip(found, truth, strict=True)])
        for level in LEVELS
    ]
    genuine = read(method, pool.genuine[rows]).scores
    return Bounds(float(LEVELS[int(np.argmax(ious))]), float(np.quantile(genuine, SILENT)))


def figures(method: XceptionUNet, pool: Pool, rows: Ints, chosen: Bounds) -> Figures:
    """Return what the network reaches on these rows of test faces."""
    fakes, genuine = read(method, pool.fake[rows]), read(method, pool.genuine[rows])
    owners, plan = pool.owners[rows], metrics.Plan()
    aucs, ious = [], []
    for mask, truth in zip(fakes.masks, pool.masks[rows] > 127, strict=True):
        aucs.append(metrics.pixel_auc(mask, truth))
        ious.append(metrics.pixel_iou(mask, truth, chosen.level))
    image_auc = metrics.bootstrap(
        metrics.auc,
        np.concatenate([genuine.scores, fakes.scores]),
        np.repeat([0, 1], len(rows)),
        np.tile(owners, 2),
        draws=300,
    )
    return Figures(
        clustered_mean(aucs, owners, None, plan),
        clustered_mean(ious, owners, None, plan),
        image_auc,
        clustered_mean(fakes.scores > chosen.sure, owners, None, plan),
    )


def one_mask_for_all(made: Mapping[str, Pool]) -> dict[str, metrics.Interval]:
    """Return what the mean of the training masks reaches on test faces, whatever they show.

    Edits lie where faces are, so this is the least that a network must surpass.
    """
    mean = (made["train"].masks.astype(np.float32) / 255).mean(0)
    chosen, test = made["validation"].masks > 127, made["test"].masks > 127
    ious = [np.mean([metrics.pixel_iou(mean, m, level) for m in chosen]) for level in LEVELS]
    level = float(LEVELS[int(np.argmax(ious))])
    owners, plan = made["test"].owners, metrics.Plan()
    aucs = [metrics.pixel_auc(mean, truth) for truth in test]
    overlaps = [metrics.pixel_iou(mean, truth, level) for truth in test]
    return {
        "pixel_auc": clustered_mean(aucs, owners, None, plan),
        "iou": clustered_mean(overlaps, owners, None, plan),
    }


def false_alarms(method: XceptionUNet, pool: Pool, rows: Ints, sure: float) -> metrics.Interval:
    """Return the share of genuine test faces that would be marked."""
    scores = read(method, pool.genuine[rows]).scores
    return clustered_mean(scores > sure, pool.owners[rows], None, metrics.Plan())
