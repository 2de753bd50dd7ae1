"""Joints as they are measured: at one rate, in body sizes, in groups, cut into stretches.

pose -> cubic resampling -> stretches -> joints seen throughout -> body, left hand, right hand

Convention: a movement is (T, J, D), D 2 or 3, in sizes of its group from the middle of the stretch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from verilens.poses.timing import fill
from verilens.records import Pose, Skeleton
from verilens.verify.living_motion.config import Config

Floats = NDArray[np.float64]
FINGER = re.compile(r"(left_|right_)?(hand_wrist|palm|(thumb|index|middle|ring|pinky)_\w+)")
FACE = re.compile(r"(face|mesh)_\d+")
LEAST_JOINTS = 4  # of a group
LEAST_FINGERS = 10  # joints of a hand; body skeletons with a finger or two have none
SEEN = 0.9  # of the frames of a stretch in which a joint must be seen
LEAST_SIZE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Part:
    """A group of joints in one stretch. bones: pairs of its joints, (B, 2), none of flat poses."""

    joints: Floats
    bones: NDArray[np.int_]
    rate: float


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What is seen of a person in a stretch of time; groups with too few joints are not there."""

    start_s: float
    end_s: float
    body: Part | None
    hands: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Which joints of a skeleton belong to what, by index."""

    body: tuple[int, ...]
    hands: tuple[tuple[int, ...], ...]
    face: tuple[int, ...]

    @classmethod
    def of(cls, skeleton: Skeleton) -> "Groups":
        """Return the groups that the names of joints tell; whatever is no hand or face is body."""
        sides: dict[str, list[int]] = {}
        for index, name in enumerate(skeleton.joints):
            if found := FINGER.fullmatch(name):
                sides.setdefault(found[1] or "", []).append(index)
        hands = tuple(tuple(side) for side in sides.values() if len(side) >= LEAST_FINGERS)
        face = tuple(n for n, name in enumerate(skeleton.joints) if FACE.fullmatch(name))
        taken = {*face, *(joint for hand in hands for joint in hand)}
        body = tuple(n for n in range(len(skeleton)) if n not in taken)
        return cls(body=body, hands=hands, face=face)


def at_rate(pose: Pose, rate: float) -> Pose:
    """Return the movement at another frame rate, cubic between frames; no gap is bridged.

    A joint is seen where all four frames around the moment, cut at the ends, show it.
    """
    if pose.fps <= rate:
        return pose
    moments = np.arange(count(pose, rate)) * (pose.fps / rate)
    first = np.floor(moments).astype(int)
    t = (moments - first)[:, None, None]
    places = np.clip(first[:, None] + np.arange(-1, 3), 0, len(pose) - 1)
    weights = (
        0.5 * (-t + 2 * t**2 - t**3),
        0.5 * (2 - 5 * t**2 + 3 * t**3),
        0.5 * (t + 4 * t**2 - 3 * t**3),
        0.5 * (-(t**2) + t**3),
    )  # Catmull-Rom
    joints = sum(w * pose.joints[places[:, n]] for n, w in enumerate(weights))
    sure = pose.confidence[places].min(1)
    joints = np.where(sure[..., None] > 0, joints, 0).astype(np.float32)
    return replace(pose, joints=joints, confidence=sure, fps=rate)


def count(pose: Pose, rate: float) -> int:
    """Return how many frames a movement has at another rate, which must not be higher."""
    if pose.fps <= rate:
        return len(pose)
    return int((len(pose) - 1) * rate / pose.fps + 1e-6) + 1


def stretches(pose: Pose, config: Config) -> Iterator[Stretch]:
    """Yield the stretches of a movement in which a group is seen; none of a clip too short."""
    pose = at_rate(measurable(pose), config.rate)
    groups = Groups.of(pose.skeleton)
    for start, end in spans(len(pose), pose.fps, config):
        body = part(pose, groups.body, start, end)
        hands = [part(pose, hand, start, end) for hand in groups.hands]
        found = tuple(hand for hand in hands if hand is not None)
        if body is not None or found:
            times = start / pose.fps, end / pose.fps
            yield Stretch(start_s=times[0], end_s=times[1], body=body, hands=found)


def spans(frames: int, fps: float, config: Config) -> list[tuple[int, int]]:
    """Return the first and last frame, excluded, of each stretch; the last ends at the end."""
    if fps < config.least_rate or frames < round(config.least_s * fps):
        return []
    length = min(frames, round(config.window_s * fps))
    hop = max(1, round(config.hop_s * fps))
    starts = [*range(0, frames - length, hop), frames - length]
    return [(start, start + length) for start in starts]


def part(pose: Pose, joints: tuple[int, ...], start: int, end: int) -> Part | None:
    """Return a group of joints in a stretch, those seen in most frames; None when too few are."""
    chosen = np.array(joints, int)
    seen = pose.confidence[start:end, chosen] > 0
    kept = chosen[seen.mean(0) >= SEEN] if len(chosen) else chosen
    if len(kept) < LEAST_JOINTS:
        return None
    cut = Pose(
        joints=pose.joints[start:end, kept],
        confidence=pose.confidence[start:end, kept],
        skeleton=Skeleton(name="", joints=tuple(pose.skeleton.joints[n] for n in kept)),
        fps=pose.fps,
    )
    places = fill(cut).joints.astype(float)
    size = _size(places)
    if size < LEAST_SIZE * np.abs(places).max() or size == 0:
        return None
    where = {int(joint): n for n, joint in enumerate(kept)}
    edges = [(where[a], where[b]) for a, b in pose.skeleton.edges if a in where and b in where]
    bones = np.array(edges if places.shape[2] == 3 else [], int).reshape(-1, 2)
    middle = places.mean((0, 1))
    return Part(joints=(places - middle) / size, bones=bones, rate=pose.fps)


def measurable(pose: Pose) -> Pose:
    """Return a pose whose axes have one unit.

    Parts of a picture become pixels, where its size is known. Depth beside pixels is a guess of the
    estimator, and is left out.
    """
    if pose.units not in ("px", "norm"):
        return pose
    scale = np.array(pose.size if pose.units == "norm" and min(pose.size) else (1, 1), np.float32)
    return replace(pose, joints=pose.joints[..., :2] * scale)


def _size(joints: Floats) -> float:
    """Return how far joints lie from their middle, the median over frames of their deviation."""
    middle = joints.mean(1, keepdims=True)
    return float(np.median(np.sqrt(((joints - middle) ** 2).sum(2).mean(1))))
