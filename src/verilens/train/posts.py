"""Batches of posts for training, and their logits for validation.

    samples -> pixels, where the method reads some -> `PostDetector.batch` -> fit

A post whose media cannot be read is named in `Reader.broken`: in training another of its class
takes its place, in validation it is left out.
"""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch

from verilens.batch import Batch
from verilens.errors import ConfigError, DatasetError, MediaError
from verilens.records import Sample
from verilens.train.data import TRIES, InOrder, Share
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.train.sampling import Indices, Sampler
from verilens.verify.post_detector import PostDetector, Shown

AT_ONCE = 8  # posts of one pass in validation


class PostBatches(InOrder[Batch]):
    """The batches of a plan; see `loop.Batches`. The last one of an epoch is full or left out.

    share: of every batch, for one of several devices.
    """

    def __init__(
        self, samples: Sequence[Sample], reader: Reader, method: PostDetector[Any], plan: Plan,
        share: Share = Share(),  # noqa: B008  (frozen)
    ) -> None:  # fmt: skip
        if plan.group != "none":
            raise ConfigError("plan.group cuts pictures alike; of posts leave it out")
        if plan.batch % share.of:
            raise ConfigError(f"plan.batch ({plan.batch}) must divide among {share.of} devices")
        self.items, self.reader, self.method = samples, reader, method
        self.plan, self.share = plan, share
        self._sampler = Sampler(samples, plan.balance, plan.seed, plan.repeat_genuine)
        labels = np.array([sample.label for sample in samples])
        self._alike = {int(label): np.flatnonzero(labels == label) for label in np.unique(labels)}

    def _submitted(self, epoch: int, step: int, order: Indices) -> "Future[Batch]":
        """Start reading a batch; the thread that reads its last post puts it together."""
        first = step * self.plan.batch
        places = range(first, min(first + self.plan.batch, len(order)))
        mine = places[self.share.number :: self.share.of]
        jobs = [partial(self._shown, epoch, place, int(order[place])) for place in mine]
        rng = random.Random(f"{self.plan.seed} {epoch} {step} {self.share.number}")
        return self.reader.gathered(jobs, partial(self.method.batch, rng=rng))

    def _shown(self, epoch: int, place: int, index: int) -> Shown:
        """Return the post at a place of an epoch, or another of its class if it is broken."""
        rng = np.random.default_rng([self.plan.seed, epoch, place])
        for _ in range(TRIES):
            sample = self.items[index]
            try:
                return shown(self.method, sample, self.reader)
            except MediaError as error:
                self.reader.broken[sample.id] = error.message
            index = int(rng.choice(self._alike[sample.label]))
        raise DatasetError(
            f"{TRIES} posts one after the other could not be read, the last: "
            f"{self.reader.broken[sample.id]}; see 'verilens data doctor'"
        )


def shown(method: PostDetector[Any], sample: Sample, reader: Reader) -> Shown:
    """Return a post with the pixels that the method reads. On a thread of the reader. MediaError"""
    view = method.pixels_of(sample)
    return Shown(sample, None if view is None else reader.clip(sample, view))


@torch.inference_mode()
def logits(
    method: PostDetector[Any], samples: Sequence[Sample], reader: Reader
) -> Iterator[tuple[Sample, float]]:
    """Yield every post that can be read with its logit, in order."""

    def read(sample: Sample) -> Shown | None:
        try:
            return shown(method, sample, reader)
        except MediaError as error:
            reader.broken[sample.id] = error.message
            return None

    device = next(method.parameters()).device
    found = filter(None, reader.ahead(partial(read, sample) for sample in samples))
    while some := list(islice(found, AT_ONCE)):
        answers = method.logits(method.batch(some).to(device)).double().cpu()
        yield from zip((post.sample for post in some), answers.tolist(), strict=True)


def check(data: Data) -> None:
    """Raise ConfigError when `data` asks for what is not done to posts."""
    default = Data()
    for name in (
        "flip",
        "crop_px",
        "resize_px",
        "jpeg_p",
        "blur_p",
        "noise_p",
        "grey_p",
        "perturb",
    ):
        if getattr(data, name) != getattr(default, name):
            raise ConfigError(
                f"data.{name} is for pictures alone; methods of posts say what they do"
            )
