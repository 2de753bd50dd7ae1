"""Movement without where and how large: centred on a joint, scaled by a length of the body."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.poses.convert import made_of
from verilens.records import Pose, Skeleton

Length = Literal["shoulders", "torso", "none"]
SHOULDERS = ("left_shoulder", "right_shoulder")
TORSO = ("thorax", "pelvis")


def normalise(
    pose: Pose,
    centre: str = "",
    length: Length = "shoulders",
    each_frame: bool = False,
) -> Pose:
    """Return the pose with a joint at the origin and a length of the body as its unit.

    centre: a joint, or one that the conversion table makes of others; "" for the root of the
        skeleton. It is taken from the first frame that has it, or from each frame.
    length: distance of the shoulders, or of thorax and pelvis, its median over time.
    """
    origin, seen = _joint(pose, centre or pose.skeleton.joints[pose.skeleton.root])
    if not seen.any():
        raise ConfigError(f"{centre or 'the root'} is missing in every frame; centre another joint")
    at = np.where(seen, np.arange(len(pose)), 0)
    last = np.maximum(np.maximum.accumulate(at), int(seen.argmax()))  # where it was seen last
    origin = origin[last] if each_frame else origin[seen.argmax()][None]
    scale = 1.0 if length == "none" else 1 / _length(pose, *(SHOULDERS, TORSO)[length == "torso"])
    joints = (pose.joints - origin[:, None]) * np.float32(scale)
    joints = np.where(pose.confidence[..., None] > 0, joints, 0).astype(np.float32)
    return replace(pose, joints=joints, units=pose.units if length == "none" else "norm")


def _length(pose: Pose, first: str, second: str) -> float:
    """Return the median distance of two joints where both were seen; ConfigError when it is 0."""
    (a, seen_a), (b, seen_b) = _joint(pose, first), _joint(pose, second)
    both = seen_a & seen_b
    found = float(np.median(np.linalg.norm(a[both] - b[both], axis=1))) if both.any() else 0.0
    if found <= 0:
        raise ConfigError(f"no distance between {first} and {second} to scale by; scale by another")
    return found


def _joint(pose: Pose, name: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return where a joint is, (T, D), and in which frames it was seen, (T,)."""
    parts = _parts(name, pose.skeleton)
    indices = [pose.skeleton.index(part) for part in parts]
    weights = np.array(list(parts.values()), np.float32)
    place = np.einsum("j,tjd->td", weights, pose.joints[:, indices])
    return place, np.all(pose.confidence[:, indices] > 0, axis=1)


def _parts(name: str, of: Skeleton) -> dict[str, float]:
    parts = made_of(name, of, ())
    if not parts:
        raise ConfigError(f"{of.name} has no {name}, nor joints that could stand for it")
    return parts
