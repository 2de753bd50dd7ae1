"""From rotations of bones to places of joints, and back.

A rig is a tree of joints whose parents come first. A joint lies at its parent's place plus its
offset, turned by all rotations above it:

    place_j = place_p + G_p offset_j,    G_j = G_p L_j
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Rig(NamedTuple):
    """parents: of each joint, -1 for the root, always smaller than the joint. offsets: (J, 3)."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Floats

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The bones."""
        return tuple((parent, joint) for joint, parent in enumerate(self.parents) if parent >= 0)


def about(axis: str, degrees: NDArray[Any]) -> Floats:
    """Return rotations about "x", "y" or "z", (..., 3, 3)."""
    angle = np.radians(np.asarray(degrees, float))
    cos, sin, matrix = np.cos(angle), np.sin(angle), np.zeros((*angle.shape, 3, 3))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix[..., 3 - first - second, 3 - first - second] = 1
    matrix[..., first, first] = matrix[..., second, second] = cos
    matrix[..., first, second], matrix[..., second, first] = -sin, sin
    return matrix


def turned(axes: Sequence[str], degrees: NDArray[Any]) -> Floats:
    """Return the product of rotations in the order of the axes; degrees: (..., len(axes))."""
    result = np.broadcast_to(np.eye(3), (*degrees.shape[:-1], 3, 3))
    for place, axis in enumerate(axes):
        result = result @ about(axis, degrees[..., place])
    return result


def places(rig: Rig, local: Floats, root: Floats) -> Floats:
    """Return where the joints are, (T, J, 3); local: rotations (T, J, 3, 3); root: (T, 3)."""
    found = np.zeros((len(local), len(rig.names), 3))
    whole = np.zeros_like(local)
    for joint, parent in enumerate(rig.parents):
        if parent < 0:
            found[:, joint], whole[:, joint] = root, local[:, joint]
        else:
            found[:, joint] = found[:, parent] + whole[:, parent] @ rig.offsets[joint]
            whole[:, joint] = whole[:, parent] @ local[:, joint]
    return found


def rotations(rig: Rig, joints: Floats) -> Floats:
    """Return local rotations that put the joints where they are, as far as bones keep their length.

    A joint with one child turns the shortest way; one with more turns as fits all of them best.
    joints: (T, J, 3); returns (T, J, 3, 3).
    """
    whole = np.zeros((*joints.shape[:2], 3, 3))
    local = np.zeros_like(whole)
    children: list[list[int]] = [[] for _ in rig.names]
    for joint, parent in enumerate(rig.parents):
        if parent >= 0:
            children[parent].append(joint)
    for joint, parent in enumerate(rig.parents):
        above = np.broadcast_to(np.eye(3), (len(joints), 3, 3)) if parent < 0 else whole[:, parent]
        below = [c for c in children[joint] if np.linalg.norm(rig.offsets[c]) > 1e-9]
        rest = np.einsum("tij,cj->tci", above, rig.offsets[below])
        now = joints[:, below] - joints[:, joint, None]
        turn = _shortest(rest[:, 0], now[:, 0]) if len(below) == 1 else _best(rest, now)
        whole[:, joint] = turn @ above
        local[:, joint] = np.swapaxes(above, 1, 2) @ whole[:, joint]
    return local


def bone_rotations(rig: Rig, joints: Floats) -> Floats:
    """Return rotations for bones that each turn by themselves, as Acclaim has them, (T, J, 3, 3).

    Bone j leads to joint j and carries those below it: place_j = place_p + G_j offset_j.
    """
    whole = np.zeros((*joints.shape[:2], 3, 3))
    local = np.zeros_like(whole)
    for joint, parent in enumerate(rig.parents):
        if parent < 0:
            whole[:, joint] = local[:, joint] = np.eye(3)
            continue
        rest = whole[:, parent] @ rig.offsets[joint]
        turn = _shortest(rest, joints[:, joint] - joints[:, parent])
        if not rig.offsets[joint].any():
            turn = np.broadcast_to(np.eye(3), turn.shape)
        whole[:, joint] = turn @ whole[:, parent]
        local[:, joint] = np.swapaxes(whole[:, parent], 1, 2) @ whole[:, joint]
    return local


def euler_zyx(matrix: Floats) -> Floats:
    """Return degrees (..., 3) about x, y and z whose product Rz Ry Rx is the rotation."""
    y = np.arcsin(np.clip(-matrix[..., 2, 0], -1, 1))
    x = np.arctan2(matrix[..., 2, 1], matrix[..., 2, 2])
    z = np.arctan2(matrix[..., 1, 0], matrix[..., 0, 0])
    angles: Floats = np.degrees(np.stack([x, y, z], -1))
    return angles


def euler_zxy(matrix: Floats) -> Floats:
    """Return degrees (..., 3) about z, x and y whose product Rz Rx Ry is the rotation."""
    x = np.arcsin(np.clip(matrix[..., 2, 1], -1, 1))
    z = np.arctan2(-matrix[..., 0, 1], matrix[..., 1, 1])
    y = np.arctan2(-matrix[..., 2, 0], matrix[..., 2, 2])
    angles: Floats = np.degrees(np.stack([z, x, y], -1))
    return angles


def _shortest(start: Floats, end: Floats) -> Floats:
    """Return the smallest rotations that turn one direction into another (Rodrigues)."""
    a = start / np.maximum(np.linalg.norm(start, axis=-1, keepdims=True), 1e-12)
    b = end / np.maximum(np.linalg.norm(end, axis=-1, keepdims=True), 1e-12)
    axis, cos = np.cross(a, b), (a * b).sum(-1)[..., None, None]
    x, y, z = np.moveaxis(axis, -1, 0)
    zero = np.zeros_like(x)
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    turn: Floats = np.eye(3) + k + k @ k / np.maximum(1 + cos, 1e-12)
    opposite = 1 + cos[..., 0, 0] < 1e-9
    if opposite.any():  # half a turn about any axis across
        across = np.eye(3)[np.abs(a[opposite]).argmin(-1)]
        normal = np.cross(a[opposite], across)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        turn[opposite] = 2 * normal[..., :, None] * normal[..., None, :] - np.eye(3)
    return turn


def _best(rest: Floats, now: Floats) -> Floats:
    """Return the rotations that fit several directions best (Kabsch); without any, none."""
    if not rest.shape[1]:
        return np.broadcast_to(np.eye(3), (len(rest), 3, 3))
    u, _, v = np.linalg.svd(np.einsum("tci,tcj->tij", now, rest))
    sign = np.sign(np.linalg.det(u @ v))
    u[..., :, 2] *= np.where(sign < 0, -1, 1)[:, None]
    return np.asarray(u @ v)
