"""The tree of bones of a pose, as motion capture files need it."""

from collections.abc import Sequence

import numpy as np

from verilens.errors import ConfigError
from verilens.poses.kinematics import Rig
from verilens.poses.make import same_kind
from verilens.records import Pose

MAX_WRITTEN = 500  # joints


def rig_of(poses: Sequence[Pose]) -> tuple[Pose, Rig, list[int]]:
    """Return the one person, their tree with parents first, and which joint stands at each place.

    Bones have their median length and the direction of the first frame in which they have one.
    """
    pose = same_kind(poses)
    if len(poses) > 1 or pose.joints.shape[2] != 3:
        raise ConfigError("a motion capture file holds one person in 3D; choose one with --person")
    if not pose.confidence.all():
        raise ConfigError("motion capture needs every joint in every frame; fill the gaps (--fill)")
    parents = pose.skeleton.parents
    if sum(parent < 0 for parent in parents) > 1 or len(parents) > MAX_WRITTEN:
        raise ConfigError(
            f"motion capture needs a single tree of bones, unlike {pose.skeleton.name}"
        )
    order = _depth_first(parents, pose.skeleton.root)
    place = {joint: at for at, joint in enumerate(order)}
    offsets = np.zeros((len(order), 3))
    for at, joint in enumerate(order[1:], 1):
        bones = (pose.joints[:, joint] - pose.joints[:, parents[joint]]).astype(float)
        lengths = np.linalg.norm(bones, axis=1)
        first = int((lengths > 0).argmax())
        if lengths[first] > 0:
            offsets[at] = bones[first] / lengths[first] * np.median(lengths)
    above = tuple(place[parents[joint]] if parents[joint] >= 0 else -1 for joint in order)
    names = tuple("_".join(pose.skeleton.joints[joint].split()) for joint in order)
    return pose, Rig(names, above, offsets), order


def _depth_first(parents: Sequence[int], joint: int) -> list[int]:
    below = [child for child, parent in enumerate(parents) if parent == joint]
    return [joint, *(each for child in below for each in _depth_first(parents, child))]
