"""Joints that were not found, put where they most likely were."""

import numpy as np
from numpy.typing import NDArray

from verilens.poses.timing import fill
from verilens.records import Pose


def filled(pose: Pose) -> NDArray[np.float32]:
    """Return joints without gaps, (T, J, D), as `fill` finds them.

    A joint that is never seen lies in the middle of those that are.
    """
    never = ~(pose.confidence > 0).any(0)
    joints = fill(pose).joints.copy()
    if never.any() and not never.all():
        joints[:, never] = joints[:, ~never].mean(1, keepdims=True)
    return joints
