"""Real movement for tests, where it is at hand."""

import dataclasses
import os
from functools import cache
from pathlib import Path

import pytest

from verilens.bench.filling import Gap, cut
from verilens.poses.cameras import Rig
from verilens.poses.convert import convert
from verilens.poses.packs import Labelled, packed
from verilens.records import Pose
from verilens.train.lifting import Shot, every, shots

BESIDE = Path(__file__).parents[3] / "shared" / "data" / "motion"
DATA = Path(os.environ.get("VERILENS_MOTION", BESIDE))
FAST = ("basketball", "jumping", "soccer")
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no motion data; set VERILENS_MOTION")


@cache
def unseen() -> tuple[Labelled, ...]:
    return tuple(clip for clip in packed(DATA, "cmu_mocap") if clip.split == "test")


def cmu_shots(cameras: int, frames: int) -> list[Shot]:
    """Return the test sequences, at most so many frames of each, at 30 a second."""
    cuts = [(c.name, convert(every(c.pose, 2), "h36m17")) for c in unseen()]
    return shots([(name, every_first(pose, frames)) for name, pose in cuts], Rig(), cameras)


def every_first(pose: Pose, frames: int) -> Pose:
    """Return the first frames of a movement."""
    return dataclasses.replace(
        pose, joints=pose.joints[:frames], confidence=pose.confidence[:frames]
    )


def cmu_gaps(step: int = 15) -> list[Gap]:
    """Return gaps of 10 frames in windows of 30, at 30 frames a second."""
    clips = [(c.name, c.action, every(c.pose, 2)) for c in unseen()]
    return cut(clips, 10, 10, step)
