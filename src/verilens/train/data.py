"""Batches for training and clips for validation, from samples on disk.

What a batch holds depends on the seed, the epoch and its place in it, never on threads or timing.
A file that cannot be read is named in `Reader.broken` and replaced by another of its class; in
validation it is left out.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, DatasetError, MediaError
from verilens.records import Clip, Sample, View
from verilens.train.augment import ZERO, Pixels, augmented, check, side_of, stored_view, window
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.train.sampling import Sampler

AHEAD = 3  # batches read before they are asked for
TRIES = 20  # files of one class that may be broken one after the other


class Share(NamedTuple):
    """Which of how many devices this process feeds."""

    number: int = 0
    of: int = 1


class Drawn(NamedTuple):
    """One training clip and the sample it was cut from. pixels: (T, H, W, 3) uint8."""

    item: int
    pixels: Pixels


class Training:
    """The batches of a plan; see `loop.Batches`.

    view: what the method looks at. share: of every batch, for one of several devices.
    """

    def __init__(
        self, samples: Sequence[Sample], reader: Reader, view: View, data: Data, plan: Plan,
        share: Share = Share(),  # noqa: B008  (frozen)
    ) -> None:  # fmt: skip
        if plan.batch % share.of:
            raise ConfigError(f"plan.batch ({plan.batch}) must divide among {share.of} devices")
        check(data)
        self.items = samples
        self.reader = reader
        self.data = data
        self.plan = plan
        self.share = share
        self.side = side_of(view, data)
        self.view = stored_view(view, data, data.moments)
        self._sampler = Sampler(samples, plan.balance, plan.seed)
        labels = np.array([sample.label for sample in samples])
        self._by_label = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}

    @property
    def samples(self) -> int:
        """Return how many samples there are."""
        return len(self.items)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has; a last incomplete one is dropped."""
        steps = max(1, len(self.items) // self.plan.batch)
        return min(steps, self.plan.epoch_steps) if self.plan.epoch_steps else steps

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[ClipBatch]:
        """Yield this device's share of the batches of an epoch, without the first `skip`."""
        order = self._sampler.order(epoch)
        waiting: deque[Future[ClipBatch]] = deque()
        try:
            for step in range(skip, self.steps):
                start = step * self.plan.batch
                batch = range(start, min(start + self.plan.batch, len(order)))
                mine = [(n, int(order[n])) for n in batch[self.share.number :: self.share.of]]
                waiting.append(self._submitted(epoch, mine))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _submitted(self, epoch: int, places: Sequence[tuple[int, int]]) -> "Future[ClipBatch]":
        """Start reading a batch; the thread that reads its last clip puts it together."""
        jobs = [partial(self.drawn, epoch, place, index) for place, index in places]
        return self.reader.gathered(jobs, self._batch)

    def drawn(self, epoch: int, place: int, index: int) -> Drawn:
        """Return the clip at a place of an epoch, or another of its class if it is broken."""
        for attempt in range(TRIES):
            rng = np.random.default_rng([self.plan.seed, epoch, place, attempt])
            sample = self.items[index]
            instead = int(rng.choice(self._by_label[sample.label]))
            try:
                return Drawn(index, self._clip(sample, rng))
            except MediaError as error:
                self.reader.broken[sample.id] = error.message
            index = instead
        raise DatasetError(
            f"{TRIES} files one after the other could not be read, the last: "
            f"{self.reader.broken[sample.id]}; see 'verilens data doctor'"
        )

    def _clip(self, sample: Sample, rng: np.random.Generator) -> Pixels:
        if sample.kind == "frames":
            if not sample.frames:
                raise MediaError("no-frames", f"{sample.id}: a video without frames")
            places = window(len(sample.frames), self.data, rng)
            found = {n: self._stored_frame(sample, n) for n in {*places} - {ZERO}}
        else:
            frames = self.reader.open(sample.uri, self.view).frames
            places = window(len(frames), self.data, rng)
            found = {n: frames[n] for n in {*places} - {ZERO}}
        if len({frame.shape for frame in found.values()}) > 1:
            raise MediaError("corrupt", f"{sample.id}: its frames have several sizes")
        if ZERO in places:
            found[ZERO] = np.zeros_like(next(iter(found.values())))
        return augmented([found[n] for n in places], self.data, self.side, rng)

    def _stored_frame(self, sample: Sample, n: int) -> Pixels:
        pixels: Pixels = self.reader.frame(sample, n, self.view).frames[0]
        return pixels

    def _batch(self, drawn: Sequence[Drawn]) -> ClipBatch:
        sizes = {clip.pixels.shape for clip in drawn}
        if len(sizes) > 1:
            told = " and ".join(f"{w} x {h}" for _, h, w, _ in sorted(sizes)[:2])
            raise DatasetError(
                f"pictures of {told} pixels cannot share a batch; cut them with --set "
                "data.crop_px=256, scale them with data.resize_px, or train with plan.batch=1"
            )
        pixels = torch.from_numpy(np.stack([clip.pixels for clip in drawn]))
        index = [clip.item for clip in drawn]
        labels = [float(self.items[n].label) for n in index]
        return ClipBatch(
            frames=torch.div(pixels.permute(0, 1, 4, 2, 3), 255),
            labels=torch.tensor(labels),
            index=torch.tensor(index),
        )


def clips(
    samples: Sequence[Sample], reader: Reader, view: View
) -> Iterator[tuple[Sample, Clip | None]]:
    """Yield every sample with what `view` cuts from it, in order; None for a broken file."""

    def read(sample: Sample) -> Clip | None:
        try:
            return reader.clip(sample, view)
        except MediaError as error:
            reader.broken[sample.id] = error.message
            return None

    found = reader.ahead(partial(read, sample) for sample in samples)
    yield from zip(samples, found, strict=True)
