"""Recordings of single signs become one movement.

    signs -> shoulders one apart -> outer stillness off -> cut where neighbours are alike
          -> gaps of 0.2 s -> filled -> smoothed (not the face) -> wrists of body and hand agree

The steps and their figures are those of the open spoken-to-signed pipeline (Moryossef et al.,
"An Open-Source Gloss-Based Baseline for Spoken to Signed Language Translation", AT4SSL 2023).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, MediaError, MissingExtra
from verilens.motion.fillers import Fills
from verilens.poses import timing
from verilens.records import Pose

Fill = Callable[[Pose], Pose]
FACE = ("face", "mesh_")  # how the names of its joints begin
SIDES = ("left", "right")
CANVAS_PX, CANVAS_REACH = 500, 1.25  # side; how many shoulder widths to each side of the neck


@dataclass(frozen=True, kw_only=True)
class Joining:
    """How signs are joined.

    trim: cut stillness off, where no hand is seen, except at the outer ends.
    window: how much of neighbouring signs is searched for the cut: at most so many seconds, and at
        most this share of a sign. padding_s: time from one sign to the next.
    smooth_frames, smooth_order: of the Savitzky-Golay filter; 0 frames does not smooth.
    reach: how far a hand may be from the body's wrist to be taken for it, in shoulder widths.
    """

    trim: bool = True
    window: float = 0.3
    padding_s: float = 0.2
    smooth_frames: int = 3
    smooth_order: int = 1
    reach: float = 0.15

    def __post_init__(self) -> None:
        if not 0 < self.window <= 1 or not 0 <= self.padding_s <= 10:
            raise ConfigError("joining: window must lie in (0, 1] and padding_s in 0-10")
        if self.smooth_frames and not 0 <= self.smooth_order < self.smooth_frames:
            raise ConfigError("joining: smooth_order must be below smooth_frames")


class Joined(NamedTuple):
    """pose: the movement. cuts: which frames of each sign are in it. signs: and where they lie."""

    pose: Pose
    cuts: tuple[tuple[int, int], ...]
    signs: tuple[tuple[int, int], ...]


def join(
    signs: Sequence[Pose], settings: Joining | None = None, fill: Fill | None = None
) -> Joined:
    """Return signs as one movement, shoulders one apart around the origin.

    signs: of one skeleton; frames a second become those of the first.
    fill: closes gaps, frames in which no joint is sure; straight lines by default.
    """
    settings = settings or Joining()
    if not signs:
        raise ConfigError("there is no sign to join")
    if any(sign.skeleton != signs[0].skeleton for sign in signs):
        raise ConfigError("signs can only be joined when they are of one skeleton")
    placed = [normalised(timing.resample(sign, signs[0].fps)) for sign in signs]
    cuts = cut(placed, settings)
    pieces = [part(sign, *span) for sign, span in zip(placed, cuts, strict=True)]
    padding = int(settings.padding_s * signs[0].fps)
    whole, spans = laid(pieces, padding)
    whole = (fill or lines)(whole)
    if settings.smooth_frames:
        whole = smoothed(whole, settings.smooth_frames, settings.smooth_order)
    return Joined(agreeing_wrists(whole, settings.reach), tuple(cuts), spans)


def cut(signs: Sequence[Pose], settings: Joining) -> list[tuple[int, int]]:
    """Return which frames of each sign, [start, end), go into the movement."""
    bounds = [(0, len(sign.joints)) for sign in signs]
    if settings.trim:
        last = len(signs) - 1
        visible = [shown(sign) for sign in signs]
        bounds = [
            (start if n else 0, end if n < last else len(signs[n].joints))
            for n, (start, end) in enumerate(visible)
        ]
    for n in range(len(signs) - 1):
        (start, end), (next_start, next_end) = bounds[n], bounds[n + 1]
        before, after = part(signs[n], start, end), part(signs[n + 1], next_start, next_end)
        leave, enter = connection(before, after, settings.window)
        bounds[n] = (start, max(start + 1, start + leave))
        bounds[n + 1] = (next_start + enter, next_end)
    return bounds


def connection(before: Pose, after: Pose, window: float = 0.3) -> tuple[int, int]:
    """Return at which frames two signs are most alike, at the end of one and start of the other."""
    tails, heads = (
        math.ceil(min(window * pose.fps, window * len(pose.joints))) for pose in (before, after)
    )
    first = before.joints[-tails:].reshape(tails, 1, -1).astype(float)
    second = after.joints[:heads].reshape(1, heads, -1)
    apart = np.linalg.norm(first - second, axis=-1)
    leave, enter = np.unravel_index(int(apart.argmin()), apart.shape)
    return len(before.joints) - tails + int(leave), int(enter)


def shown(pose: Pose) -> tuple[int, int]:
    """Return from which frame to which, [start, end), a hand is seen; all when none ever is."""
    names = [f"{side}_hand_wrist" for side in SIDES]
    if not set(names) & set(pose.skeleton.joints):
        names = [f"{side}_wrist" for side in SIDES]
    places = [pose.skeleton.index(name) for name in names if name in pose.skeleton.joints]
    seen = np.flatnonzero((pose.confidence[:, places] > 0).any(1))
    return (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, len(pose.joints))


def normalised(pose: Pose) -> Pose:
    """Return the pose with its shoulders one apart, on average, and the origin between them."""
    try:
        left, right = (pose.skeleton.index(f"{side}_shoulder") for side in SIDES)
    except ValueError as error:
        message = f"signs need shoulders, which {pose.skeleton.name} has not"
        raise MediaError("unsupported", message) from error
    seen = (pose.confidence[:, [left, right]] > 0).all(1)
    a, b = pose.joints[seen, left].astype(float), pose.joints[seen, right].astype(float)
    width = float(np.linalg.norm(a - b, axis=-1).mean()) if seen.any() else 0.0
    if width == 0:
        raise MediaError("no-frames", "a sign whose shoulders are never seen cannot be joined")
    joints = (pose.joints - ((a + b) / 2).mean(0)) / width
    kept = np.where(pose.confidence[..., None] > 0, joints, 0).astype(np.float32)
    return replace(pose, joints=kept, units="norm")


def part(pose: Pose, start: int, end: int) -> Pose:
    """Return some frames of a pose, [start, end)."""
    return replace(pose, joints=pose.joints[start:end], confidence=pose.confidence[start:end])


def laid(pieces: Sequence[Pose], padding: int) -> tuple[Pose, tuple[tuple[int, int], ...]]:
    """Return pieces one after another `padding` empty frames apart, and their places."""
    joints, sure, spans, at = list[NDArray[np.float32]](), list[NDArray[np.float32]](), [], 0
    for piece in pieces:
        if joints:
            joints.append(np.zeros((padding, *piece.joints.shape[1:]), np.float32))
            sure.append(np.zeros((padding, piece.joints.shape[1]), np.float32))
            at += padding
        joints.append(piece.joints)
        sure.append(piece.confidence)
        spans.append((at, at + len(piece.joints)))
        at += len(piece.joints)
    whole = replace(pieces[0], joints=np.concatenate(joints), confidence=np.concatenate(sure))
    return whole, tuple(spans)


def lines(pose: Pose) -> Pose:
    """Return the pose with each joint drawn straight from where it is lost to where it returns.

    A joint is not made up before it is first seen or after it is last seen.
    """
    seen = pose.confidence > 0
    since, until = np.maximum.accumulate(seen), np.maximum.accumulate(seen[::-1])[::-1]
    between, filled = since & until, timing.fill(pose)
    return replace(
        pose,
        joints=np.where(between[..., None], filled.joints, 0),
        confidence=np.where(between, filled.confidence, 0),
    )


def by(filler: Fills) -> Fill:
    """Return what closes gaps between signs by a filler; joints lost within a sign go straight."""

    def fill(pose: Pose) -> Pose:
        straight = lines(pose)
        joints = straight.joints.astype(float)
        known = np.flatnonzero((pose.confidence > 0).any(1))
        for last, first in pairwise(known):
            if first - last > 1:
                before, after = joints[: last + 1], joints[first:]
                joints[last + 1 : first] = filler.between(before, after, int(first - last - 1))
        kept = np.where(straight.confidence[..., None] > 0, joints, 0).astype(np.float32)
        return replace(straight, joints=kept)

    return fill


def smoothed(pose: Pose, frames: int, order: int) -> Pose:
    """Return the pose filtered over time (Savitzky-Golay), the face left as it is."""
    try:
        from scipy.signal import savgol_filter
    except ImportError as error:
        raise MissingExtra("joining signs needs scipy: pip install 'verilens[bench]'") from error
    if len(pose.joints) < frames:
        return pose
    joints = pose.joints.copy()
    names = pose.skeleton.joints
    moving = [n for n, name in enumerate(names) if not name.startswith(FACE)]
    always = [n for n in moving if (pose.confidence[:, n] > 0).all()]
    joints[:, always] = savgol_filter(joints[:, always], frames, order, axis=0)
    return replace(pose, joints=joints)


def agreeing_wrists(pose: Pose, reach: float) -> Pose:
    """Return the pose with the body's wrists where the hands' are, when both are within `reach`.

    Farther ones are a hand that was found elsewhere for a moment; the open pipeline follows these
    too, and wrists jump.
    """
    joints = pose.joints.copy()
    for side in SIDES:
        if {f"{side}_wrist", f"{side}_hand_wrist"} <= set(pose.skeleton.joints):
            body, hand = (pose.skeleton.index(f"{side}{end}") for end in ("_wrist", "_hand_wrist"))
            apart = np.linalg.norm(joints[:, body, :2] - joints[:, hand, :2], axis=-1)
            near = (pose.confidence[:, hand] > 0) & (apart < reach)
            joints[near, body] = joints[near, hand]
    return replace(pose, joints=joints)


def on_canvas(pose: Pose) -> Pose:
    """Return a joined pose in pixels of a square picture with the neck in the middle."""
    scale = CANVAS_PX / (2 * CANVAS_REACH)
    joints = (pose.joints + np.float32(CANVAS_REACH)) * np.float32(scale)
    joints = np.where(pose.confidence[..., None] > 0, joints, 0)
    return replace(pose, joints=joints, units="px", size=(CANVAS_PX, CANVAS_PX))
