"""What fillers are trained and measured on: windows of captured movement, stretches of them hidden.

clips of a movement -> windows, turned, mirrored, played backwards -> batches
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.records import Pose
from verilens.train.loop import Batches, Step, fit
from verilens.train.recipe import Plan

Floats = NDArray[np.float64]


class Windows:
    """Batches of windows from random places of movements.

    movements: of one skeleton in 3D. frames: of a window; shorter movements are left out. size:
    windows of a batch. augment: turn each about the vertical, mirror half, play half backwards.
    """

    def __init__(
        self,
        movements: Sequence[Pose],
        frames: int,
        size: int,
        steps: int = 0,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        kept = [pose for pose in movements if len(pose) >= frames]
        if not kept:
            raise ConfigError(f"no movement is as long as a window of {frames} frames")
        self.joints = [pose.joints for pose in kept]
        self.flip = list(kept[0].skeleton.flip)
        self.frames, self.size, self.augment, self.seed = frames, size, augment, seed
        self.places = np.array([len(joints) - frames + 1 for joints in self.joints])
        self.steps = steps or max(1, self.samples // size)

    @property
    def samples(self) -> int:
        """Return how many windows there are."""
        return int(self.places.sum())

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[PoseBatch]:
        """Yield the batches of an epoch, without the first `skip`."""
        for step in range(skip, self.steps):
            yield self.batch(np.random.default_rng([self.seed, epoch, step]))

    def batch(self, rng: np.random.Generator) -> PoseBatch:
        """Return windows drawn evenly from all."""
        starts = np.cumsum(self.places) - self.places
        flat = rng.integers(self.samples, size=self.size)
        which = np.searchsorted(starts, flat, side="right") - 1
        windows = [
            self.joints[n][at - starts[n] : at - starts[n] + self.frames]
            for n, at in zip(which, flat, strict=True)
        ]
        if self.augment:
            windows = [self._changed(window, rng) for window in windows]
        joints = torch.from_numpy(np.stack(windows))[:, None]
        return PoseBatch(
            joints=joints,
            confidence=torch.ones(joints.shape[:-1]),
            labels=torch.zeros(self.size, dtype=torch.int64),
            index=torch.from_numpy(flat),
        )

    def _changed(
        self, window: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        angle = rng.uniform(-np.pi, np.pi)
        c, s = np.cos(angle), np.sin(angle)
        turned = window @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]], np.float32)
        if rng.random() < 0.5:
            turned = turned[:, self.flip] * np.array([-1, 1, 1], np.float32)
        return np.ascontiguousarray(turned[::-1] if rng.random() < 0.5 else turned)


def fit_filler(
    method: StgcDiff, batches: Batches[PoseBatch], first: Plan, then: Plan
) -> Iterator[Step]:
    """Train in two phases: rebuild movements, then freeze that and fill gaps."""
    yield from fit(method.autoencoder, batches, first)
    method.freeze()
    yield from fit(method, batches, then)


def gaps(
    pose: Pose, context: int, frames: int, step: int
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield what stands before a gap, what is in it, and what follows, along a movement."""
    joints = pose.joints.astype(float)
    for start in range(0, len(joints) - 2 * context - frames + 1, step):
        before, inside, after = np.split(
            joints[start : start + 2 * context + frames], [context, context + frames]
        )
        yield before, inside, after
