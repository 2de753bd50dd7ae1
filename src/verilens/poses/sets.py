"""Motion sets as training and judging take them: clips with classes, divided by a protocol.

cross-subject   odd subjects train, even ones test        cross-view   the last view tests
index           every fourth of a class tests             published    as the set says itself
all             every clip trains, none tests: for weights that other sets start from
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, DatasetError
from verilens.poses.packs import SETS, Labelled, packed
from verilens.poses.pyskl import read_annotations
from verilens.poses.read import READERS, read

USUAL = {
    "nw_ucla": "cross-view",
    "msr_action3d": "cross-subject",
    "utkinect": "cross-subject",
    "sfinge3d": "index",
    "cmu_mocap": "published",
}
EVERY = 4  # of the index protocol


@dataclass(frozen=True, kw_only=True)
class MotionSet:
    """Clips of one set. actions: the classes in words, in the order of their numbers."""

    name: str
    clips: tuple[Labelled, ...]
    actions: tuple[str, ...]

    @property
    def skeleton(self) -> str:
        """Return the name of the skeleton that the clips have."""
        return self.clips[0].pose.skeleton.name

    @property
    def usual(self) -> str:
        """Return the protocol that the set is judged by unless another is named."""
        return USUAL.get(self.name, "published" if self.clips[0].split else "index")


class Divided(NamedTuple):
    """The clips that a protocol gives to training and those it keeps for the test."""

    train: tuple[Labelled, ...]
    test: tuple[Labelled, ...]


def open_set(folder: Path) -> MotionSet:
    """Return the set in a folder or a file.

    A known pack by the folder's name, a folder with one for each class, or a pickle of pyskl.

    DatasetError when it holds no clips, or clips of several skeletons.
    """
    folder = folder.resolve()
    name = folder.name
    if name in SETS:
        clips = tuple(packed(folder.parent, name))
    else:
        clips = tuple(_pickled(folder) if folder.is_file() else _files(folder))
    if not clips:
        raise DatasetError(
            f"{folder}: no clips; it should be one of {', '.join(SETS)}, or hold a folder for each "
            f"class with pose files ({', '.join(READERS)})"
        )
    skeletons = sorted({clip.pose.skeleton.name for clip in clips})
    if len(skeletons) > 1:
        raise DatasetError(f"{folder}: clips of several skeletons: {', '.join(skeletons)}")
    named = {clip.label: clip.action for clip in clips}
    actions = tuple(named.get(n, str(n)) for n in range(max(named) + 1))
    return MotionSet(name=name, clips=clips, actions=actions)


def joined(sets: Sequence[MotionSet]) -> MotionSet:
    """Return the clips of several sets as one; classes of the same name are one class.

    The skeleton is the first set's; who reads clips of another converts them, as always.
    """
    if len(sets) == 1:
        return sets[0]
    actions = tuple(dict.fromkeys(action for motion in sets for action in motion.actions))
    number = {action: n for n, action in enumerate(actions)}
    clips = tuple(
        dataclasses.replace(clip, label=number[motion.actions[clip.label]])
        for motion in sets
        for clip in motion.clips
    )
    return MotionSet(name="+".join(motion.name for motion in sets), clips=clips, actions=actions)


def divide(motion: MotionSet, protocol: str = "") -> Divided:
    """Return the training and the test clips; "" is the set's usual protocol.

    ConfigError when the set does not say what the protocol divides by.
    """
    protocol = protocol or motion.usual
    clips = motion.clips
    if protocol == "all":
        return Divided(clips, ())
    if protocol == "cross-subject":
        is_test = [clip.subject % 2 == 0 for clip in clips]
        _need(all(clip.subject for clip in clips), motion, protocol)
    elif protocol == "cross-view":
        last = max(clip.view for clip in clips)
        is_test = [clip.view == last for clip in clips]
        _need(all(clip.view for clip in clips), motion, protocol)
    elif protocol == "index":
        is_test = [clip.index % EVERY == 0 for clip in clips]
    else:
        return _published(motion, protocol)
    pairs = list(zip(clips, is_test, strict=True))
    divided = Divided(*(tuple(c for c, test in pairs if test == side) for side in (False, True)))
    _need(bool(divided.train and divided.test), motion, protocol)
    return divided


def _published(motion: MotionSet, protocol: str) -> Divided:
    """Return the clips of a split that the set names; validation clips test where none else do."""
    prefix = "" if protocol == "published" else f"{protocol}_"
    of = {
        split: tuple(c for c in motion.clips if f"{prefix}{split}" in c.split.split(","))
        for split in ("train", "val", "test")
    }
    divided = Divided(of["train"], of["test"] or of["val"])
    _need(bool(divided.train and divided.test), motion, protocol)
    return divided


def labelled(clips: Sequence[Labelled], share: float, seed: int) -> NDArray[np.bool_]:
    """Return which clips keep their label, (N,): a share of each class, at least one."""
    if not 0 < share <= 1:
        raise ConfigError(f"the share of labels must lie in (0, 1], not {share}")
    labels = np.array([clip.label for clip in clips])
    kept = np.zeros(len(clips), bool)
    rng = np.random.default_rng([seed, len(clips)])
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        kept[rng.permutation(members)[: max(1, round(share * len(members)))]] = True
    return kept


def digest(clips: Sequence[Labelled]) -> str:
    """Return a hash of the clips, whatever machine they lie on."""
    total = hashlib.sha256()
    for clip in clips:
        total.update(f"{clip.name} {clip.label} {clip.pose.joints.shape}".encode())
        total.update(clip.pose.joints.tobytes())
    return total.hexdigest()


def _need(is_met: bool, motion: MotionSet, protocol: str) -> None:
    if not is_met:
        own = sorted({split for clip in motion.clips for split in clip.split.split(",") if split})
        raise ConfigError(
            f"{motion.name} does not say what protocol '{protocol}' divides by; its usual one is "
            f"'{motion.usual}', others are cross-subject, cross-view, index, all"
            + (f", and what names its splits: {', '.join(own)}" if own else "")
        )


def _pickled(path: Path) -> Iterator[Labelled]:
    for index, found in enumerate(read_annotations(path)):
        if found.label < 0 or not found.poses:
            raise DatasetError(f"{path}: clip {found.name} has no label or nobody in it")
        yield Labelled(
            name=found.name,
            pose=found.poses[0],
            others=tuple(found.poses[1:]),
            label=found.label,
            action=str(found.label),
            index=index,
            split=",".join(found.splits),
        )


def _files(folder: Path) -> list[Labelled]:
    """Return the pose files of a folder of classes."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder")
    found = []
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    for label, inner in enumerate(classes):
        paths = sorted(path for path in inner.iterdir() if path.suffix.lower() in READERS)
        for index, path in enumerate(paths):
            first, *others = read(path)
            found.append(
                Labelled(
                    name=f"{inner.name}/{path.name}",
                    pose=first,
                    others=tuple(others),
                    label=label,
                    action=inner.name,
                    index=index,
                )
            )
    return found
