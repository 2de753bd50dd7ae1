"""A movement at other moments: gaps filled, another frame rate, another number of frames."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.poses.make import FASTEST, MAX_FRAMES
from verilens.records import Pose


def fill(pose: Pose, longest_s: float = np.inf) -> Pose:
    """Return the pose with missing joints put between the moments at which they were seen.

    Linear in time; before the first and after the last moment a joint stays where it was. Gaps
    longer than `longest_s` stay, and so do joints that were never seen. The confidence of what is
    filled in runs between that of its neighbours.
    """
    joints, confidence = pose.joints.copy(), pose.confidence.copy()
    frames = np.arange(len(pose))
    for joint in np.flatnonzero((confidence == 0).any(0)):
        seen = np.flatnonzero(confidence[:, joint])
        if not len(seen):
            continue
        fillable = confidence[:, joint] == 0
        fillable &= _gap(frames, seen) / pose.fps <= longest_s
        moments = frames[fillable]
        for axis in range(joints.shape[2]):
            values = pose.joints[seen, joint, axis]
            joints[fillable, joint, axis] = np.interp(moments, seen, values)
        sure = pose.confidence[seen, joint]
        confidence[fillable, joint] = np.interp(moments, seen, sure)
    return replace(pose, joints=joints, confidence=confidence)


def resample(pose: Pose, fps: float) -> Pose:
    """Return the same movement, as long in seconds, at another frame rate."""
    if not 0 < fps <= FASTEST:
        raise ConfigError(f"{fps} frames a second; it must be above 0 and at most {FASTEST:g}")
    if fps == pose.fps:
        return pose
    last = len(pose) - 1
    count = int(round(last / pose.fps * fps, 6)) + 1
    if count > MAX_FRAMES:
        raise ConfigError(f"{count} frames at {fps:g} a second; at most {MAX_FRAMES} are possible")
    moments = np.minimum(np.arange(count) * (pose.fps / fps), last)
    return replace(at(pose, moments), fps=float(fps))


def stretch(pose: Pose, frames: int) -> Pose:
    """Return the same movement in so many frames, first and last included, as long in seconds."""
    if not 0 < frames <= MAX_FRAMES:
        raise ConfigError(f"{frames} frames; between 1 and {MAX_FRAMES} are possible")
    moments = np.linspace(0, len(pose) - 1, frames)
    fps = pose.fps * (frames - 1) / (len(pose) - 1) if min(frames, len(pose)) > 1 else pose.fps
    return replace(at(pose, moments), fps=fps)


def at(pose: Pose, moments: NDArray[np.float64]) -> Pose:
    """Return the pose at moments between its frames, linear between two; moments: in frames.

    A joint that is missing in one of the two is where the other has it when that one is nearer, and
    missing when it is farther.
    """
    before = np.floor(moments).astype(int)
    after = np.minimum(before + 1, len(pose) - 1)
    late = (moments - before).astype(np.float32)
    weights = [(1 - late)[:, None], late[:, None]]
    seen = [pose.confidence[frame] > 0 for frame in (before, after)]
    shares = [weight * here for weight, here in zip(weights, seen, strict=True)]
    known = shares[0] + shares[1]
    found = known >= 0.5
    known = np.maximum(known, np.float32(1e-9))[..., None]
    joints = sum(
        share[..., None] / known * pose.joints[frame]
        for share, frame in zip(shares, (before, after), strict=True)
    )
    sure = sum(
        share / known[..., 0] * pose.confidence[frame]
        for share, frame in zip(shares, (before, after), strict=True)
    )
    return replace(
        pose,
        joints=np.where(found[..., None], joints, 0).astype(np.float32),
        confidence=np.where(found, sure, 0).astype(np.float32),
    )


def _gap(frames: NDArray[np.int_], seen: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return how many frames lie between the two moments around each one at which it was seen."""
    place = np.searchsorted(seen, frames)
    before = np.where(place > 0, seen[np.maximum(place - 1, 0)], frames)
    after = np.where(place < len(seen), seen[np.minimum(place, len(seen) - 1)], frames)
    return np.asarray(after - before)
