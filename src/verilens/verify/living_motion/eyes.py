"""How far eyelids are open, and how often they close.

The aperture of an eye is its height over its width, as Soukupova and Cech define it ("Real-time eye
blink detection using facial landmarks", CVWW 2016). People blink some 10 to 20 times a minute; a
lid that stands still for a long time is a sign of a drawn or frozen face, or of a poor estimate.
"""

from typing import NamedTuple

import numpy as np

from verilens.records import Pose
from verilens.verify.living_motion.movement import Floats

# outer corner, two points of the upper lid, inner corner, two points of the lower lid
IBUG = (("36", "37", "38", "39", "40", "41"), ("42", "43", "44", "45", "46", "47"))
MESH = (("33", "160", "158", "133", "153", "144"), ("362", "385", "387", "263", "373", "380"))
SHUT = 0.6  # of the usual aperture
LONGEST_S = 0.5  # of a blink
LEAST_S = 8.0  # of a film in which no blink is remarkable
STILL = 0.03  # relative spread of the aperture below which a lid does not move


class Eyes(NamedTuple):
    """What the lids do. blinks: how many; spread: of the aperture, relative to its median."""

    seconds: float
    blinks: int
    spread: float

    @property
    def per_minute(self) -> float:
        """Return the rate of blinking."""
        return 60 * self.blinks / self.seconds

    def said(self) -> str:
        """Return what is remarkable, "" for nothing."""
        if self.seconds < LEAST_S or self.blinks:
            return ""
        lids = "; the lids do not move" if self.spread < STILL else ""
        return f"no blink in {self.seconds:.0f} s{lids}"


def eyes(pose: Pose) -> Eyes | None:
    """Return what the lids do; None without points of them, or with too few frames that show them.

    A blink is a drop below SHUT of the median aperture that is over within LONGEST_S.
    """
    opened = aperture(pose)
    if opened is None or len(opened) < 3:
        return None
    usual = max(float(np.median(opened)), 1e-9)
    shut = np.concatenate([[False], opened < SHUT * usual, [False]])
    edges = np.flatnonzero(np.diff(shut.astype(int)))
    lengths_s = (edges[1::2] - edges[::2]) / pose.fps
    blinks = int((lengths_s <= LONGEST_S).sum())
    return Eyes(len(opened) / pose.fps, blinks, float(opened.std() / usual))


def aperture(pose: Pose) -> Floats | None:
    """Return the aperture of the eyes in the frames that show them, (N,); None without lids."""
    where = {name: n for n, name in enumerate(pose.skeleton.joints)}
    for prefix, table in (("face_", IBUG), ("mesh_", MESH)):
        names = [f"{prefix}{point}" for eye in table for point in eye]
        if all(name in where for name in names):
            points = np.array([where[name] for name in names])
            seen = (pose.confidence[:, points] > 0).all(1)
            return _opened(pose.joints[seen][:, points, :2].astype(float)) if seen.any() else None
    return None


def _opened(points: Floats) -> Floats:
    """Return the mean aperture of two eyes, (N,). points: (N, 12, 2)."""
    eye = points.reshape(len(points), 2, 6, 2)
    width = np.linalg.norm(eye[:, :, 0] - eye[:, :, 3], axis=2)
    height = np.linalg.norm(eye[:, :, [1, 2]] - eye[:, :, [5, 4]], axis=3).mean(2)
    found: Floats = (height / np.maximum(width, 1e-9)).mean(1)
    return found
