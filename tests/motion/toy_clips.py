"""Made-up movement: three classes told apart by which limb moves, and how fast, in every view."""

from pathlib import Path

import numpy as np

from verilens.poses.packs import Labelled
from verilens.poses.sets import MotionSet, open_set

ACTIONS = (1, 2, 3)  # of NW-UCLA's numbers
HANDS = {1: (7, 6), 2: (11, 10), 3: (7, 6, 11, 10)}  # joints that move


def wave(action: int, subject: int, view: int, index: int, frames: int = 20) -> np.ndarray:
    """Return one clip, (frames, 20, 3), seen from a direction of its view."""
    rng = np.random.default_rng([action, subject, view, index])
    rest = np.random.default_rng(7).normal(size=(20, 3)) * 0.3
    time = np.linspace(0, 2 * np.pi, frames)[:, None]
    joints = np.repeat(rest[None] * (1 + 0.03 * subject), frames, 0)
    for joint in HANDS[action]:
        joints[:, joint, 1] += 0.9 * np.sin(time[:, 0] + rng.uniform(0, 1))
    joints += rng.normal(size=joints.shape) * 0.02 + rng.normal(size=3)
    angle = 0.3 * (view - 2)
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    return (joints @ turn.T).astype(np.float32)


def toy_pack(root: Path, subjects: int = 4, takes: int = 2) -> Path:
    """Write a set in the layout of the packed NW-UCLA and return its folder."""
    names, clips = [], []
    for action in ACTIONS:
        for subject in range(1, subjects + 1):
            for take in range(takes):
                for view in (1, 2, 3):
                    names.append(f"a{action:02}_s{subject:02}_e{take:02}_v{view:02}")
                    clips.append(wave(action, subject, view, take, 14 + 2 * subject))
    folder = root / "nw_ucla"
    folder.mkdir(parents=True)
    np.savez(
        folder / "nw_ucla_skeletons.npz",
        names=np.array(names),
        lengths=np.array([len(clip) for clip in clips], np.int32),
        joints=np.concatenate(clips),
    )
    return folder


def toy_set(root: Path, **sizes: int) -> MotionSet:
    """Return the set that `toy_pack` writes."""
    return open_set(toy_pack(root, **sizes))


def labels_of(clips: tuple[Labelled, ...]) -> np.ndarray:
    """Return the classes of clips, (N,)."""
    return np.array([clip.label for clip in clips])
