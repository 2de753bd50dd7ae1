"""Batches for training and clips for validation, from samples on disk.

What a batch holds depends on the seed, the epoch and its place in it, never on threads or timing.
A file that cannot be read is named in `Reader.broken` and replaced by another of its class; in
validation it is left out.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, DatasetError, MediaError
from verilens.records import Clip, Sample, View
from verilens.train.augment import (
    ZERO,
    Pixels,
    augmented,
    check,
    cut_view,
    side_of,
    stored_view,
    window,
)
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.train.sampling import Groups, Indices, Sampler
from verilens.train.targets import Targets, mask, spans, stacked

AHEAD = 3  # batches read before they are asked for
TRIES = 20  # files of one class that may be broken one after the other

Read = TypeVar("Read")


class Share(NamedTuple):
    """Which of how many devices this process feeds."""

    number: int = 0
    of: int = 1


class Wanted(NamedTuple):
    """What a method looks at, and what else it reads of a batch, see `Method.needs`."""

    view: View
    needs: frozenset[str] = frozenset()


class Drawn(NamedTuple):
    """One training clip and the sample it was cut from.

    pixels: (T, H, W, 3) uint8, with the mask as a fourth channel where it is needed. spans: (T,).
    """

    item: int
    pixels: Pixels
    spans: NDArray[np.float32] | None


class InOrder(Generic[Read]):
    """What is alike in the batches of a plan; see `loop.Batches`.

    Subclasses set the attributes and implement `_submitted`. items: the samples.
    """

    items: Sequence[Sample]
    plan: Plan
    _sampler: Sampler | Groups

    @property
    def samples(self) -> int:
        """Return how many samples there are."""
        return len(self.items)

    @property
    def steps(self) -> int:
        """Return how many batches an epoch has; a last incomplete one is dropped."""
        steps = max(1, self._sampler.count // self.plan.batch)
        return min(steps, self.plan.epoch_steps) if self.plan.epoch_steps else steps

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Read]:
        """Yield this device's share of the batches of an epoch, without the first `skip`."""
        order = self._sampler.order(epoch)
        return ahead(self._submitted(epoch, step, order) for step in range(skip, self.steps))

    def _submitted(self, epoch: int, step: int, order: Indices) -> "Future[Read]":
        """Start reading a batch."""
        raise NotImplementedError


