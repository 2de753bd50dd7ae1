"""The same movement with another person's bone lengths: directions stay, lengths change."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.records import Pose


def lengths(pose: Pose) -> NDArray[np.float64]:
    """Return the median length of the bone that leads to each joint, (J,); 0 for a root."""
    found = np.zeros(len(pose.skeleton))
    for joint, parent in enumerate(pose.skeleton.parents):
        if parent < 0:
            continue
        seen = (pose.confidence[:, [joint, parent]] > 0).all(1)
        gaps = pose.joints[seen, joint].astype(float) - pose.joints[seen, parent]
        found[joint] = np.median(np.linalg.norm(gaps, axis=-1)) if seen.any() else 0.0
    return found


def retarget(pose: Pose, wanted: NDArray[np.float64]) -> Pose:
    """Return the pose with these bone lengths, (J,); every bone points where it pointed.

    Roots stay in place. A joint whose bone is not seen is missing, and so is what hangs on it.
    """
    if wanted.shape != (len(pose.skeleton),) or (wanted < 0).any():
        raise ConfigError(f"{len(pose.skeleton)} bone lengths are needed, none of them negative")
    joints, sure = pose.joints.astype(float), pose.confidence.copy()
    moved = joints.copy()
    for joint in _from_the_root(pose.skeleton.parents):
        parent = pose.skeleton.parents[joint]
        if parent < 0:
            continue
        bone = joints[:, joint] - joints[:, parent]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        moved[:, joint] = moved[:, parent] + bone / np.maximum(length, 1e-12) * wanted[joint]
        sure[:, joint] = np.where(sure[:, parent] > 0, sure[:, joint], 0)
    kept = np.where(sure[..., None] > 0, moved, 0).astype(np.float32)
    return replace(pose, joints=kept, confidence=sure)


def _from_the_root(parents: tuple[int, ...]) -> list[int]:
    """Return joints in an order in which each comes after its parent."""
    order: list[int] = []
    for joint in range(len(parents)):
        chain = []
        while joint >= 0 and joint not in order:
            chain.append(joint)
            joint = parents[joint]
        order += chain[::-1]
    return order
