"""How far found poses lie from true ones, and how a movement moves.

Convention: joints are (..., J, D) in one unit, the unit of every distance below; velocities and
jerk are (T, J, D) along their first axis. A metric that the samples do not determine raises
Undefined. "Protocol 1" of Human3.6M is `mpjpe`, "protocol 2" is `p_mpjpe`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics.arrays import Floats, Undefined

PCK_LIMIT = 150.0  # millimetres, of MPI-INF-3DHP
JERK_FRAMES = 4  # what a third difference reads


def joint_errors(found: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the distance of every joint from where it should be, (..., J)."""
    found, truth = _pair(found, truth)
    errors: Floats = np.linalg.norm(found - truth, axis=-1)
    return errors


def mpjpe(found: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean distance over joints and frames."""
    return float(joint_errors(found, truth).mean())


def p_mpjpe(found: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean distance after every frame is moved, turned and scaled to fit."""
    return mpjpe(fitted(found, truth), truth)


def n_mpjpe(found: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean distance after every frame is scaled about the origin to fit."""
    found, truth = _pair(found, truth)
    size = np.sum(found**2, axis=(-2, -1), keepdims=True)
    shared = np.sum(found * truth, axis=(-2, -1), keepdims=True)
    return mpjpe(found * np.divide(shared, size, out=np.zeros_like(size), where=size > 0), truth)


def mpjve(found: ArrayLike, truth: ArrayLike) -> float:
    """Return the mean distance of velocities, in units a frame."""
    found, truth = _pair(found, truth)
    if len(found) < 2:
        raise Undefined("one frame has no velocity")
    return mpjpe(np.diff(found, axis=0), np.diff(truth, axis=0))


def jerk(joints: ArrayLike, fps: float = 1.0) -> float:
    """Return the mean length of the third difference, in units / s^3; a frame each with fps 1."""
    joints = np.asarray(joints, float)
    if len(joints) < JERK_FRAMES:
        raise Undefined(f"{len(joints)} frames have no third difference")
    return float(np.linalg.norm(np.diff(joints, 3, axis=0), axis=-1).mean() * fps**3)


def seam_jerk(joints: ArrayLike, seam: int, fps: float = 1.0) -> float:
    """Return the `jerk` of the five frames around a seam.

    seam: the first frame behind it; two stand before, and two after that one.
    """
    joints = np.asarray(joints, float)
    if not 2 <= seam <= len(joints) - 3:
        raise Undefined(f"a seam at frame {seam} of {len(joints)} has no five frames around it")
    return jerk(joints[seam - 2 : seam + 3], fps)


def bone_spread(joints: ArrayLike, bones: Sequence[tuple[int, int]]) -> float:
    """Return how much bones change their length: deviation over mean, averaged over bones.

    bones: pairs of joints. Bones without length are left out; real skeletons give 0.
    """
    joints = np.asarray(joints, float)
    ends = np.asarray(bones, int).reshape(-1, 2)
    lengths = np.linalg.norm(joints[:, ends[:, 0]] - joints[:, ends[:, 1]], axis=-1)
    lengths = lengths[:, lengths.mean(0) > 0]
    if not lengths.size:
        raise Undefined("no bone has a length")
    return float((lengths.std(0) / lengths.mean(0)).mean())


def pck(found: ArrayLike, truth: ArrayLike, limit: float = PCK_LIMIT) -> float:
    """Return the share of joints that lie within `limit` of where they should be."""
    return float((joint_errors(found, truth) <= limit).mean())


def pck_area(found: ArrayLike, truth: ArrayLike, limit: float = PCK_LIMIT) -> float:
    """Return the mean of `pck` over 31 limits, evenly spaced from 0 to `limit`."""
    errors = joint_errors(found, truth)
    return float(np.mean([(errors <= step).mean() for step in np.linspace(0, limit, 31)]))


def fitted(found: ArrayLike, truth: ArrayLike) -> Floats:
    """Return `found` moved, turned and scaled, never mirrored, onto `truth`, frame by frame.

    The least-squares similarity (Umeyama 1991). A frame whose joints all coincide is only moved.
    """
    found, truth = _pair(found, truth)
    from_mean, to_mean = found.mean(-2, keepdims=True), truth.mean(-2, keepdims=True)
    source, target = found - from_mean, truth - to_mean
    u, s, vt = np.linalg.svd(np.swapaxes(source, -1, -2) @ target)
    mirrored = np.linalg.det(u @ vt) < 0
    u[..., -1] = np.where(mirrored[..., None], -u[..., -1], u[..., -1])
    s[..., -1] = np.where(mirrored, -s[..., -1], s[..., -1])
    size = np.sum(source**2, axis=(-2, -1))
    scale = np.divide(s.sum(-1), size, out=np.ones_like(size), where=size > 0)
    turned: Floats = scale[..., None, None] * (source @ u @ vt) + to_mean
    return turned


def _pair(found: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    found, truth = np.asarray(found, float), np.asarray(truth, float)
    if found.shape != truth.shape or found.ndim < 2:
        raise ValueError(f"poses of shape {found.shape} cannot be compared with {truth.shape}")
    if not found.size:
        raise Undefined("no joints to compare")
    return found, truth
