"""Small motion sets, packed into one file each: many clips with their class, subject and view.

A pack is an .npz file with names, lengths and joints of all clips one after the other. What a name
says is read here; splits are left to the protocols.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError, MediaError, UnknownName
from verilens.poses.arrays import read_arrays
from verilens.poses.make import make_pose
from verilens.records import Pose

NW_UCLA = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
MSR_ACTION3D = (
    *("high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch"),
    *("high throw", "draw x", "draw tick", "draw circle", "hand clap", "two hand wave"),
    *("side boxing", "bend", "forward kick", "side kick", "jogging", "tennis swing"),
    *("tennis serve", "golf swing", "pick up and throw"),
)
UTKINECT = (
    *("walk", "sitDown", "standUp", "pickUp", "carry", "throw", "push", "pull", "waveHands"),
    "clapHands",
)
CMU = (
    *("basketball", "basketball_signal", "directing_traffic", "jumping", "running", "soccer"),
    *("walking", "washwindow"),
)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A clip of a motion set.

    name: unique in its set. label: class, from 0; action: the same in words. subject, view, index:
    numbers out of the name, 0 where it has none. split: as published, "" where the set has none;
    several have a comma between them. others: further persons, as long as the first.
    """

    name: str
    pose: Pose
    label: int
    action: str
    subject: int = 0
    view: int = 0
    index: int = 0
    split: str = ""
    others: tuple[Pose, ...] = ()

    @property
    def persons(self) -> tuple[Pose, ...]:
        """All persons of the clip."""
        return (self.pose, *self.others)


def packed(root: Path, name: str) -> Iterator[Labelled]:
    """Yield the clips of a set, whose folder lies in `root`; see `SETS` for their names."""
    if name not in SETS:
        raise UnknownName(f"no motion set {name!r}: known are {', '.join(SETS)}")
    folder = root / name
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; it should hold the set {name}")
    yield from SETS[name](folder)


def clips(path: Path) -> Iterator[tuple[str, list[Pose]]]:
    """Yield the clips of a pack by its file, whose folder has the name of its set."""
    for each in packed(path.parent.parent, path.parent.name):
        yield each.name, [each.pose]


def _nw_ucla(folder: Path) -> Iterator[Labelled]:
    labels = {action: label for label, action in enumerate(NW_UCLA)}
    for name, joints in _clips(folder / "nw_ucla_skeletons.npz", "joints"):
        action, subject, index, view = _counted(name, "a", "s", "e", "v")
        pose = make_pose(joints, None, "kinect20", 30, units="m", frame="world")
        yield Labelled(
            name=name,
            pose=pose,
            label=labels[action],
            action=NW_UCLA[action],
            subject=subject,
            view=view,
            index=index,
        )


def _msr_action3d(folder: Path) -> Iterator[Labelled]:
    """Of 567 clips, the 557 whose skeletons are usable, as its authors list them."""
    listed = folder / "files_used_in_cvpr12_paper.txt"
    used = set(listed.read_text(encoding="utf-8").split()) if listed.is_file() else None
    for name, values in _clips(folder / "msr_action3d_skeletons.npz", "joints"):
        if used is not None and name not in used:
            continue
        action, subject, index = _counted(name, "a", "s", "e")
        pose = make_pose(values[..., :3], None, "msr20", 15, units="m", frame="world")
        yield Labelled(
            name=name,
            pose=pose,
            label=action - 1,
            action=MSR_ACTION3D[action - 1],
            subject=subject,
            index=index,
        )


def _utkinect(folder: Path) -> Iterator[Labelled]:
    """Cut the ten actions out of each sequence; one has no end and is left out."""
    arrays = _arrays(folder / "utkinect_joints.npz", "names", "lengths", "frame_ids", "joints")
    spans = _spans(folder / "actionLabel.txt")
    ends = np.cumsum(arrays["lengths"])
    for name, start, end in zip(arrays["names"], [0, *ends[:-1]], ends, strict=True):
        moments = arrays["frame_ids"][start:end]
        subject, index = _counted(str(name).removeprefix("joints_"), "s", "e")
        for action, (first, last) in spans.get((subject, index), {}).items():
            inside = (moments >= first) & (moments <= last)
            joints = arrays["joints"][start:end][inside]
            if not len(joints):
                continue
            yield Labelled(
                name=f"{name}/{action}",
                pose=make_pose(joints, None, "kinect20", 15, units="m", frame="world"),
                label=UTKINECT.index(action),
                action=action,
                subject=subject,
                index=index,
            )


def _sfinge3d(folder: Path) -> Iterator[Labelled]:
    for name, joints in _clips(folder / "sfinge3d_dictionary.npz", "positions"):
        action, index = (int(part) for part in name.split("/"))
        pose = make_pose(joints, None, "sfinge20", 20, frame="world")
        yield Labelled(
            name=name, pose=pose, label=action - 1, action=f"gesture {action}", index=index
        )


def _cmu_mocap(folder: Path) -> Iterator[Labelled]:
    for name, joints in _clips(folder / "cmu_mocap_8actions.npz", "joints_xyz"):
        split, action, file = name.split("/")
        yield Labelled(
            name=name,
            pose=make_pose(joints, None, "cmu38", 60, units="mm", frame="world"),
            label=CMU.index(action),
            action=action,
            index=int(file.rpartition("_")[2]),
            split=split,
        )


SETS: dict[str, Callable[[Path], Iterator[Labelled]]] = {
    "nw_ucla": _nw_ucla,
    "msr_action3d": _msr_action3d,
    "utkinect": _utkinect,
    "sfinge3d": _sfinge3d,
    "cmu_mocap": _cmu_mocap,
}


def _clips(path: Path, joints: str) -> Iterator[tuple[str, NDArray[Any]]]:
    arrays = _arrays(path, "names", "lengths", joints)
    edges = [0, *np.cumsum(arrays["lengths"]).tolist()]
    if edges[-1] != len(arrays[joints]) or len(edges) != len(arrays["names"]) + 1:
        raise DatasetError(f"{path}: lengths do not add up to its {len(arrays[joints])} frames")
    for name, (start, end) in zip(arrays["names"], pairwise(edges), strict=True):
        yield str(name), arrays[joints][start:end]


def _arrays(path: Path, *needed: str) -> dict[str, NDArray[Any]]:
    try:
        arrays = read_arrays(path)
    except MediaError as error:
        raise DatasetError(error.message) from error
    if lacking := [name for name in needed if name not in arrays]:
        raise DatasetError(f"{path}: no array {', '.join(lacking)}")
    return arrays


def _counted(name: str, *letters: str) -> list[int]:
    """Return the numbers of a name such as a01_s02_e03."""
    found = re.fullmatch("_".join(rf"{letter}(\d+)" for letter in letters), name)
    if not found:
        raise DatasetError(f"{name!r} is no name like {'_'.join(f'{x}01' for x in letters)}")
    return [int(number) for number in found.groups()]


def _spans(path: Path) -> dict[tuple[int, int], dict[str, tuple[float, float]]]:
    spans: dict[tuple[int, int], dict[str, tuple[float, float]]] = {}
    sequence = (0, 0)
    for line in path.read_text(encoding="utf-8").split("\n"):
        if found := re.fullmatch(r"s(\d+)_e(\d+)\s*", line):
            sequence = (int(found[1]), int(found[2]))
        elif found := re.fullmatch(r"(\w+): *(\d+) +(\d+)\s*", line):
            spans.setdefault(sequence, {})[found[1]] = (int(found[2]), int(found[3]))
    return spans
