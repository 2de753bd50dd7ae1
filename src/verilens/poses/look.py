"""How a movement is looked at: turned to the viewer, seen from a side, fitted into a picture.

Shown coordinates are a camera's: x to the right, y down, z away. A person in world coordinates is
turned about the upright axis so that their left is right in the picture, as if they faced us.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.poses.convert import made_of
from verilens.records import Pose

View = Literal["front", "side", "top"]
VIEWS: tuple[View, ...] = ("front", "side", "top")
MARGIN = 0.06  # of the picture, around what is shown
LEFT, RIGHT, MIDDLE = "#0072b2", "#d55e00", "#666666"  # told apart by the colour-blind too


class Layout(NamedTuple):
    """Points in a picture. points: (T, J, 2) pixels of one person; seen: (T, J)."""

    points: NDArray[np.float32]
    seen: NDArray[np.bool_]


def shown(poses: Sequence[Pose]) -> list[NDArray[np.float32]]:
    """Return the joints of each person as they are shown, (T, J, 3); z is 0 for flat poses."""
    heading = next((h for pose in poses if (h := _heading(pose)) is not None), np.eye(3))
    found = []
    for pose in poses:
        joints = np.zeros((*pose.joints.shape[:2], 3), np.float32)
        joints[..., : pose.joints.shape[2]] = pose.joints
        if pose.frame == "world":
            joints = (joints * np.array([1, -1, -1], np.float32)) @ heading.T.astype(np.float32)
        found.append(joints)
    return found


def seen_from(joints: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    """Return what a viewer sees of shown joints, (T, J, 2), x right and y down."""
    x, y, z = np.moveaxis(joints, -1, 0)
    return np.stack({"front": (x, y), "side": (z, y), "top": (x, -z)}[view], -1)


def layouts(poses: Sequence[Pose], view: View, size: int) -> tuple[list[Layout], tuple[int, int]]:
    """Return the persons of a clip in one picture, and its width and height.

    size: of the longer side in pixels. The picture fits all that is seen in any frame.
    """
    if view != "front" and all(pose.joints.shape[2] == 2 for pose in poses):
        raise ConfigError(f"these poses are flat: there is no view from the {view}")
    flat = [seen_from(joints, view) for joints in shown(poses)]
    seen = [pose.confidence > 0 for pose in poses]
    every = np.concatenate([points[here] for points, here in zip(flat, seen, strict=True)])
    if not len(every):
        raise ConfigError("there is nothing to show: every joint is missing in every frame")
    low, high = every.min(0), every.max(0)
    extent = np.maximum(high - low, max(float((high - low).max()) / 3, 1e-6))  # never a line
    scale = size * (1 - 2 * MARGIN) / float(extent.max())
    width, height = (2 * round(side * scale / 2 + size * MARGIN) for side in extent.tolist())
    middle = (low + high) / 2
    moved = [(points - middle) * scale + (width / 2, height / 2) for points in flat]
    return [
        Layout(points.astype(np.float32), here) for points, here in zip(moved, seen, strict=True)
    ], (width, height)


def colour(joint: str) -> str:
    """Return the colour of a joint by the side of the body it is on."""
    name = joint.lower()
    if name.startswith("left"):
        return LEFT
    return RIGHT if name.startswith("right") else MIDDLE


def edge_colour(pose: Pose, edge: tuple[int, int]) -> str:
    """Return the colour of a bone: that of its side where it has one."""
    sides = {colour(pose.skeleton.joints[joint]) for joint in edge} - {MIDDLE}
    return sides.pop() if len(sides) == 1 else MIDDLE


def _heading(pose: Pose) -> NDArray[np.float64] | None:
    """Return the turn about the upright axis that brings the left of a person to the right."""
    if pose.frame != "world":
        return None
    for pair in ("shoulder", "hip"):
        sides = [made_of(f"{side}_{pair}", pose.skeleton, ()) for side in ("left", "right")]
        if not all(sides):
            continue
        left, right = (next(iter(side or {})) for side in sides)
        a, b = pose.skeleton.index(left), pose.skeleton.index(right)
        both = np.flatnonzero((pose.confidence[:, a] > 0) & (pose.confidence[:, b] > 0))
        if len(both):
            across = (pose.joints[both[0], a] - pose.joints[both[0], b]).astype(float)
            x, z = across[0], -across[2]
            length = float(np.hypot(x, z))
            if length > 0:
                c, s = x / length, z / length
                return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return None
