"""The contract of the verify family: clips in, evidence out.

A detector states in `config.view` which pixels it wants and gives one logit per crop. Pooling
over crops and moments, the timeline and the patch-wise heat map are the same for all, so they live
here; a method overrides them only when its paper does.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.batch import ClipBatch
from verilens.method import Loss, Method
from verilens.nn.fold import fold_batch_norms
from verilens.nn.memory import channels_last
from verilens.records import Box, Claim, Clip, Evidence, View, Where

# Of one forward pass. Larger passes are slower on a CPU: their activations leave the caches and go
# back to the system after every layer.
PASS_PIXELS = 1 << 17
TILES = 36  # crops of a heat map
DENSER = 3  # steps of a suspected video's timeline for one step of the first look


class HasView(Protocol):
    """A method's config, as far as callers need it."""

    @property
    def view(self) -> View: ...


class Detector(Method[ClipBatch]):
    """A method that scores media: positive logits are fake.

    Subclasses set `name` and `sign`, take a config and implement `forward`.

    sign: what its evidence says; {} stands for how many crops show it, e.g. "3 of 8".
    workload: the method, of one tensor to one, batch first, in which nearly all time is spent;
        another runtime may take it over.
    exported: the method, of one tensor to one, that files for other runtimes hold, and what they
        then give (`exported_gives`).
    """

    name: ClassVar[str]
    sign: ClassVar[str] = ""
    workload: str = "forward"
    exported: ClassVar[str] = "forward"
    exported_gives: ClassVar[str] = "logits, positive is fake"
    claim: ClassVar[Claim] = "ai-generated"
    config: HasView

    def forward(self, frames: Tensor) -> Tensor:
        """Return one logit per crop, (N,) float32.

        frames: RGB in [0, 1], (N, 3, H, W) float32; normalisation is done inside.
        """
        raise NotImplementedError

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return binary cross-entropy over the crops."""
        logits = self(batch.frames.flatten(0, 1)).view(batch.frames.shape[:2]).mean(1)
        return cross_entropy(logits, batch.labels)

    def optimised(self) -> Self:
        """Return self, changed in place to score faster; the logits stay equal within 1e-4.

        Needs evaluation mode; afterwards it can neither be trained nor take weights files.
        """
        fold_batch_norms(self)
        channels_last(self)
        return self

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return next(self.parameters()).device

    @torch.inference_mode()
    def crop_logits(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return one logit per crop. frames: RGB, (N, H, W, 3) uint8."""
        batch = max(1, PASS_PIXELS // (frames.shape[1] * frames.shape[2]))
        logits = [
            self(tensor(frames[start : start + batch]).to(self.device)).float().reshape(-1)
            for start in range(0, len(frames), batch)
        ]
        return torch.cat(logits).double().cpu().numpy()

    def inspect(self, clips: Sequence[Clip]) -> list[Evidence]:
        """Return one piece of evidence per clip; one of faces shows a single person."""
        return [self.evidence(clip, self.crop_logits(clip.frames)) for clip in clips]

    def pool(self, logits: NDArray[np.float64], times_s: NDArray[np.float64]) -> float:
        """Return the clip's logit: mean over crops and moments."""
        return float(logits.mean())

    def evidence(self, clip: Clip, logits: NDArray[np.float64]) -> Evidence:
        """Return the evidence that these crop logits amount to."""
        pooled = self.pool(logits, clip.times_s)
        moments = np.unique(clip.times_s)
        timeline = tuple(
            (float(t), float(sigmoid(logits[clip.times_s == t].mean()))) for t in moments
        )
        boxes: tuple[Box, ...] = tuple(
            (int(a), int(b), int(c), int(d)) for a, b, c, d in clip.boxes
        )
        return Evidence(
            method=self.name,
            claim=self.claim,
            score=float(sigmoid(pooled)),
            logit=pooled,
            why=self.sign.format(f"{int((logits > 0).sum()) or 'none'} of {len(logits)}"),
            where=Where(
                by=f"{'patch-wise' if clip.tracks is None else 'face'} scores of {self.name}",
                boxes=boxes if len(moments) == 1 else (),
                box_scores=tuple(float(s) for s in sigmoid(logits)) if len(moments) == 1 else (),
                timeline=timeline if len(moments) > 1 else (),
            ),
        )

    @property
    def map_view(self) -> View | None:
        """Return what `heatmap` reads of a still: tiles over all of it; None when it makes none."""
        view = self.config.view
        if view.fit != "crop":
            return None
        return View(size=view.size, frames=1, crops=TILES, only="image")

    @property
    def dense_view(self) -> View | None:
        """Return what `inspect` reads of a suspected video for a denser timeline.

        None when it names segments itself: they stand as they are.
        """
        view = self.config.view
        return dataclasses.replace(view, frames=DENSER * (view.frames - 1) + 1)

    def heatmap(self, tiles: Clip, cells: int = 32) -> NDArray[np.float32] | None:
        """Return scores in [0, 1] over the picture, (rows, columns), longer side `cells`.

        tiles: crops of one moment that cover the picture (see `map_view`); each cell averages the
        crops over it. None when one crop is the whole picture: there is nothing to compare.
        """
        if len(tiles.frames) < 2:
            return None
        width, height = tiles.size
        columns = max(1, round(cells * width / max(width, height)))
        rows = max(1, round(cells * height / max(width, height)))
        total = np.zeros((rows, columns))
        count = np.zeros((rows, columns))
        scale = np.array([columns / width, rows / height] * 2)
        for box, logit in zip(tiles.boxes, self.crop_logits(tiles.frames), strict=True):
            left, top, right, bottom = box * scale
            where = np.s_[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
            total[where] += logit
            count[where] += 1
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        mean[np.isnan(mean)] = np.nanmean(mean)
        return sigmoid(mean).astype(np.float32)


class ClipDetector(Detector):
    """A detector that reads moments together: one logit for a stretch of `config.view.frames`.

    A longer clip is read in stretches that overlap by half; a moment's logit is the mean over the
    stretches that hold it. A shorter one is filled up by repeating its last moment. Views have one
    crop a moment.
    """

    def forward(self, frames: Tensor) -> Tensor:
        """Return one logit per stretch, (N,) float32.

        frames: RGB in [0, 1], (N, T, 3, H, W) float32; normalisation is done inside.
        """
        raise NotImplementedError

    @property
    def map_view(self) -> View | None:
        """Return None: crops of one moment make no clip, so there is no map of tiles."""
        return None

    def training_step(self, batch: ClipBatch) -> Loss:
        """Return binary cross-entropy over the clips."""
        return cross_entropy(self(batch.frames), batch.labels)

    @torch.inference_mode()
    def crop_logits(self, frames: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return one logit per moment. frames: RGB in order of time, (N, H, W, 3) uint8."""
        total, count = np.zeros(len(frames)), np.zeros(len(frames))
        logit_of = self.reader(frames)
        for places in stretches(len(frames), self.config.view.frames):
            total[places] += float(logit_of(places).float())
            count[places] += 1
        return total / count

    def reader(self, frames: NDArray[np.uint8]) -> Callable[[NDArray[np.int64]], Tensor]:
        """Return what gives the logit, (1,), of a stretch of these frames by its places."""
        return lambda places: self(tensor(frames[places])[None].to(self.device))


def stretches(count: int, length: int) -> list[NDArray[np.int64]]:
    """Return the moments of each stretch of a clip of `count`, (length,) each; all are covered."""
    if count <= length:
        return [np.minimum(np.arange(length), count - 1)]
    step = max(1, length // 2)
    starts = [*range(0, count - length, step), count - length]
    return [np.arange(start, start + length) for start in starts]


def cross_entropy(logits: Tensor, labels: Tensor) -> Loss:
    """Return binary cross-entropy. logits, labels: (B,), labels 1 for fake."""
    each = binary_cross_entropy_with_logits(logits.float(), labels, reduction="none")
    total = each.mean()
    return Loss(total=total, parts={"bce": total.detach()}, each=each)


def tensor(frames: NDArray[np.uint8]) -> Tensor:
    """Return RGB uint8 (N, H, W, 3) as float32 in [0, 1], (N, 3, H, W), channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(255)


def sigmoid(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x, dtype=np.float64))))
