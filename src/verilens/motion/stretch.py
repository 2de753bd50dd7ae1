"""What of a movement a method reads, and how it is cut; numpy only.

    poses of one clip -> persons side by side -> `frames` of them -> origin at the centre joint

A missing joint is 0 with no confidence, and stays so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError, MediaError
from verilens.poses import skeletons
from verilens.poses.convert import convert
from verilens.records import Pose

Floats = NDArray[np.float32]
Stream = Literal["j", "b", "k", "jm", "bm", "km"]  # see `motion.streams`


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What of a movement a method reads; `cut` obeys it.

    skeleton: name of its table; other skeletons are converted where a table says how.
    frames, persons, dims: of what comes out. Absent persons are 0; of too many those stay whose
        joints were seen best.
    sampling: "uniform" takes one frame of each of `frames` equal segments, a random one in
        training, else its middle; "linear" interpolates `frames` evenly spaced moments.
    short: what uniform sampling does with a clip of fewer frames: "loop" it, or turn "linear".
    centre: where the origin is: at the skeleton's centre joint of the first person, in the "first"
        frame in which it was seen or in "every" frame; "none" leaves the movement where it is.
    origin: name of the centre joint; "" is the skeleton's root.
    size: "none" keeps the units; "one" divides by the farthest that any joint is from the origin,
        so that clips in pixels, metres and millimetres look alike.
    views: how many samplings of one clip are averaged when it is recognised.
    """

    skeleton: str
    frames: int = 100
    persons: int = 2
    dims: Literal[2, 3] = 3
    sampling: Literal["uniform", "linear"] = "uniform"
    short: Literal["loop", "linear"] = "loop"
    centre: Literal["first", "every", "none"] = "first"
    origin: str = ""
    size: Literal["none", "one"] = "none"
    views: int = 10

    def __post_init__(self) -> None:
        for name in ("frames", "persons", "views"):
            if getattr(self, name) < 1:
                raise ConfigError(f"stretch.{name} must be at least 1, not {getattr(self, name)}")
        joints = skeletons.skeleton(self.skeleton).joints  # UnknownName before a network is built
        if self.origin and self.origin not in joints:
            raise ConfigError(f"stretch.origin: {self.skeleton} has no joint '{self.origin}'")

    @property
    def middle(self) -> int:
        """Return which joint is the centre."""
        skeleton = skeletons.skeleton(self.skeleton)
        return skeleton.index(self.origin) if self.origin else skeleton.root


@dataclass(frozen=True, kw_only=True)
class Change:
    """Strengths of the changes; 0 leaves one out.

    turn_rad: largest rotation about x, y and z; flat poses turn by the last one alone.
    stretch: largest share by which each axis grows or shrinks.
    noise: sigma added to each joint, in parts of the clip's extent.
    hide: chance that a joint of a clip is missing throughout.
    flip: chance of a mirror image, left and right exchanged.
    shift: largest share of the clip that is cut off before what is left is drawn out again.
    """

    turn_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    stretch: float = 0.0
    noise: float = 0.0
    hide: float = 0.0
    flip: float = 0.0
    shift: float = 0.0


class Cut(NamedTuple):
    """joints: (M, T, J, D) float32; confidence: (M, T, J) float32 in [0, 1]."""

    joints: Floats
    confidence: Floats


def cut(
    poses: Sequence[Pose],
    stretch: Stretch,
    view: int = 0,
    rng: np.random.Generator | None = None,
) -> Cut:
    """Return what `stretch` asks for of one clip.

    poses: the clip's persons, all as long. view: which of `stretch.views` samplings, from 0.
    rng: draws the frames, for training. MediaError when there is nothing to read.
    """
    whole = together(poses, stretch)
    return finished(sampled(whole, stretch, view, rng), stretch)


def finished(taken: Cut, stretch: Stretch) -> Cut:
    """Return the frames moved to their origin and scaled."""
    return _scaled(_centred(taken, stretch), stretch)


