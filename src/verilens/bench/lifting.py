"""How well lifters do on virtual cameras, beside two that need no network.

    shots -> noise and losses -> lifter -> errors of every shot -> a table's figures

Errors are relative to the root, in millimetres of the set, and weighted by frames; intervals draw
whole movements, so that several cameras on one count as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from verilens.bench.metrics.intervals import Interval, Plan, clustered_mean
from verilens.bench.metrics.poses import mpjpe, mpjve, n_mpjpe, p_mpjpe
from verilens.poses.cameras import disturbed
from verilens.poses.missing import filled
from verilens.records import Pose, Skeleton
from verilens.train.lifting import Filmed, Shot

Floats = NDArray[np.float64]
METRICS = {"MPJPE": mpjpe, "P-MPJPE": p_mpjpe, "N-MPJPE": n_mpjpe, "MPJVE": mpjve}
SMALL = 1e-6
RIDGE = 1e-4  # keeps joints that always move together from cancelling each other


class Lifts(Protocol):
    """Anything that lifts, learned or not."""

    def lift(self, pose2d: Pose) -> Pose:
        """Return the movement in camera axes, relative to the root, in metres."""


@dataclass(frozen=True)
class Linear:
    """Least squares from the joints of one frame to their places in space.

    weights: (2 J + 1, 3 J) of joints relative to the root, in extents of the person, and 1; with
    the mean pose alone all but the last row are 0.
    """

    weights: Floats

    @classmethod
    def fit(cls, filmed: Filmed, batches: int = 50) -> Self:
        """Return the least squares over the middle frames of so many batches."""
        seen, space = _examples(filmed, batches)
        shared = seen.T @ seen + RIDGE * len(seen) * np.eye(seen.shape[1])
        return cls(np.linalg.solve(shared, seen.T @ space).astype(float))

    @classmethod
    def mean(cls, filmed: Filmed, batches: int = 50) -> Self:
        """Return what gives every frame the mean pose."""
        seen, space = _examples(filmed, batches)
        weights = np.zeros((seen.shape[1], space.shape[1]))
        weights[-1] = space.mean(0)
        return cls(weights)

    def lift(self, pose2d: Pose) -> Pose:
        """Return the movement in camera axes, relative to the root, in metres."""
        found = _features(filled(pose2d).astype(float), pose2d.skeleton) @ self.weights
        joints = found.reshape(len(pose2d), len(pose2d.skeleton), 3).astype(np.float32)
        return replace(pose2d, joints=joints, units="m", frame="camera")


class Row(NamedTuple):
    """What one lifter did. values: of every shot by metric; names, frames: of every shot."""

    values: Mapping[str, Floats]
    names: list[str]
    frames: Floats

    def figure(self, metric: str, plan: Plan | None = None) -> Interval:
        """Return the mean over frames, with an interval over movements."""
        return clustered_mean(self.values[metric], self.names, self.frames, plan or Plan())


def judged(
    lifter: Lifts, shots: Sequence[Shot], noise_px: float = 0.0, loss: float = 0.0, seed: int = 0
) -> Row:
    """Return the errors of a lifter on shots, disturbed alike for every lifter."""
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    for n, shot in enumerate(shots):
        rng = np.random.default_rng([seed, n])
        seen = disturbed(shot.seen, rng, noise_px, loss) if noise_px or loss else shot.seen
        found, truth = (_relative(pose) for pose in (lifter.lift(seen), shot.space))
        for name, metric in METRICS.items():
            values[name].append(metric(found, truth))
    return Row(
        {name: np.array(of) for name, of in values.items()},
        [shot.name for shot in shots],
        np.array([len(shot.seen) for shot in shots], float),
    )


def _relative(pose: Pose) -> Floats:
    """Return joints relative to the root, in millimetres."""
    root = pose.joints[:, pose.skeleton.root, None].astype(float)
    relative: Floats = (pose.joints.astype(float) - root) * 1000
    return relative


def _examples(filmed: Filmed, batches: int) -> tuple[Floats, Floats]:
    seen, space = [], []
    for number, batch in enumerate(filmed.epoch(0)):
        if number == batches:
            break
        middle = batch.joints.shape[2] // 2
        seen.append(_features(batch.joints[:, 0, middle].double().numpy(), filmed.skeleton))
        joints = cast(Tensor, batch.targets)[:, middle].double().numpy()
        root = joints[:, filmed.skeleton.root, None]
        space.append((joints - root).reshape(len(joints), -1))
    return np.concatenate(seen), np.concatenate(space)


def _features(joints: Floats, skeleton: Skeleton) -> Floats:
    """Return frames, (N, J, 2), relative to the root, in extents, and a 1, (N, 2 J + 1)."""
    centred = joints - joints[:, skeleton.root, None]
    extent = np.sqrt((centred**2).sum(-1).mean(1))[:, None, None]
    flat = (centred / np.maximum(extent, SMALL)).reshape(len(joints), -1)
    return np.concatenate([flat, np.ones((len(flat), 1))], 1)
