"""What fills the gap between two movements: the contract, and five ways without learning.

Convention: a filler is given the frames before and after a gap and gives the frames in between,
in the same unit; it never changes what it is given.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, MissingExtra
from verilens.poses.missing import filled
from verilens.records import Pose, Skeleton

Floats = NDArray[np.float64]
REACH = 8  # frames on either side that a spline is laid through
SECONDS = 1 / 3  # of a gap, when nothing is said
SMALL = 1e-6  # a bone that is shorter has no direction


class Fills(Protocol):
    """Anything that fills gaps, learned or not."""

    def between(self, before: Floats, after: Floats, frames: int) -> Floats:
        """Return the frames of a gap, (frames, J, D).

        before, after: what stands on either side, (A, J, D) and (B, J, D), A and B at least 1.
        """


@runtime_checkable
class Learned(Fills, Protocol):
    """A network that fills gaps of one skeleton, or of several."""

    def fitted_to(self, other: Skeleton) -> Fills:
        """Return it for another skeleton; ConfigError when its weights are tied to one."""


class Simple:
    """A filler that is one function."""

    def __init__(self, fill: Callable[[Floats, Floats, int], Floats]) -> None:
        self.fill = fill

    def between(self, before: Floats, after: Floats, frames: int) -> Floats:
        return self.fill(before, after, frames)


class KeepsBones:
    """Another filler whose gaps get the bones that stand beside them, see `with_bones`."""

    def __init__(self, filler: Fills, of: Skeleton) -> None:
        self.filler, self.of = filler, of

    def between(self, before: Floats, after: Floats, frames: int) -> Floats:
        found = self.filler.between(before, after, frames)
        return with_bones(found, before[-1], after[0], self.of)


def hold(before: Floats, after: Floats, frames: int) -> Floats:
    """Return the last frame before the gap, over and over."""
    return np.repeat(before[-1:], frames, 0)


def linear(before: Floats, after: Floats, frames: int) -> Floats:
    """Return an even passage from the last frame before to the first after."""
    found: Floats = before[-1] + (after[0] - before[-1]) * shares(frames)
    return found


def spline(before: Floats, after: Floats, frames: int) -> Floats:
    """Return a cubic spline through up to eight frames on either side."""
    try:
        from scipy.interpolate import CubicSpline
    except ImportError as error:
        raise MissingExtra("splines need scipy: pip install 'verilens[motion]'") from error
    before, after = before[-REACH:], after[:REACH]
    times = [*range(-len(before), 0), *range(frames, frames + len(after))]
    known = np.concatenate([before, after])
    found: Floats = CubicSpline(times, known, axis=0)(np.arange(frames))
    return found


def hermite(before: Floats, after: Floats, frames: int) -> Floats:
    """Return the cubic passage that keeps place and velocity at both ends of the gap.

    Velocities are those of the last step before and the first after; one frame alone stands still.
    """
    beside = np.stack(
        [before[max(0, len(before) - 2)], before[-1], after[0], after[min(1, len(after) - 1)]]
    )
    found: Floats = np.tensordot(hermite_weights(frames), beside, 1)
    return found


def hermite_weights(frames: int) -> Floats:
    """Return how much of the two frames before and the two after is in each one, (frames, 4)."""
    t, length = shares(frames)[:, 0, 0], frames + 1
    leaving, coming = (t**3 - 2 * t**2 + t) * length, (t**3 - t**2) * length
    arrived = 3 * t**2 - 2 * t**3
    return np.stack([-leaving, 1 - arrived + leaving, arrived - coming, coming], 1)


def dtw_blend(before: Floats, after: Floats, frames: int) -> Floats:
    """Return both movements played on into the gap backwards, aligned in time and cross-faded.

    The end of the first runs back from its last frame, the start of the second runs back to its
    first; a warping path pairs their frames, and the weight passes evenly from one to the other.
    """
    if not frames:
        return before[:0]
    leaving, coming = before[::-1][:frames], after[:frames][::-1]
    path = np.array(warped(leaving, coming))
    along = np.linspace(0, len(path) - 1, frames + 2)[1:-1]
    low = np.floor(along).astype(int)
    high, part = np.minimum(low + 1, len(path) - 1), (along - low)[:, None, None]

    def at(movement: Floats, places: NDArray[np.intp]) -> Floats:
        found: Floats = movement[places[low]] * (1 - part) + movement[places[high]] * part
        return found

    share = shares(frames)
    return at(leaving, path[:, 0]) * (1 - share) + at(coming, path[:, 1]) * share


SIMPLE: dict[str, Fills] = {
    "linear": Simple(linear),
    "cubic": Simple(hermite),
    "spline": Simple(spline),
    "dtw-blend": Simple(dtw_blend),
    "hold": Simple(hold),
}


def shares(frames: int) -> Floats:
    """Return how much of a gap has passed at each of its frames, (frames, 1, 1), in (0, 1)."""
    passed: Floats = (np.arange(frames) + 1) / (frames + 1)
    return passed[:, None, None]


def warped(first: Floats, second: Floats) -> list[tuple[int, int]]:
    """Return the cheapest warping path between two movements, from both starts to both ends."""
    cost = np.linalg.norm(first[:, None] - second[None], axis=-1).mean(-1)
    total = np.full((len(first) + 1, len(second) + 1), np.inf)
    total[0, 0] = 0
    for i, row in enumerate(cost):
        for j, value in enumerate(row):
            total[i + 1, j + 1] = value + min(total[i, j], total[i, j + 1], total[i + 1, j])
    i, j = len(first) - 1, len(second) - 1
    path = [(i, j)]
    while i or j:
        steps = ((i - 1, j - 1), (i - 1, j), (i, j - 1))
        i, j = min((s for s in steps if min(s) >= 0), key=lambda s: total[s[0] + 1, s[1] + 1])
        path.append((i, j))
    return path[::-1]


def with_bones(gap: Floats, first: Floats, last: Floats, of: Skeleton) -> Floats:
    """Return a gap whose bones pass evenly from their length in `first` to that in `last`.

    gap: (frames, J, D); first, last: the frames beside it, (J, D). Directions stay.
    """
    passed = shares(len(gap))[:, 0]
    fixed = gap.copy()
    for joint, parent in from_root(of):
        lengths = [np.linalg.norm(frame[joint] - frame[parent]) for frame in (first, last)]
        wanted = lengths[0] + (lengths[1] - lengths[0]) * passed
        bone = gap[:, joint] - gap[:, parent]
        actual = np.linalg.norm(bone, axis=-1, keepdims=True)
        scale = np.divide(wanted, actual, out=np.ones_like(actual), where=actual > SMALL)
        fixed[:, joint] = fixed[:, parent] + bone * scale
    return fixed


def from_root(of: Skeleton) -> list[tuple[int, int]]:
    """Return (joint, parent), parents first."""
    placed = {joint for joint, parent in enumerate(of.parents) if parent < 0}
    waiting = [(joint, parent) for joint, parent in enumerate(of.parents) if parent >= 0]
    order: list[tuple[int, int]] = []
    while waiting:
        ready = [pair for pair in waiting if pair[1] in placed]
        order += ready
        placed |= {joint for joint, _ in ready}
        waiting = [pair for pair in waiting if pair[0] not in placed]
    return order


def joined(first: Pose, second: Pose, filler: Fills, frames: int | None = None) -> Pose:
    """Return two movements with a filled gap between them; both stay as they are.

    frames: of the gap; None is a third of a second. Joints of the gap are as sure as the less sure
    of the two frames beside it.
    """
    fitting(first, second)
    count = round(SECONDS * first.fps) if frames is None else frames
    if count < 0:
        raise ConfigError(f"a gap cannot have {count} frames")
    before, after = (filled(pose).astype(float) for pose in (first, second))
    between = filler.between(before, after, count)
    sure = np.minimum(first.confidence[-1:], second.confidence[:1]).repeat(count, 0)
    gap = np.where(sure[..., None] > 0, between, 0).astype(np.float32)
    return replace(
        first,
        joints=np.concatenate([first.joints, gap, second.joints]),
        confidence=np.concatenate([first.confidence, sure, second.confidence]),
    )


def fitting(first: Pose, second: Pose) -> None:
    """Raise ConfigError unless one movement can go on into the other."""
    for name in ("skeleton", "units", "frame"):
        one, other = getattr(first, name), getattr(second, name)
        if one != other:
            one, other = getattr(one, "name", one), getattr(other, "name", other)
            raise ConfigError(f"the movements differ in {name}: '{one}' and '{other}'")
    if first.joints.shape[2] != second.joints.shape[2]:
        raise ConfigError("one of the movements is flat, the other is not")
    if abs(first.fps - second.fps) > 0.01 * first.fps:
        raise ConfigError(
            f"the movements differ in speed: {first.fps:g} and {second.fps:g} frames a second; "
            "resample one"
        )
