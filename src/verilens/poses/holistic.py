"""Poses from .pose files and back: what their components and points are called here.

MediaPipe and OpenPose components get the joint names of `skeletons.toml`, so that the reduced 178,
543 and 553 points are named skeletons. World landmarks are in metres, so they are left out of a
pose in pixels. What else a file names keeps its names.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from verilens.errors import MediaError
from verilens.poses.make import MAX_PEOPLE, make_pose, own_skeleton, same_kind
from verilens.poses.pose_format import Component, PoseFile, dump, load
from verilens.poses.skeletons import skeleton
from verilens.records import Pose, Skeleton

HAND = re.compile(
    r"(left|right)_(hand_wrist|(?:thumb|index|middle|ring|pinky)_(?:cmc|mcp|pip|dip|ip|tip))"
)
MESH = re.compile(r"mesh_(\d+)")
SIDE = re.compile(r"(?:^|_)(left|right)(?:_|$)")
OPENPOSE = {"pose_keypoints_2d": "openpose25", "face_keypoints_2d": "face70"}
COLOURS = {"POSE_LANDMARKS": (255, 0, 0), "FACE_LANDMARKS": (128, 0, 0)}
HAND_COLOUR = (0, 128, 0)


class Part(NamedTuple):
    """A stretch of joints that one component holds."""

    name: str
    start: int
    points: tuple[str, ...]


def read_pose(path: Path) -> list[Pose]:
    """Return the persons of a .pose file."""
    return poses_of(load(path), path.stem)


def write_pose(path: Path, poses: Sequence[Pose]) -> None:
    """Write persons of one skeleton and length as version 0.2."""
    path.write_bytes(dump(file_of(poses)))


def poses_of(file: PoseFile, name: str) -> list[Pose]:
    """Return the persons of a file; `name` is for a skeleton of its own."""
    of, kept = _skeleton(file, name)
    three = any("Z" in part.axes for part in file.components)
    people = file.values.shape[1]
    if people > MAX_PEOPLE:
        raise MediaError("too-large", f"{name}: {people} persons")
    width, height = file.size[:2]
    return [
        make_pose(
            file.values[:, person, kept, : 3 if three else 2],
            file.confidence[:, person, kept],
            of,
            file.fps,
            units="px" if width > 1 and height > 1 else "unknown",
            frame="camera" if three else "image",
            person=person,
            size=(width, height),
        )
        for person in range(people)
    ]


def file_of(poses: Sequence[Pose]) -> PoseFile:
    """Return persons as a .pose file of version 0.2."""
    first = same_kind(poses)
    axes = "XYZ"[: first.joints.shape[2]] + "C"
    return PoseFile(
        version=0.2,
        size=(*first.size, max(first.size) if len(axes) == 4 else 0),
        components=tuple(_component(first.skeleton, part, axes) for part in _parts(first.skeleton)),
        fps=first.fps,
        values=np.stack([pose.joints for pose in poses], 1),
        confidence=np.stack([pose.confidence for pose in poses], 1),
    )


def _skeleton(file: PoseFile, name: str) -> tuple[Skeleton, list[int]]:
    """Return the skeleton of a file, and which of its points belong to it."""
    joints: list[str] = []
    edges: list[tuple[int, int]] = []
    kept: list[int] = []
    at = 0
    for part in file.components:
        if not part.name.startswith("POSE_WORLD") or len(file.components) == 1:
            if any(point >= len(part.points) for limb in part.limbs for point in limb):
                raise MediaError("corrupt", f"{name}: {part.name} connects points it has not")
            edges += [(a + len(joints), b + len(joints)) for a, b in part.limbs if a != b]
            joints += _names(part)
            kept += range(at, at + len(part.points))
        at += len(part.points)
    return own_skeleton(name, joints, tuple(dict.fromkeys(edges))), kept


def _names(part: Component) -> list[str]:
    """Return what the points of a component are called here."""
    side = SIDE.search(part.name.lower())
    if "hand" in part.name.lower() and side and len(part.points) == 21:
        return [f"{side[1]}_{joint}" for joint in skeleton("hand21").joints]
    if part.name.startswith("FACE_LANDMARKS"):
        return [f"mesh_{point}" for point in part.points]
    known = OPENPOSE.get(part.name)
    if known and len(skeleton(known)) == len(part.points):
        return list(skeleton(known).joints)
    if part.name.startswith("POSE"):
        return [_plain(point) for point in part.points]
    return [f"{part.name}_{point}" for point in part.points]


def _plain(point: str) -> str:
    if point != point.upper():
        return point
    point = re.sub(r"^MOUTH_(LEFT|RIGHT)$", r"\1_MOUTH", point).lower()
    return point.replace("foot_index", "big_toe")


def _parts(of: Skeleton) -> Iterator[Part]:
    """Yield the joints of a skeleton as components, each a stretch without a gap."""
    start = 0
    labels = [_label(joint) for joint in of.joints]
    runs = [(label, len(list(run))) for label, run in groupby(labels)]
    names = ["POSE_LANDMARKS" if "HAND" in n and size != 21 else n for n, size in runs]
    stretches = [n for n, (_, size) in zip(names, runs, strict=True) for _ in range(size)]
    for name, run in groupby(stretches):
        end = start + len(list(run))
        yield Part(name, start, tuple(_point(name, joint) for joint in of.joints[start:end]))
        start = end


def _label(joint: str) -> str:
    if MESH.fullmatch(joint):
        return "FACE_LANDMARKS"
    hand = HAND.fullmatch(joint)
    return f"{hand[1].upper()}_HAND_LANDMARKS" if hand else "POSE_LANDMARKS"


def _point(component: str, joint: str) -> str:
    """Return the name of a joint in a .pose file."""
    if component == "FACE_LANDMARKS":
        return joint.removeprefix("mesh_")
    if "HAND" in component:
        name = joint.partition("_")[2].removeprefix("hand_").upper()
        return re.sub(r"^(INDEX|MIDDLE|RING)_", r"\1_FINGER_", name)
    if joint != joint.lower():
        return joint
    return re.sub(r"^(LEFT|RIGHT)_MOUTH$", r"MOUTH_\1", joint.upper()).replace(
        "BIG_TOE", "FOOT_INDEX"
    )


def _component(of: Skeleton, part: Part, axes: str) -> Component:
    end = part.start + len(part.points)
    limbs = [
        (a - part.start, b - part.start)
        for a, b in of.edges
        if part.start <= a < end and part.start <= b < end
    ]
    colour = COLOURS.get(part.name, HAND_COLOUR)
    return Component(part.name, axes, part.points, tuple(limbs), (colour,))
