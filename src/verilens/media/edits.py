"""Traces of cutting: frames that repeat earlier ones, and joints between sources of unlike noise.

    frames in order of time -> which of them are copies -> runs of copies
    frames in order of time -> how noisy each is        -> where the noise changes for good

Both read frames in sequence, every one, at native resolution: what a scan samples is too sparse, so
this is for Python only. Still scenes, slow motion and a lower frame rate repeat frames honestly; a
change of light or of the encoder's quality changes noise honestly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
ALIKE = 1.0  # mean difference in levels under which two frames are one picture, compressed twice
MOVES = 2.0  # mean difference of neighbours, in levels, above which a scene moves
LEAST_RATIO = 1.15  # between the noise before and after a joint
LEAST_SIDE = 4  # frames on each side of a joint


class Copy(NamedTuple):
    """A run of frames that repeat earlier ones: `length` from `start` are those from `source`."""

    start: int
    source: int
    length: int


class Joint(NamedTuple):
    """Where the noise changes: `at` is the first frame of the other source."""

    at: int
    before: float
    after: float


def copies(frames: Pixels, least: int = 1) -> list[Copy]:
    """Return the runs of frames that repeat earlier ones, in order of time.

    frames: RGB, (N, H, W, 3) uint8. least: frames of a run. Frames of a scene that stands still
    are not called copies: whoever repeats its neighbour counts only where the scene moves.
    """
    source = copied_from(frames)
    found: list[Copy] = []
    for n, at in enumerate(source):
        if at < 0:
            continue
        last = found[-1] if found else None
        if last and last.start + last.length == n and last.source + last.length == at:
            found[-1] = last._replace(length=last.length + 1)
        else:
            found.append(Copy(n, int(at), 1))
    return [run for run in found if run.length >= least]


def copied_from(frames: Pixels) -> NDArray[np.int64]:
    """Return which earlier frame each repeats, -1 for none, (N,)."""
    small = _small(frames)
    gaps = np.abs(small[:, None] - small[None]).mean(-1)  # (N, N)
    neighbours = np.diag(gaps, 1)
    is_moving = len(neighbours) > 0 and float(np.median(neighbours)) > MOVES
    result = np.full(len(frames), -1)
    for n in range(1, len(frames)):
        earlier = np.flatnonzero(gaps[n, :n] < ALIKE)
        is_still = len(earlier) and earlier[-1] == n - 1 and not is_moving
        if len(earlier) and not is_still:
            follows = result[n - 1] + 1 if result[n - 1] >= 0 else -1
            result[n] = follows if follows in earlier else earlier[0]
    return result


def joint(frames: Pixels) -> Joint | None:
    """Return where the noise changes most, None where it does not. frames: (N, H, W, 3) uint8."""
    level = np.log(np.maximum(noise(frames), 1e-3))
    if len(level) < 2 * LEAST_SIDE:
        return None
    places = range(LEAST_SIDE, len(level) - LEAST_SIDE + 1)
    spread = [_explained(level, at) for at in places]
    at = places[int(np.argmax(spread))]
    before, after = float(np.exp(level[:at].mean())), float(np.exp(level[at:].mean()))
    if max(before, after) < LEAST_RATIO * min(before, after):
        return None
    return Joint(at, before, after)


def noise(frames: Pixels) -> NDArray[np.float64]:
    """Return how noisy each frame is, in levels of luma, (N,).

    The median of a second difference in both directions, which flat and evenly shaded areas pass
    only as noise (Immerkaer 1996, with a median against edges).
    """
    luma = frames.astype(np.float32) @ LUMA
    rows = luma[:, :-2] - 2 * luma[:, 1:-1] + luma[:, 2:]
    both = rows[:, :, :-2] - 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    spread: NDArray[np.float64] = np.median(np.abs(both), (1, 2)).astype(np.float64)
    return spread / (0.6745 * 6)  # of normal noise: sqrt(36) times its deviation


def _explained(level: NDArray[np.float64], at: int) -> float:
    """Return what of the variance a step at this place explains, times its frames."""
    before, after = level[:at], level[at:]
    weight = len(before) * len(after) / len(level)
    return float(weight * (before.mean() - after.mean()) ** 2)


def _small(frames: Pixels, side: int = 32) -> NDArray[np.float32]:
    """Return frames as rows of side x side means of luma, (N, side * side)."""
    luma = frames.astype(np.float32) @ LUMA
    rows = np.linspace(0, luma.shape[1], min(side, luma.shape[1]) + 1).astype(int)[:-1]
    columns = np.linspace(0, luma.shape[2], min(side, luma.shape[2]) + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(luma, rows, 1), columns, 2)
    sizes = np.diff(rows, append=luma.shape[1])[:, None] * np.diff(columns, append=luma.shape[2])
    means: NDArray[np.float32] = (sums / sizes).reshape(len(frames), -1).astype(np.float32)
    return means
