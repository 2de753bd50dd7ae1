"""A sound `Pose` from whatever numbers a file holds."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, MediaError, UnknownName
from verilens.poses.skeletons import mirrored, names, skeleton
from verilens.records import Pose, Skeleton

Units = Literal["px", "norm", "m", "mm", "unknown"]
Frame = Literal["image", "camera", "world"]

MAX_FRAMES = 1_000_000
MAX_VALUES = 200_000_000  # numbers in one file, 800 MB of float32
MAX_JOINTS = 4096
MAX_PEOPLE = 256
FASTEST = 10_000.0  # frames a second


def make_pose(
    joints: NDArray[Any],
    confidence: NDArray[Any] | None,
    of: Skeleton | str,
    fps: float,
    **about: Any,
) -> Pose:
    """Return a pose that keeps what `Pose` promises; MediaError says what cannot be kept.

    joints: (T, J, D) numbers, D = 2 or 3; a joint with NaN or infinity counts as missing.
    confidence: (T, J) or None for 1 wherever there are numbers; above 1 counts as 1.
    about: further fields of `Pose`.
    """
    of = skeleton(of) if isinstance(of, str) else of
    if joints.ndim != 3 or joints.shape[2] not in (2, 3) or not joints.shape[0]:
        raise MediaError("corrupt", f"no movement: joints of shape {joints.shape}, not (T, J, 2|3)")
    if joints.shape[1] != len(of):
        raise MediaError("corrupt", _count(of, joints.shape[1]))
    if not 0 < fps <= FASTEST:
        raise MediaError("corrupt", f"{fps} frames a second; give --fps")
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.asarray(joints, np.float32)
    sure = np.ones(values.shape[:2], np.float32) if confidence is None else confidence
    if sure.shape != values.shape[:2]:
        raise MediaError("corrupt", f"confidence of shape {sure.shape} for {values.shape[:2]}")
    found = np.isfinite(values).all(2) & (np.nan_to_num(sure) > 0)
    return Pose(
        joints=np.where(found[..., None], values, np.float32(0)),
        confidence=np.where(found, np.clip(np.nan_to_num(sure), 0, 1), 0).astype(np.float32),
        skeleton=of,
        fps=float(fps),
        **about,
    )


def own_skeleton(
    name: str, joints: Sequence[str], edges: Sequence[tuple[int, int]] = (), root: int = 0
) -> Skeleton:
    """Return the skeleton of a file: the named one with these joints, or one of its own."""
    for known in names():
        if skeleton(known).joints == tuple(joints):
            return skeleton(known)
    if len(joints) > MAX_JOINTS or any(not 0 <= n < len(joints) for edge in edges for n in edge):
        raise MediaError("corrupt", f"{len(joints)} joints, or bones between joints there are not")
    unique = tuple(f"{n}_{i}" if n in joints[:i] else n for i, n in enumerate(joints))
    return Skeleton(name=name, joints=unique, edges=tuple(edges), root=root, pairs=mirrored(unique))


def guessed(count: int) -> Skeleton:
    """Return the skeleton that joints without names must be; UnknownName when that is open."""
    usual = {17: "coco17", 18: "openpose18", 33: "mediapipe33", 50: "phoenix50", 178: "holistic178"}
    usual |= {21: "hand21", 22: "imigue22", 25: "ntu25", 133: "coco133", 137: "openpose137"}
    if count not in usual:
        raise UnknownName(f"{count} joints are of no skeleton known by their number; name theirs")
    return skeleton(usual[count])


def same_kind(poses: Sequence[Pose]) -> Pose:
    """Return the first of the persons of one file; ConfigError when they do not fit together."""
    if not poses:
        raise ConfigError("there is nobody to write")
    first = poses[0]
    for pose in poses[1:]:
        if (pose.skeleton, pose.joints.shape) != (first.skeleton, first.joints.shape):
            raise ConfigError("the persons of a file need the same skeleton and number of frames")
        if (pose.fps, pose.units, pose.frame) != (first.fps, first.units, first.frame):
            raise ConfigError("the persons of a file need the same fps, units and frame")
    return first


def units_of(text: str) -> Units:
    """Return a unit by its name; "unknown" when there is none of that name."""
    return cast(Units, text) if text in ("px", "norm", "m", "mm") else "unknown"


def frame_of(text: str) -> Frame:
    """Return a frame of coordinates by its name; "image" when there is none of that name."""
    return cast(Frame, text) if text in ("camera", "world") else "image"


def _count(of: Skeleton, count: int) -> str:
    also = [name for name in names() if len(skeleton(name)) == count]
    hint = f"; {' or '.join(also)} has" if also else ""
    return f"{count} joints, where {of.name} has {len(of)}{hint}"
