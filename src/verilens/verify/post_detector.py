"""The contract of methods that read posts: a picture or video with its words in, evidence out."""

from typing import ClassVar, Protocol

from verilens.media.opened import Opened
from verilens.method import Method, Trained
from verilens.records import Claim, Evidence, Post, View


class HasPostView(Protocol):
    """A method's config, as far as callers need it. view: None when it reads no pixels."""

    @property
    def view(self) -> View | None: ...


class PostDetector(Method[Trained]):
    """A method that scores posts: positive logits are fake.

    Subclasses set `name` and `claim`, take a config and implement `inspect`.
    """

    name: ClassVar[str]
    claim: ClassVar[Claim] = "edited"
    config: HasPostView

    def inspect(self, post: Post, opened: Opened) -> Evidence:
        """Return the evidence on one post; MissingWeights when something it reads is not there.

        opened: the post's media, with a clip for `config.view`.
        """
        raise NotImplementedError
