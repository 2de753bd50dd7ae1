"""Analytic movements for tests: figures are known by hand, whatever the frame rate."""

import numpy as np

from verilens.poses.make import make_pose
from verilens.records import Pose
from verilens.verify.living_motion.movement import Part

TREE = np.array([(0, 1), (1, 2), (2, 3), (1, 4), (4, 5)])


def part(joints: np.ndarray, rate: float, bones: np.ndarray | None = None) -> Part:
    """Return joints (T, J, D) as a group, as they are."""
    pairs = np.empty((0, 2), int) if bones is None else bones
    return Part(joints=np.asarray(joints, float), bones=pairs, rate=rate)


def times(seconds: float, rate: float) -> np.ndarray:
    return np.arange(round(seconds * rate) + 1) / rate


def minimum_jerk(seconds: float, rate: float) -> np.ndarray:
    """Return the smoothest way from 0 to 1, which begins and ends at rest, (T,)."""
    t = times(seconds, rate) / seconds
    return 10 * t**3 - 15 * t**4 + 6 * t**5


def straight(course: np.ndarray, joints: int = 4) -> np.ndarray:
    """Return joints that move along x alike, (T, J, 3)."""
    x = np.zeros((len(course), joints, 3))
    x[..., 0] = course[:, None]
    x += np.arange(joints)[:, None] * np.array([0.0, 0.3, 0.1])
    return x


def ellipse(seconds: float, rate: float, hz: float = 0.5) -> np.ndarray:
    """Return joints on harmonic ellipses, (T, 4, 3): speed is curvature to the -1/3."""
    t = times(seconds, rate)
    angle = 2 * np.pi * hz * t[:, None] + np.arange(4)
    return np.stack([2 * np.cos(angle), np.sin(angle), 0 * angle], 2)


def gesturing(seconds: float = 3.0, fps: float = 30.0, seed: int = 0, dims: int = 3) -> Pose:
    """Return a person of 17 joints that sways, each joint in its own frequencies below 3 Hz."""
    rng = np.random.default_rng(seed)
    t = times(seconds, fps)[:, None, None, None]
    hz, phase = rng.uniform(0.3, 3, (17, dims, 5)), rng.uniform(0, 6, (17, dims, 5))
    sway = (rng.normal(size=hz.shape) / hz * np.sin(2 * np.pi * hz * t + phase)).sum(-1)
    rest = rng.normal(size=(17, dims))
    return make_pose(rest + 0.05 * sway, None, "h36m17", fps, units="m" if dims == 3 else "px")


def blinking(blinks: int, seconds: float = 12.0, fps: float = 25.0) -> Pose:
    """Return a face of 68 points whose eyes close so many times, each time for 0.2 s."""
    t = times(seconds, fps)
    shut = np.zeros(len(t))
    for n in range(blinks):
        shut[np.abs(t - (n + 1) * seconds / (blinks + 1)) <= 0.1] = 1
    points = np.zeros((len(t), 68, 2))
    points[:, :, 0] = np.arange(68)
    for first in (36, 42):
        eye = np.array([(0, 0), (1, -1), (2, -1), (3, 0), (2, 1), (1, 1)], float)
        points[:, first : first + 6] = eye + np.array([10 * first, 100])
        points[:, first : first + 6, 1] = 100 + eye[:, 1] * (1 - 0.9 * shut[:, None])
    return make_pose(points, None, "face68", fps, units="px", size=(640, 480))
