"""The contract of methods that read posts: a picture or video with its words in, evidence out."""

import random
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor

from verilens.media.opened import Opened
from verilens.method import Method, Trained
from verilens.records import Claim, Clip, Evidence, Post, Sample, View


class HasPostView(Protocol):
    """A method's config, as far as callers need it. view: None when it reads no pixels."""

    @property
    def view(self) -> View | None: ...


class Shown(NamedTuple):
    """A post of a data set. clip: what `PostDetector.pixels_of` asks for, None where it is None."""

    sample: Sample
    clip: Clip | None


class PostDetector(Method[Trained]):
    """A method that scores posts: positive logits are fake.

    Subclasses set `name` and `claim`, take a config and implement `inspect`, and for training
    `batch` and `logits`.
    """

    name: ClassVar[str]
    claim: ClassVar[Claim] = "edited"
    config: HasPostView

    def inspect(self, post: Post, opened: Opened) -> Evidence:
        """Return the evidence on one post; MissingWeights when something it reads is not there.

        opened: the post's media, with a clip for `config.view`.
        """
        raise NotImplementedError

    def pixels_of(self, sample: Sample) -> View | None:
        """Return what is cut from a sample's media for `batch`; None when they are not opened."""
        return self.config.view

    def batch(self, shown: Sequence[Shown], rng: random.Random | None = None) -> Trained:
        """Return posts with their labels, as the method reads them.

        rng: draws what is done to them in training; None leaves them as they are. DatasetError,
        MissingWeights when something that the method reads is not there.
        """
        raise NotImplementedError

    def logits(self, batch: Trained) -> Tensor:
        """Return one logit a post, (B,), that of `inspect`."""
        raise NotImplementedError
