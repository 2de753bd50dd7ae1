"""The contract of what signs: a sentence in, a movement out."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.batch import TextPoseBatch
from verilens.errors import MissingWeights
from verilens.method import Method
from verilens.motion.sentences import Sentences
from verilens.motion.submission import Signed
from verilens.motion.vocabulary import END, TEXT, Vocabulary
from verilens.poses.skeletons import skeleton
from verilens.records import Pose


class Signs(Protocol):
    """Anything that signs, learned or not."""

    def sign(self, text: str, frames: int = 0) -> Pose:
        """Return the movement that says `text`; frames: how long it shall be, 0 for free."""


class SignConfig(Protocol):
    """A signer's config, as far as callers need it."""

    @property
    def skeleton(self) -> str: ...
    @property
    def fps(self) -> float: ...
    @property
    def words(self) -> tuple[str, ...]: ...
    @property
    def word_count(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def longest(self) -> int: ...


class Signer(Method[TextPoseBatch]):
    """A network that signs.

    Subclasses set `name`, take a config and implement `produce`. `text` numbers the words and
    `words` embeds them: those of the config, or as many as it counts until a corpus is known.
    """

    name: ClassVar[str]
    config: SignConfig

    def __init__(self, config: SignConfig) -> None:
        super().__init__()
        self.config = config
        self.text = Vocabulary(config.words, TEXT)
        count = len(self.text) if config.words else config.word_count + len(TEXT)
        self.words = nn.Embedding(count, config.width)

    def sentences(self, signed: Sequence[Signed], batch: int, seed: int) -> Sentences:
        """Return signed sentences as this method is trained on them."""
        return Sentences(
            signed=signed,
            words=self.text,
            batch=batch,
            seed=seed,
            longest=self.config.longest,
            end=self.text.ids[END],
        )

    def ids(self, text: str) -> list[int]:
        """Return the numbers of a sentence's words, its end included. MissingWeights."""
        if not self.config.words:
            raise MissingWeights(f"{self.name}: these weights name no words; train with a corpus")
        return [*self.text.encode(text), self.text.ids[END]]

    def produce(self, text: str, frames: int) -> Tensor:
        """Return the joints of one sentence, (T, J, 3); frames: T, or 0 to choose."""
        raise NotImplementedError

    @torch.inference_mode()
    def sign(self, text: str, frames: int = 0) -> Pose:
        """Return the movement that says `text`; frames: how long it shall be, 0 for free."""
        return movement(self.produce(text, frames).cpu().numpy(), self.config)


def movement(joints: NDArray[np.float32], config: SignConfig) -> Pose:
    """Return joints (T, J, 3) as the record of a skeleton, every joint sure."""
    return Pose(
        joints=joints.astype(np.float32),
        confidence=np.ones(joints.shape[:2], np.float32),
        skeleton=skeleton(config.skeleton),
        fps=config.fps,
        frame="camera",
    )
