"""The contract of lifters: joints seen in a picture in, joints in space out.

    pose in pixels -> screen coordinates -> a window around every frame -> the frame in space

A lifter reads a window of frames and gives the pose of its middle frame, relative to the root.
Which frames fill a window that reaches beyond the ends of a film, what the coordinates are divided
by, and averaging with the mirrored film are the same for all, so they live here.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.method import Loss, Method
from verilens.poses.missing import filled
from verilens.poses.skeletons import skeleton
from verilens.records import Pose

PASS_WINDOWS = 64
SMALL = 1e-4  # an extent below this counts as none
Ints = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which frames a lifter reads around each frame.

    frames: how many, odd. step: every how many frames of the film. roll: a gap of more frames of
        the film than this at an end is filled with the film's own first or last frames, in order
        ("data rolling"); a smaller one repeats the outermost frame.
    """

    frames: int = 243
    step: int = 1
    roll: int = 1_000_000

    def __post_init__(self) -> None:
        if self.frames < 1 or self.frames % 2 == 0:
            raise ConfigError(f"window.frames must be odd, not {self.frames}")
        if self.step < 1 or self.roll < 0:
            raise ConfigError("window.step must be at least 1 and window.roll not negative")

    def around(self, at: int, length: int) -> Ints:
        """Return which frames of a film of `length` fill the window of frame `at`, (frames,)."""
        reach = (self.frames - 1) // 2 * self.step
        first, last = at - reach, at + reach + 1
        inside = np.arange(max(first, 0), min(last, length))
        before, after = max(0, -first), max(0, last - length)
        head, tail = np.zeros(before, int), np.full(after, length - 1)
        if before > self.roll and (own := min(at, before)):
            head[before - own :] = np.arange(own)
        if after > self.roll and (own := min(length - 1 - at, after)):
            tail[:own] = np.arange(length - own, length)
        return np.concatenate([head, inside, tail])[:: self.step]


@dataclass(frozen=True, kw_only=True)
class LifterConfig:
    """What every lifter is told.

    skeleton: of the joints it reads and gives. scale: how coordinates are divided. "screen" leaves
        x in [-1, 1] across the picture, as published; "person" takes the root of every frame away
        and divides the window by the person's extent, so that neither the place in the picture
        nor the camera's distance counts.
    mirrored: average with what the mirrored film gives.
    """

    skeleton: str = "h36m17"
    scale: Literal["screen", "person"] = "screen"
    mirrored: bool = True
    window: Window = Window()


class Lifter(Method[PoseBatch]):
    """A method that finds the third dimension of poses.

    Subclasses set `name`, take a config and implement `forward` and `training_step`. Training
    batches hold screen coordinates of windows in `joints`, one person, two dimensions, and where
    the joints are in camera axes in `targets`, in metres; the root is taken away here.
    """

    name: ClassVar[str]
    config: LifterConfig

    def forward(self, joints: Tensor) -> Tensor:
        """Return the middle frames in camera axes, relative to the root, (N, J, 3) in metres.

        joints: as `scaled` gives them, (N, T, J, 2) float32, T the window's frames.
        """
        raise NotImplementedError

    def training_step(self, batch: PoseBatch) -> Loss:
        """Return the mean joint error of the middle frames."""
        joints, targets = self.example(batch)
        middle = targets[:, targets.shape[1] // 2]
        each = (self(joints) - middle).norm(dim=-1).mean(1)
        return Loss(each.mean(), {"middle": each.mean().detach()}, each)

    def example(self, batch: PoseBatch) -> tuple[Tensor, Tensor]:
        """Return what `forward` reads of a batch, and the targets relative to the root."""
        if batch.targets is None:
            raise ConfigError(f"{self.name}: a lifter is trained on poses in space; none are given")
        root = skeleton(self.config.skeleton).root
        targets = batch.targets - batch.targets[:, :, root : root + 1]
        return self.scaled(batch.joints[:, 0]), targets

    def scaled(self, joints: Tensor) -> Tensor:
        """Return windows of screen coordinates, (N, T, J, 2), as `forward` reads them."""
        if self.config.scale == "screen":
            return joints
        root = skeleton(self.config.skeleton).root
        centred = joints - joints[:, :, root : root + 1]
        extent = centred.square().sum(-1).mean((1, 2)).sqrt().clamp_min(SMALL)
        return centred / extent[:, None, None, None]

    @torch.inference_mode()
    def lift(self, pose2d: Pose) -> Pose:
        """Return the movement in camera axes, relative to the root, in metres.

        pose2d: one person in the lifter's skeleton, in pixels or parts of the picture; missing
            joints are interpolated over time. Pixels need `size`, unless the lifter scales by the
            person.
        """
        seen = self._screen(pose2d)
        found = self._lifted(seen)
        if self.config.mirrored:
            found += mirrored(self._lifted(mirrored(seen, self.flip)), self.flip)
            found /= 2
        return replace(
            pose2d,
            joints=found,
            confidence=_sure(pose2d),
            units="m",
            frame="camera",
        )

    @property
    def flip(self) -> tuple[int, ...]:
        """Return which joint stands at each place after a mirror."""
        return skeleton(self.config.skeleton).flip

    def _screen(self, pose: Pose) -> NDArray[np.float32]:
        """Return screen coordinates without gaps, (T, J, 2)."""
        wanted = self.config.skeleton
        if pose.skeleton.name != wanted:
            raise ConfigError(f"{self.name} reads poses of {wanted}, not of {pose.skeleton.name}")
        if not (pose.confidence > 0).any():
            raise ConfigError(f"{self.name}: nobody is seen in these {len(pose)} frames")
        if pose.frame != "image":
            raise ConfigError(f"{self.name} reads joints of a picture, not of '{pose.frame}'")
        if not all(pose.size) and self.config.scale == "screen":
            raise ConfigError(
                f"{self.name} needs the size of the picture that these joints were found in; "
                "give it with --size WIDTHxHEIGHT"
            )
        width, height = pose.size if all(pose.size) else (2, 2)
        joints = filled(pose)[..., :2].astype(np.float64)
        return screen(joints * (width, height) if pose.units == "norm" else joints, (width, height))

    def _lifted(self, joints: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return every frame in space, (T, J, 3). joints: screen coordinates, (T, J, 2)."""
        length, window = len(joints), self.config.window
        device = next(self.parameters()).device
        found = []
        for start in range(0, length, PASS_WINDOWS):
            rows = range(start, min(length, start + PASS_WINDOWS))
            which = np.stack([window.around(at, length) for at in rows])
            windows = torch.from_numpy(joints[which]).to(device)
            found.append(self(self.scaled(windows)).float().cpu().numpy())
        return np.concatenate(found)


def screen(pixels: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return pixels as screen coordinates: x in [-1, 1] across the picture, y in proportion."""
    width, height = size
    scaled = pixels * (2 / width) - (1.0, height / width)
    return np.asarray(scaled, np.float32)


def mirrored(joints: NDArray[np.float32], flip: tuple[int, ...]) -> NDArray[np.float32]:
    """Return joints, (..., J, D), left and right exchanged; twice gives them back."""
    turned: NDArray[np.float32] = joints[..., flip, :].copy()
    turned[..., 0] *= -1
    return turned


def _sure(pose: Pose) -> NDArray[np.float32]:
    """Return confidence in space: half where the joint was interpolated, 0 where never seen."""
    ever = (pose.confidence > 0).any(0)
    guessed = np.where(ever, 0.5 * pose.confidence.max(0), 0)
    sure: NDArray[np.float32] = np.where(pose.confidence > 0, pose.confidence, guessed)
    return sure.astype(np.float32)
