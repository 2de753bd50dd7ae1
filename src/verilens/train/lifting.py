"""What lifters are trained and measured on: captured movement, seen by virtual cameras.

    movement in the world -> a camera around a window -> screen coordinates and camera axes

Cameras are drawn anew for every window of every epoch; equal seeds draw equal ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.motion.lifter import Window, mirrored, screen
from verilens.poses.cameras import METRES, Rig, filmed, viewed
from verilens.records import Pose

Floats = NDArray[np.float64]
LEGS = ("hip", "knee", "ankle")


@dataclass(frozen=True, kw_only=True)
class Views:
    """How windows are seen. noise_px: added to pixels, normal. flip: mirror half of them.

    mixed: share of windows whose legs are those of another movement, which must face the same way.
    """

    rig: Rig = field(default_factory=Rig)
    noise_px: float = 0.0
    flip: bool = True
    mixed: float = 0.0


class Filmed:
    """Batches of windows around random frames, as lifters train on them.

    movements: in the world, of one skeleton, in metres or millimetres. size: windows of a batch.
    steps: batches of an epoch; 0 visits about every frame once.
    """

    def __init__(
        self,
        movements: Sequence[Pose],
        window: Window,
        views: Views,
        size: int,
        steps: int = 0,
        seed: int = 0,
    ) -> None:
        if not movements:
            raise ConfigError("no movements to film")
        self.joints = [pose.joints.astype(float) * METRES[pose.units] for pose in movements]
        self.skeleton = movements[0].skeleton
        self.window, self.views, self.size, self.seed = window, views, size, seed
        names = self.skeleton.joints
        self.legs = [n for n, name in enumerate(names) if name.partition("_")[2] in LEGS]
        self.lengths = np.array([len(joints) for joints in self.joints])
        self.steps = steps or max(1, self.samples // size)

    @property
    def samples(self) -> int:
        """Return how many frames there are to look around of."""
        return int(self.lengths.sum())

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[PoseBatch]:
        """Yield the batches of an epoch, without the first `skip`."""
        for step in range(skip, self.steps):
            yield self.batch(np.random.default_rng([self.seed, epoch, step]))

    def batch(self, rng: np.random.Generator) -> PoseBatch:
        """Return windows around frames drawn evenly from all."""
        starts = np.cumsum(self.lengths) - self.lengths
        flat = rng.integers(self.samples, size=self.size)
        which = np.searchsorted(starts, flat, side="right") - 1
        pairs = [
            self._window(int(n), int(at - starts[n]), rng)
            for n, at in zip(which, flat, strict=True)
        ]
        seen = torch.from_numpy(np.stack([pair[0] for pair in pairs]))
        space = torch.from_numpy(np.stack([pair[1] for pair in pairs]))
        return PoseBatch(
            joints=seen[:, None],
            confidence=torch.ones(seen[:, None].shape[:-1]),
            labels=torch.zeros(len(seen), dtype=torch.int64),
            index=torch.from_numpy(flat),
            targets=space,
        )

    def _window(
        self, which: int, at: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a window's screen coordinates, (T, J, 2), and camera axes, (T, J, 3)."""
        joints = self.joints[which][self.window.around(at, len(self.joints[which]))]
        if self.views.mixed and rng.random() < self.views.mixed:
            joints = self._with_other_legs(joints, rng)
        middle = joints[len(joints) // 2, self.skeleton.root]
        camera = self.views.rig.draw(middle, rng)
        space = camera.view(joints)
        pixels = camera.project(space)
        pixels += rng.normal(0, self.views.noise_px, pixels.shape) if self.views.noise_px else 0
        seen, there = screen(pixels, camera.size), space.astype(np.float32)
        if self.views.flip and rng.random() < 0.5:
            flip = self.skeleton.flip
            return mirrored(seen, flip), mirrored(there, flip)
        return seen, there

    def _with_other_legs(self, joints: Floats, rng: np.random.Generator) -> Floats:
        which = int(rng.integers(len(self.joints)))
        other = self.joints[which]
        at = int(rng.integers(len(other)))
        window = other[self.window.around(at, len(other))]
        root = self.skeleton.root
        mixed: Floats = joints.copy()
        mixed[:, self.legs] = (window - window[:, root, None] + joints[:, root, None])[:, self.legs]
        return mixed


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A movement as one camera saw it. name: of the movement, and so of what is resampled."""

    name: str
    seen: Pose
    space: Pose


def shots(
    movements: Sequence[tuple[str, Pose]], rig: Rig, cameras: int, seed: int = 0
) -> list[Shot]:
    """Return every movement seen by so many cameras, drawn once for it."""
    found = []
    for n, (name, pose) in enumerate(movements):
        rng = np.random.default_rng([seed, n])
        root = pose.joints[:, pose.skeleton.root].mean(0).astype(float) * METRES[pose.units]
        for _ in range(cameras):
            camera = rig.draw(root, rng)
            found.append(Shot(name=name, seen=filmed(pose, camera), space=viewed(pose, camera)))
    return found


def every(pose: Pose, step: int) -> Pose:
    """Return every `step`-th frame of a pose."""
    return replace(
        pose,
        joints=np.ascontiguousarray(pose.joints[::step]),
        confidence=np.ascontiguousarray(pose.confidence[::step]),
        fps=pose.fps / step,
    )