def together(poses: Sequence[Pose], stretch: Stretch) -> Cut:
    """Return the persons of a clip at their full length, in the method's skeleton."""
    if not poses or not len(poses[0].joints):
        raise MediaError(
            "no-frames", "a clip without a person or without frames cannot be recognised"
        )
    lengths = sorted({len(pose.joints) for pose in poses})
    if len(lengths) > 1:
        raise MediaError("corrupt", f"the persons of one clip differ in length: {lengths} frames")
    seen = sorted(poses, key=lambda pose: -float(pose.confidence.sum()))
    chosen = [convert(pose, stretch.skeleton) for pose in seen[: stretch.persons]]
    first = chosen[0].joints
    if first.shape[2] < stretch.dims:
        raise MediaError(
            "unsupported",
            f"these poses have {first.shape[2]} coordinates a joint; the method reads "
            f"{stretch.dims}: lift them first",
        )
    shape = (stretch.persons, *first.shape[:2])
    joints, confidence = np.zeros((*shape, stretch.dims), np.float32), np.zeros(shape, np.float32)
    for n, pose in enumerate(chosen):
        usable = np.isfinite(pose.joints).all(-1) & (pose.confidence > 0)
        joints[n] = np.where(usable[..., None], pose.joints[..., : stretch.dims], 0)
        confidence[n] = np.where(usable, pose.confidence, 0)
    return Cut(joints, confidence)


def sampled(
    whole: Cut, stretch: Stretch, view: int = 0, rng: np.random.Generator | None = None
) -> Cut:
    """Return `stretch.frames` frames of the whole clip."""
    count = whole.joints.shape[1]
    is_short = count < stretch.frames and stretch.short == "linear"
    if stretch.sampling == "linear" or is_short:
        return interpolated(whole, np.linspace(0, count - 1, stretch.frames))
    part = (view + 0.5) / stretch.views
    places = uniform(count, stretch.frames, part, rng)
    return Cut(whole.joints[:, places], whole.confidence[:, places])


def uniform(
    count: int, frames: int, part: float = 0.5, rng: np.random.Generator | None = None
) -> NDArray[np.int64]:
    """Return one index of each of `frames` equal segments of `count` frames, rising.

    part: where in its segment each lies, in [0, 1), without `rng`. A clip of fewer frames is looped
    from a start that `part`, or `rng`, says.
    """
    if count < frames:
        start = int(rng.integers(count)) if rng else int(part * count)
        return (start + np.arange(frames)) % count
    edges = np.arange(frames + 1) * count // frames
    sizes = np.diff(edges)
    offsets = rng.integers(sizes) if rng else (sizes * part).astype(np.int64)
    return edges[:-1] + offsets


def interpolated(whole: Cut, moments: NDArray[np.float64]) -> Cut:
    """Return the clip at fractional frames; beside a missing joint a seen one holds."""
    low = np.floor(moments).astype(np.int64)
    high = np.minimum(low + 1, whole.joints.shape[1] - 1)
    share = (moments - low).astype(np.float32)[:, None]
    before, after = whole.confidence[:, low], whole.confidence[:, high]
    weights = np.stack([(1 - share) * (before > 0), share * (after > 0)])
    total = weights.sum(0)
    weights = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
    joints = weights[0, ..., None] * whole.joints[:, low]
    joints += weights[1, ..., None] * whole.joints[:, high]
    confidence = weights[0] * before + weights[1] * after
    return Cut(joints.astype(np.float32), confidence.astype(np.float32))


def _centred(cut: Cut, stretch: Stretch) -> Cut:
    if stretch.centre == "none":
        return cut
    centre = stretch.middle
    origin, seen = cut.joints[0, :, centre], cut.confidence[0, :, centre] > 0
    if not seen.any():  # take the middle of whatever was seen
        shown = cut.confidence[0] > 0
        sums = cut.joints[0].sum(1) / np.maximum(shown.sum(1), 1)[:, None]
        origin, seen = sums, shown.any(1)
    if not seen.any():
        return cut
    frames = np.arange(len(seen))
    latest = np.maximum.accumulate(np.where(seen, frames, -1))
    held = np.where(latest < 0, int(np.argmax(seen)), latest)
    if stretch.centre == "first":
        held = np.full_like(held, held[0])
    moved = cut.joints - origin[held][None, :, None]
    return Cut(np.where(cut.confidence[..., None] > 0, moved, 0).astype(np.float32), cut.confidence)


def _scaled(cut: Cut, stretch: Stretch) -> Cut:
    if stretch.size == "none":
        return cut
    farthest = float(np.sqrt((cut.joints**2).sum(-1)).max())
    return cut if farthest == 0 else Cut(cut.joints / np.float32(farthest), cut.confidence)
