"""Where chance comes from: one generator for (seed, sample, kind, severity), the same everywhere.

A kind draws its parameters once for a clip and returns a filter that treats every frame alike, so a
video does not flicker by accident. Kinds whose table entry says `draws="frame"` draw on for every
frame on purpose: sensor noise and rain do not stand still.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Reals = NDArray[np.float32]
Filter = Callable[[Pixels], Pixels]


@dataclass(frozen=True)
class Draw:
    """What a kind is built from: its generator and the size of the frames in pixels."""

    rng: np.random.Generator
    width: int
    height: int

    @property
    def short(self) -> int:
        """The shorter side."""
        return min(self.width, self.height)

    def sign(self) -> int:
        """Return -1 or 1."""
        return 1 if self.rng.random() < 0.5 else -1

    def within(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return float(self.rng.uniform(low, high))


def generator(seed: int, sample: str, kind: str, severity: int) -> np.random.Generator:
    """Return the generator of one sample, the same on every machine and in any order."""
    name = "\0".join((str(seed), sample, kind, str(severity)))
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def to_bytes(values: NDArray[np.floating]) -> Pixels:
    """Return values in [0, 255], rounded and clipped."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def table(curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Pixels:
    """Return a tone curve as a table of 256 values. curve: of the levels 0, 1 ... 255."""
    return to_bytes(curve(np.arange(256, dtype=np.float64)))


def blended(before: Pixels, after: NDArray[np.generic], share: float) -> Pixels:
    """Return `share` of `after` over `before`."""
    return to_bytes(before * np.float32(1 - share) + after.astype(np.float32) * np.float32(share))
