"""Does the sound fit the mouth: by how much two signals are shifted against each other.

A mouth opens when its owner is heard. Both are one number a frame: how far the mouth is open, and
how loud the sound is. Where they fit best tells the lag; in a genuine recording it is next to
zero. A dubbed or lip-synced film that is well made has none either, so no lag proves nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

MOST = 15  # frames searched to either side


class Lag(NamedTuple):
    """frames: how much later the sound is than the mouth (negative: earlier), where they fit best.

    fit: correlation there, in [-1, 1]. gain: how much better than unshifted, 0 when they fit as
    they are; the score of a shift.
    """

    frames: int
    fit: float
    gain: float


def lag(mouth: ArrayLike, loudness: ArrayLike, most: int = MOST) -> Lag:
    """Return the lag of the sound behind the mouth.

    mouth, loudness: one value a frame, any unit, (T,) with T >= 3 x `most`; ValueError when they
    differ in length, are shorter, or one of them never changes.
    """
    seen, heard = np.asarray(mouth, float), np.asarray(loudness, float)
    if seen.shape != heard.shape or seen.ndim != 1 or len(seen) < 3 * most:
        raise ValueError(f"signals {seen.shape} and {heard.shape}: one length, {3 * most} or more")
    if not (np.ptp(seen) and np.ptp(heard)):
        raise ValueError("a signal that never changes has no lag")
    fits = np.array([_correlation(seen, heard, shift) for shift in range(-most, most + 1)])
    best = int(fits.argmax())
    return Lag(best - most, float(fits[best]), float(fits[best] - fits[most]))


def _correlation(seen: NDArray[np.float64], heard: NDArray[np.float64], shift: int) -> float:
    """Return the correlation when the sound is moved `shift` frames earlier."""
    a = seen[max(0, -shift) : len(seen) - max(0, shift)]
    b = heard[max(0, shift) : len(heard) - max(0, -shift)]
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else 0.0
