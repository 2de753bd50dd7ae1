"""The shots of a film, told from its sampled moments alone.

A cut is a jump in the colours and their layout that stands out of what the film's own motion makes
between neighbouring moments; so the same rule serves ten moments a second and one in ten seconds,
where only cuts between unlike places can be told. Moments without any structure (black, white,
a fade's end) show nothing and belong to no shot. Dissolves are not found.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

CELLS = 4  # of the layout, a side
BINS = 12  # of each colour's histogram
JUMP = 0.16  # least difference of a cut, in [0, 1]; 95 in 100 uncut clips stay below 0.14
STANDS_OUT = 3.0  # times the usual difference around it
AROUND = 4  # differences on each side that say what is usual
FLAT = 2.5  # deviation of luma, in levels, under which a moment shows nothing
STILL = 0.8  # mean difference in levels under which two moments are one picture
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Shot(NamedTuple):
    """A stretch between cuts, in seconds."""

    start_s: float
    end_s: float


def shots(frames: Pixels, times_s: Floats) -> tuple[Shot, ...]:
    """Return the shots in order of time; what no shot covers is blank.

    frames: RGB of rising moments, the crops of one together, (N, H, W, 3) uint8. times_s: (N,).
    A shot begins half-way between two moments; the first from 0, the last without end (inf).
    """
    moments, first = np.unique(times_s, return_index=True)
    if not len(moments):
        return ()
    is_blank = blank(frames, times_s)
    middles = (moments[1:] + moments[:-1]) / 2
    edges = np.concatenate([[0.0], middles, [np.inf]])
    ends = cut_after(frames, first) | (is_blank[1:] != is_blank[:-1])
    groups = np.split(np.arange(len(moments)), np.flatnonzero(ends) + 1)
    return tuple(
        Shot(float(edges[group[0]]), float(edges[group[-1] + 1]))
        for group in groups
        if not is_blank[group[0]]
    )


def blank(frames: Pixels, times_s: Floats) -> NDArray[np.bool_]:
    """Return which moments show nothing: every crop is of one brightness, (moments,)."""
    _, moment = np.unique(times_s, return_inverse=True)
    spread = np.zeros(moment.max(initial=-1) + 1)
    np.maximum.at(spread, moment, [float((frame @ LUMA).std()) for frame in frames])
    flat: NDArray[np.bool_] = spread < FLAT
    return flat


def unchanging(frames: Pixels) -> bool:
    """Return whether all moments show one and the same picture. frames: one crop a moment."""
    first = frames[0].astype(np.int16)
    return all(float(np.abs(frame - first).mean()) < STILL for frame in frames[1:])


def cut_after(frames: Pixels, first: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return after which moments a cut follows, (moments - 1,).

    first: the crop that stands for each moment.
    """
    seen = [_described(frames[n]) for n in first]
    jumps = np.array([_difference(a, b) for a, b in pairwise(seen)])
    usual = np.array([_usual(jumps, n) for n in range(len(jumps))])
    found: NDArray[np.bool_] = (jumps >= JUMP) & (jumps >= STANDS_OUT * usual)
    return found.reshape(-1)


def _usual(jumps: Floats, at: int) -> float:
    """Return the median of the differences around one, itself left out."""
    near = np.r_[jumps[max(0, at - AROUND) : at], jumps[at + 1 : at + 1 + AROUND]]
    return float(np.median(near)) if len(near) else 0.0


def _described(frame: Pixels) -> tuple[Floats, Floats]:
    """Return colour histograms (3, BINS), each of sum 1, and cell means (CELLS, CELLS, 3)."""
    places = (frame.astype(np.intp) * BINS) // 256 + np.arange(3) * BINS
    counts = np.bincount(places.ravel(), minlength=3 * BINS).reshape(3, BINS)
    rows, columns = (np.array_split(np.arange(edge), CELLS) for edge in frame.shape[:2])
    means = [
        [frame[r[0] : r[-1] + 1, c[0] : c[-1] + 1].mean((0, 1)) for c in columns if len(c)]
        for r in rows
        if len(r)
    ]
    return counts / counts[0].sum(), np.array(means) / 255


def _difference(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """Return how unlike two moments are, in [0, 1]: colours, and how they are laid out."""
    colours = np.abs(np.cumsum(one[0] - other[0], 1)).mean() * 2  # earth mover's distance
    layout = np.abs(one[1] - other[1]).mean() * 2
    return float(min(1.0, (colours + layout) / 2))
