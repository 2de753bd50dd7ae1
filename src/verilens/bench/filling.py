"""How well fillers do on gaps cut into real movements.

movements -> before, gap, after -> filler -> errors, jerk at the seams, bones
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.bench.metrics.intervals import Interval, Plan, clustered_mean
from verilens.bench.metrics.poses import bone_spread, jerk, mpjpe, seam_jerk
from verilens.errors import ConfigError
from verilens.motion.fillers import Fills, hermite
from verilens.records import Pose
from verilens.train.filling import gaps

Floats = NDArray[np.float64]
SMALL = 1e-6


class Gap(NamedTuple):
    """A gap and what stands around it, each (T, J, D). name: of what is resampled together."""

    name: str
    kind: str
    before: Floats
    inside: Floats
    after: Floats


class Fitted:
    """The cubic passage, corrected by what least squares finds in known movements.

    The correction is linear in how velocities change beside the gap, the same for every joint and
    axis, and each joint is measured in its own pace, the size of these changes. No bones, no other
    joints: what a network has to beat. weights: (features, frames).
    """

    def __init__(self, weights: Floats, context: int) -> None:
        self.weights, self.context = weights, context

    @classmethod
    def fit(
        cls,
        movements: Sequence[Pose],
        context: int,
        frames: int,
        step: int = 3,
        ridge: float = 0.01,
    ) -> "Fitted":
        """Return it for gaps of so many frames.

        ridge: of a feature's variance. Movements are taken forwards and backwards.
        """
        features, wanted = [], []
        for pose in movements:
            windows = list(gaps(pose, context, frames, step))
            if not windows:
                continue
            sides = [np.concatenate(parts, 1) for parts in zip(*windows, strict=True)]
            for before, inside, after in (sides, [part[::-1] for part in sides[::-1]]):
                found = changes(before, after, frames)  # of all windows' joints side by side
                own = pace(found)
                left = inside - hermite(before, after, frames)
                features.append((found / own).reshape(len(found), -1).T)
                wanted.append((left / own).reshape(frames, -1).T)
        if not features:
            raise ConfigError(f"no movement is as long as {2 * context + frames} frames")
        x, y = np.concatenate(features), np.concatenate(wanted)
        extra = ridge * len(x) * np.mean(x**2) * np.eye(x.shape[1])
        weights = np.linalg.solve(x.T @ x + extra, x.T @ y)
        return cls(weights.astype(np.float64), context)

    def between(self, before: Floats, after: Floats, frames: int) -> Floats:
        """Return the frames of a gap; ConfigError for another length, or less seen beside it."""
        if frames != self.weights.shape[1] or min(len(before), len(after)) < self.context:
            raise ConfigError(
                f"fitted to gaps of {self.weights.shape[1]} frames between {self.context}"
            )
        before, after = before[-self.context :], after[: self.context]
        found = changes(before, after, frames)
        corrected: Floats = hermite(before, after, frames) + np.tensordot(self.weights.T, found, 1)
        return corrected


def changes(before: Floats, after: Floats, frames: int) -> Floats:
    """Return how velocities change beside a gap, and from there to an even passage, (F, J, D)."""
    even = (after[:1] - before[-1:]) / (frames + 1)
    sides = np.diff(before, axis=0), np.diff(after, axis=0)
    ends = [sides[0][-1:] - even, sides[1][:1] - even]
    return np.concatenate([*(np.diff(side, axis=0) for side in sides), *ends])


def pace(found: Floats) -> Floats:
    """Return the size of a joint's changes, (1, J, 1), never 0."""
    size: Floats = np.sqrt(np.mean(found**2, axis=(0, 2), keepdims=True)) + SMALL
    return size


class Filled(NamedTuple):
    """What a filler did in every gap.

    error: mean joint error. seam: jerk of the five frames around either seam, over that of the real
    movement there. inner: the same of the whole gap. spread: of bone lengths.
    """

    error: Floats
    seam: Floats
    inner: Floats
    spread: Floats
    names: list[str]

    def figure(self, of: str, rows: NDArray[np.bool_] | None = None) -> Interval:
        """Return the mean of a field over gaps, with an interval over names."""
        kept = np.ones(len(self.error), bool) if rows is None else rows
        names = [name for name, is_kept in zip(self.names, kept, strict=True) if is_kept]
        return clustered_mean(getattr(self, of)[kept], names, None, Plan())


def cut(
    movements: Sequence[tuple[str, str, Pose]], context: int, frames: int, step: int
) -> list[Gap]:
    """Return gaps along movements, given as (name, kind, pose)."""
    return [
        Gap(name, kind, *parts)
        for name, kind, pose in movements
        for parts in gaps(pose, context, frames, step)
    ]


def judged(filler: Fills, over: Sequence[Gap], bones: Sequence[tuple[int, int]]) -> Filled:
    """Return what a filler does in every gap."""
    error: list[float] = []
    spread: list[float] = []
    seam: list[float] = []
    inner: list[float] = []
    real_seam: list[float] = []
    real_inner: list[float] = []
    for gap in over:
        found = filler.between(gap.before, gap.after, len(gap.inside))
        whole, truth = (
            np.concatenate([gap.before, part, gap.after]) for part in (found, gap.inside)
        )
        start, end = len(gap.before), len(gap.before) + len(gap.inside)
        error.append(mpjpe(found, gap.inside))
        for joints, seams, inners in ((whole, seam, inner), (truth, real_seam, real_inner)):
            seams.append((seam_jerk(joints, start) + seam_jerk(joints, end)) / 2)
            inners.append(jerk(joints[start - 2 : end + 2]))
        spread.append(bone_spread(whole, bones))
    return Filled(
        np.array(error),
        np.array(seam) / np.mean(real_seam),
        np.array(inner) / np.mean(real_inner),
        np.array(spread),
        [gap.name for gap in over],
    )


def cut_hard(over: Sequence[Gap]) -> float:
    """Return the seam jerk of two movements put one after the other, over that of real movement.

    The end of every gap's `before` meets the start of the `after` of the gap half a set away.
    """
    pairs = [(gap, over[(n + len(over) // 2) % len(over)]) for n, gap in enumerate(over)]
    hard = [seam_jerk(np.concatenate([a.before[-3:], b.after[:3]]), 3) for a, b in pairs]
    real = [seam_jerk(np.concatenate([a.before[-3:], a.inside[:3]]), 3) for a, _ in pairs]
    return float(np.mean(hard) / np.mean(real))