class Training(InOrder[ClipBatch]):
    """The batches of a plan; see `loop.Batches`.

    share: of every batch, for one of several devices.
    """

    def __init__(
        self, samples: Sequence[Sample], reader: Reader, wanted: Wanted, data: Data, plan: Plan,
        share: Share = Share(),  # noqa: B008  (frozen)
    ) -> None:  # fmt: skip
        view = wanted.view
        check(data, "masks" in wanted.needs, view.bands)
        self.targets = Targets(samples, wanted.needs, data)
        self.items = samples = self.targets.samples
        self.reader = reader
        self.data = data
        self.plan = plan
        self.share = share
        self.side = side_of(view, data)
        self.view = stored_view(view, data, data.moments)
        is_plain = not data.downsample_p and "masks" not in wanted.needs
        self.is_cut_early = is_plain and self.view.fit == "native"
        if plan.group == "none":
            self._sampler = Sampler(samples, plan.balance, plan.seed, plan.repeat_genuine)
            self.group = 1
        else:
            self._sampler = Groups(samples, plan.group, plan.seed)
            self.group = self._sampler.size
        _check_size(plan, share, self.group)
        kinds = np.array([self.targets.kind(sample) for sample in samples])
        roles = np.minimum(kinds, 1) if plan.group == "none" else kinds
        self._roles, self._alike = roles, {n: np.flatnonzero(roles == n) for n in np.unique(roles)}

    def _submitted(self, epoch: int, step: int, order: Indices) -> "Future[ClipBatch]":
        """Start reading a batch; the thread that reads its last clip puts it together."""
        start = step * self.plan.batch
        groups = range(start, min(start + self.plan.batch, len(order)), self.group)
        jobs = [
            partial(self.drawn, epoch, place, int(order[place]))
            for first in groups[self.share.number :: self.share.of]
            for place in range(first, first + self.group)
        ]
        return self.reader.gathered(jobs, self._batch)

    def drawn(self, epoch: int, place: int, index: int) -> Drawn:
        """Return the clip at a place of an epoch, or another of its class if it is broken."""
        for attempt in range(TRIES):
            # A group's members draw alike: the same moment, crop and distortions.
            drawn = [self.plan.seed, epoch, place // self.group, attempt]
            rng = np.random.default_rng(drawn)
            sample = self.items[index]
            alike = self._alike[self._roles[index]]
            instead = int(alike[rng.integers(len(alike))])
            try:
                return self._drawn(index, sample, rng)
            except MediaError as error:
                self.reader.broken[sample.id] = error.message
            index = instead
        raise DatasetError(
            f"{TRIES} files one after the other could not be read, the last: "
            f"{self.reader.broken[sample.id]}; see 'verilens data doctor'"
        )

    def _drawn(self, index: int, sample: Sample, rng: np.random.Generator) -> Drawn:
        cut = cut_view(self.view, self.side, rng)
        places, found = self._frames(sample, cut if self.is_cut_early else self.view, rng)
        if len({frame.shape for frame in found.values()}) > 1:
            raise MediaError("corrupt", f"{sample.id}: its frames have several sizes")
        if "masks" in self.targets.needs:
            shown = sorted(found)
            masks = mask(self.reader, sample, shown, self.view)
            both = stacked([found[n] for n in shown], masks, sample)
            found = dict(zip(shown, both, strict=True))
        forged = None
        if "spans" in self.targets.needs:
            forged = spans(self.reader, sample, [max(n, 0) for n in places], self.view)
            forged[np.array(places) == ZERO] = 0
        if ZERO in places:
            found[ZERO] = np.zeros_like(next(iter(found.values())))
        pixels = augmented([found[n] for n in places], self.data, cut, rng)
        return Drawn(index, pixels, forged)

    def _frames(
        self, sample: Sample, view: View, rng: np.random.Generator
    ) -> tuple[list[int], dict[int, Pixels]]:
        """Return which moments make the clip, ZERO for black ones, and the pixels of the others."""
        if sample.kind == "frames":
            if not sample.frames:
                raise MediaError("no-frames", f"{sample.id}: a video without frames")
            places = window(len(sample.frames), self.data, rng)
            return places, {n: self._stored_frame(sample, n) for n in {*places} - {ZERO}}
        frames = self.reader.open(sample.uri, view).frames
        places = window(len(frames), self.data, rng)
        return places, {n: frames[n] for n in {*places} - {ZERO}}

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
        frames = torch.from_numpy(np.stack([clip.pixels for clip in drawn])).permute(0, 1, 4, 2, 3)
        shown = [self.items[clip.item] for clip in drawn]
        targets, needs = self.targets, self.targets.needs
        forged = [clip.spans for clip in drawn if clip.spans is not None]
        return ClipBatch(
            frames=frames[:, :, : self.view.bands],
            labels=torch.tensor([float(sample.label) for sample in shown]),
            index=torch.tensor([clip.item for clip in drawn]),
            kinds=torch.tensor([targets.kind(s) for s in shown]) if "kinds" in needs else None,
            domains=torch.tensor([targets.domain(s) for s in shown])
            if "domains" in needs
            else None,
            masks=frames[:, :, self.view.bands :] if "masks" in needs else None,
            spans=torch.from_numpy(np.stack(forged)) if forged else None,
        )


def _check_size(plan: Plan, share: Share, group: int) -> None:
    """Raise ConfigError when a batch cannot be dealt out among devices and parts."""
    parts = share.of * group * (plan.accumulate if group > 1 else 1)
    if plan.batch % parts:
        among = f"{share.of} devices" if share.of > 1 else f"groups of {group}"
        also = f" and {plan.accumulate} parts" if group > 1 and plan.accumulate > 1 else ""
        raise ConfigError(f"plan.batch ({plan.batch}) must divide among {among}{also}")


def ahead(batches: "Iterator[Future[Read]]") -> "Iterator[Read]":
    """Yield what futures give, in order, a few of them under way; what waits is dropped."""
    waiting: deque[Future[Read]] = deque()
    try:
        for batch in batches:
            waiting.append(batch)
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


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
