"""APLT and its baselines on one graph network.

A batch holds clips with labels and, with label -1, clips without. `relabel` is the offline phase;
whoever trains calls it before every epoch with all clips.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from verilens.batch import PoseBatch
from verilens.method import Loss
from verilens.motion.aplt.config import Config
from verilens.motion.aplt.offline import Phase, offline
from verilens.motion.augment import Moved, changed
from verilens.motion.recognizer import PASS, Recognizer, classified, parents
from verilens.motion.streams import CHANNELS, shown
from verilens.motion.stretch import Change
from verilens.nn.graph import GraphTrunk
from verilens.poses import skeletons

UNKNOWN = -1  # label of a clip without one


class Taught(NamedTuple):
    """Labels for the clips without one: labels (U,), and how much each counts, (U,)."""

    labels: Tensor
    share: Tensor


class APLT(Recognizer):
    """A graph network that also learns from clips without labels.

    means: the frozen classifier of the last offline phase, (C, D), 0 before the first one.
    phase: what that phase found; None before. updates: how many phases there were.
    """

    name = "aplt"
    learns_unlabelled = True
    of_classes = ("classify.", "means")
    config: Config
    means: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        self.config = config = config or Config()
        self.parents = parents(config.stretch.skeleton)
        size = (config.width, config.blocks, config.grown)
        self.trunk = GraphTrunk(self.parents, CHANNELS, *size)
        self.classify = nn.Linear(self.trunk.channels, config.classes)
        self.register_buffer("means", torch.zeros(config.classes, self.trunk.channels))
        self.phase: Phase | None = None
        self.offset = 0  # of the unlabelled clips among those of the phase
        self.updates = 0
        self.epoch = 0

    def features(self, joints: Tensor, confidence: Tensor) -> Tensor:
        """Return what the classifiers read, (B, D)."""
        x = shown(joints, confidence, "j", self.parents)
        pooled: Tensor = self.trunk(x).mean((1, 3, 4))
        return pooled

    def forward(self, joints: Tensor, confidence: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.features(joints, confidence))
        return logits

    def remembered(self, features: Tensor) -> Tensor:
        """Return the logits of the frozen classifier: cosines over the temperature, (B, C)."""
        return normalize(features, dim=1) @ self.means.T / self.config.temperature

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the loss on clips with labels and, weighted, on those without."""
        known = batch.labels >= 0
        unknown = ~known
        weak, strong = self.config.change, self.config.strong
        parts = [self._changed(batch, known, weak)]
        learns = self.config.scheme != "supervised" and self.epoch >= self.config.warmup
        if learns and bool(unknown.any()):
            parts.append(self._changed(batch, unknown, strong))
            if self.config.scheme in ("fixmatch", "pseudo"):
                parts.append(self._changed(batch, unknown, weak))
        joints, confidence = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        sizes = [len(part.joints) for part in parts]
        features = torch.split(self.features(joints, confidence), sizes)
        told = self._labelled(features[0], batch.labels[known])
        if len(parts) == 1:
            return told
        taught = self._taught(batch, unknown, features)
        extra = self._unlabelled(features[1], taught)
        parts_told = {**told.parts, "unlabelled": extra.detach(), "kept": taught.share.mean()}
        return Loss(told.total + self.config.weight * extra, parts_told)

    def _labelled(self, features: Tensor, labels: Tensor) -> Loss:
        told = classified(self.classify(features), labels)
        if not self._has_memory:
            return told
        remembered = cross_entropy(self.remembered(features), labels)
        return Loss(told.total + remembered, {**told.parts, "memory": remembered.detach()})

    def _unlabelled(self, features: Tensor, taught: Taught) -> Tensor:
        logits = [self.classify(features)]
        if self._has_memory:
            logits.append(self.remembered(features))
        each = sum(cross_entropy(found, taught.labels, reduction="none") for found in logits)
        is_aplt = self.config.scheme == "aplt"  # a mean of what is kept; FixMatch's is over all
        total = taught.share.sum().clamp(min=1) if is_aplt else len(taught.share)
        found: Tensor = (each * taught.share).sum() / total
        return found

    def _taught(self, batch: PoseBatch, unknown: Tensor, features: tuple[Tensor, ...]) -> Taught:
        if self.config.scheme == "aplt":
            return self._stored(batch, unknown)
        return self._sure(self.classify(features[2]).detach())

    def _sure(self, logits: Tensor) -> Taught:
        sure, labels = logits.softmax(1).max(1)
        least = self.config.threshold if self.config.scheme == "fixmatch" else 0.0
        return Taught(labels, (sure >= least).float())

    def _stored(self, batch: PoseBatch, unknown: Tensor) -> Taught:
        """Return the labels of the last offline phase; nothing counts before the first."""
        count = int(unknown.sum())
        if self.phase is None or batch.index is None:
            empty = batch.joints.new_zeros(count)
            return Taught(empty.long(), empty)
        at = batch.index.to(unknown.device)[unknown].cpu() + self.offset
        labels = self.phase.labels[at].to(unknown.device)
        return Taught(labels, self.phase.kept[at].float().to(unknown.device))

    def taught(self, labelled: PoseBatch, unlabelled: PoseBatch) -> Taught:
        """Return the labels it would give now to clips without, and which of them would count."""
        was_training = self.training
        self.eval()
        if self.config.scheme == "aplt":
            phase = self._offline(labelled, unlabelled)
            found = Taught(phase.labels[self.offset :], phase.kept[self.offset :].float())
        else:
            with torch.no_grad():
                parts = [_part(unlabelled, n) for n in range(0, len(unlabelled), PASS)]
                logits = torch.cat([self(*(x.to(self.device) for x in part)) for part in parts])
            found = self._sure(logits.cpu())
        self.train(was_training)
        return found

    def relabel(self, epoch: int, labelled: PoseBatch, unlabelled: PoseBatch) -> None:
        """Do the offline phase if it is due before `epoch`, counted from 0.

        Clips are in the order of `index`; labels of `unlabelled` are not read.
        """
        self.epoch = epoch
        config = self.config
        since = epoch - config.warmup
        if config.scheme != "aplt" or since < 0:
            return
        if since % config.round_epochs and self.phase is not None:  # None: the run goes on anew
            return
        was_training = self.training
        self.eval()
        self.phase = self._offline(labelled, unlabelled)
        self.means.copy_(self.phase.means)
        self.updates += 1
        self.train(was_training)

    def _offline(self, labelled: PoseBatch, unlabelled: PoseBatch) -> Phase:
        copies = [None, *[self.config.change] * self.config.copies]
        with torch.random.fork_rng():  # the same copies whenever the run was interrupted
            torch.manual_seed(self.epoch)
            features = [self._embedded(labelled, change) for change in copies]
        known = labelled.labels.cpu().repeat(len(copies))
        self.offset = len(known)
        labels = torch.cat([known, torch.full((len(unlabelled),), UNKNOWN)])
        whole = torch.cat([*features, self._embedded(unlabelled, None)])
        return offline(whole, labels, self.config.classes, self.config.temperature)

    @torch.no_grad()
    def _embedded(self, clips: PoseBatch, change: Change | None) -> Tensor:
        found = []
        for start in range(0, len(clips), PASS):
            part = _part(clips, start)
            moved = self._moved(part, change) if change else part
            found.append(self.features(*(x.to(self.device) for x in moved)))
        return normalize(torch.cat(found), dim=1).cpu()

    def _moved(self, moved: Moved, change: Change) -> Moved:
        mirror = skeletons.skeleton(self.config.stretch.skeleton).flip
        return changed(moved.joints, moved.confidence, change, mirror)

    def _changed(self, batch: PoseBatch, chosen: Tensor, change: Change) -> Moved:
        return self._moved(Moved(batch.joints[chosen], batch.confidence[chosen]), change)

    @property
    def _has_memory(self) -> bool:
        return bool(self.means.any())


def _part(clips: PoseBatch, start: int) -> Moved:
    """Return one pass's worth of clips."""
    end = start + PASS
    return Moved(clips.joints[start:end], clips.confidence[start:end])
