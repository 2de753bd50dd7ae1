"""The contract of methods that recognise movement: poses in, class scores out.

A recogniser states in `config.stretch` what of a movement it reads. Cutting it, averaging several
samplings of one clip and naming the classes are the same for all, so they live here.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from verilens.batch import PoseBatch
from verilens.method import Loss, Method
from verilens.motion.augment import Moved, changed
from verilens.motion.stretch import Change, Cut, Stretch, cut
from verilens.poses import skeletons
from verilens.records import Pose

TOP = 5
HUBS = {"ntu25": "thorax"}  # where published graphs have another middle than the root
PASS = 64  # clips of one forward pass


class Readable(Protocol):
    """A recogniser's config, as far as callers need it.

    classes: how many there are. labels: their names, empty or as many as `classes`.
    """

    @property
    def stretch(self) -> Stretch: ...
    @property
    def classes(self) -> int: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def change(self) -> Change: ...


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One class a movement may belong to. number: from 0; label: its name, or the number."""

    number: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """What a recogniser says of one clip: the best guesses, most probable first."""

    guesses: tuple[Guess, ...]
    probabilities: NDArray[np.float64]


class Recognizer(Method[PoseBatch]):
    """A method that classifies movement.

    Subclasses set `name`, take a config and implement `forward`.

    learns_unlabelled: its batches may hold clips with label -1, and it has `relabel`, see
        `PartlyTaught`.
    of_classes: beginnings of the names of weights that know the classes; they begin anew where
        training begins with weights of other classes.
    """

    name: ClassVar[str]
    learns_unlabelled: ClassVar[bool] = False
    of_classes: ClassVar[tuple[str, ...]] = ("classify.",)
    config: Readable

    def forward(self, joints: Tensor, confidence: Tensor) -> Tensor:
        """Return logits, (B, classes) float32.

        joints: as `config.stretch` cuts them, (B, M, T, J, D) float32. confidence: (B, M, T, J).
        """
        raise NotImplementedError

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return cross-entropy over varied movements."""
        logits = self(*self.varied(batch))
        return classified(logits, batch.labels)

    def varied(self, batch: PoseBatch) -> Moved:
        """Return the batch's movements, changed as `config.change` says while training."""
        if not self.training:
            return Moved(batch.joints, batch.confidence)
        mirror = skeletons.skeleton(self.config.stretch.skeleton).flip
        return changed(batch.joints, batch.confidence, self.config.change, mirror)

    @property
    def device(self) -> torch.device:
        """Return where the weights are."""
        return next(self.parameters()).device

    def recognize(self, clips: Sequence[Sequence[Pose]]) -> list[Recognition]:
        """Return the five most probable classes of each clip.

        clips: the persons of each. MediaError for a clip without frames; UnknownName for joints
        that no table converts.
        """
        found = self.probabilities(clips)
        return [Recognition(guesses=self._named(row), probabilities=row) for row in found]

    @torch.inference_mode()
    def probabilities(self, clips: Sequence[Sequence[Pose]]) -> NDArray[np.float64]:
        """Return the mean probability over `stretch.views` samplings, (N, classes)."""
        stretch = self.config.stretch
        total = np.zeros((len(clips), self.config.classes))
        self.eval()
        for view in range(stretch.views):
            for start in range(0, len(clips), PASS):
                part = np.s_[start : start + PASS]
                joints, confidence = stacked(
                    [cut(clip, stretch, view) for clip in clips[part]], stretch
                )
                logits = self(joints.to(self.device), confidence.to(self.device))
                total[part] += logits.double().softmax(1).cpu().numpy()
        return total / stretch.views

    def _named(self, row: NDArray[np.float64]) -> tuple[Guess, ...]:
        names = self.config.labels or tuple(map(str, range(self.config.classes)))
        best = np.argsort(-row, kind="stable")[:TOP]
        return tuple(Guess(number=int(n), label=names[n], probability=float(row[n])) for n in best)


class PartlyTaught(Protocol):
    """A recogniser that also learns from clips without labels."""

    def relabel(self, epoch: int, labelled: PoseBatch, unlabelled: PoseBatch) -> None:
        """Look at all clips before `epoch`, counted from 0; labels of `unlabelled` are not read."""


def classified(logits: Tensor, labels: Tensor) -> Loss:
    """Return cross-entropy. logits: (B, classes); labels: (B,) int64."""
    each = cross_entropy(logits, labels, reduction="none")
    total = each.mean()
    return Loss(total=total, parts={"ce": total.detach()}, each=each)


def stacked(cuts: Sequence[Cut], stretch: Stretch) -> Moved:
    """Return cuts of one stretch as tensors, batch first; there may be none."""
    joints = len(skeletons.skeleton(stretch.skeleton))
    shape = (len(cuts), stretch.persons, stretch.frames, joints)
    found = np.zeros((*shape, stretch.dims), np.float32), np.zeros(shape, np.float32)
    for n, one in enumerate(cuts):
        found[0][n], found[1][n] = one
    return Moved(*map(torch.from_numpy, found))


def parents(name: str) -> tuple[int, ...]:
    """Return which joint each hangs on in graphs and bones, the hub on itself; UnknownName."""
    skeleton = skeletons.skeleton(name)
    if name in HUBS:
        skeleton = dataclasses.replace(skeleton, root=skeleton.index(HUBS[name]))
    return tuple(n if parent < 0 else parent for n, parent in enumerate(skeleton.parents))
