"""Reference rows: what a movement resembles most, with nothing learned.

    mean   the class whose mean movement is nearest
    1nn    the class of the nearest training clip, frame against frame
    dtw    the class of the training clip that time warping makes nearest

Clips are drawn out to equal length, with the origin at one joint of the first frame.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from verilens.errors import ConfigError
from verilens.motion.stretch import Stretch, cut
from verilens.poses import dtw
from verilens.poses.packs import Labelled

Reference = Literal["mean", "1nn", "dtw"]
REFERENCES: tuple[Reference, ...] = ("mean", "1nn", "dtw")
FRAMES = 32

Floats = NDArray[np.float64]


def reference_of(name: str) -> Reference:
    """Return a reference by its name; ConfigError lists them."""
    for known in REFERENCES:
        if known == name:
            return known
    raise ConfigError(f"no reference '{name}'; known: {', '.join(REFERENCES)}")


def recognised(
    reference: Reference, train: Sequence[Labelled], test: Sequence[Labelled], classes: int
) -> Floats:
    """Return the likeness of each test clip to every class, (N, C), rows summing to 1.

    The nearest class comes first; the rest follow by their own nearest clip.
    """
    known, asked = movements(train), movements(test)
    labels = np.array([clip.label for clip in train])
    if reference == "mean":
        members = [labels == label for label in range(classes)]
        means = [known[m].mean(0) if m.any() else np.full(known.shape[1:], np.inf) for m in members]
        return _shares(distances(asked, np.stack(means)))
    measured = warped(asked, known) if reference == "dtw" else distances(asked, known)
    nearest = np.full((len(asked), classes), np.inf)
    for label in range(classes):
        if (labels == label).any():
            nearest[:, label] = measured[:, labels == label].min(1)
    return _shares(nearest)


def movements(clips: Sequence[Labelled], frames: int = FRAMES) -> Floats:
    """Return the clips at equal length, (N, frames, J x D)."""
    first = clips[0].pose
    stretch = Stretch(
        skeleton=first.skeleton.name,
        frames=frames,
        persons=1,
        dims=2 if first.joints.shape[2] == 2 else 3,
        sampling="linear",
        origin=first.skeleton.joints[0],
    )
    cuts = [cut([clip.pose], stretch).joints[0] for clip in clips]
    return np.stack(cuts).reshape(len(clips), frames, -1).astype(np.float64)


def distances(first: Floats, second: Floats) -> Floats:
    """Return the Euclidean distances of all pairs of movements, (N, M)."""
    a, b = first.reshape(len(first), -1), second.reshape(len(second), -1)
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    found: Floats = np.sqrt(np.maximum(squares, 0))
    return found


def warped(first: Floats, second: Floats) -> Floats:
    """Return the costs of the best time warping of all pairs, (N, M)."""
    return np.array([[dtw.exact(a, b).cost for b in second] for a in first])


def _shares(away: Floats) -> Floats:
    """Return weights that fall with the distance and sum to 1."""
    away = np.nan_to_num(away, nan=np.inf)
    scale = np.median(away[np.isfinite(away)]) or 1.0
    likeness = np.exp(-(away - away.min(1, keepdims=True)) / scale)
    shares: Floats = likeness / likeness.sum(1, keepdims=True)
    return shares
