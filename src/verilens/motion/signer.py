"""The contract of what signs: a sentence in, a movement out."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.batch import TextPoseBatch
from verilens.method import Method
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


class Signer(Method[TextPoseBatch]):
    """A network that signs.

    Subclasses set `name`, take a config and implement `produce`.
    """

    name: ClassVar[str]
    config: SignConfig

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


def padded(rows: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, Tensor]:
    """Return rows of ids filled up to the longest, (B, N) int64, and their lengths, (B,)."""
    counts = torch.tensor([len(row) for row in rows])
    table = torch.full((len(rows), max(1, int(counts.max()))), fill)
    for place, row in enumerate(rows):
        table[place, : len(row)] = torch.tensor(row, dtype=torch.long)
    return table, counts
