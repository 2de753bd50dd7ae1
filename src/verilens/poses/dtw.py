"""Dynamic time warping of two movements, exact and as fastdtw approximates it, in compiled code.

Salvador and Chan, "FastDTW: Toward accurate dynamic time warping in linear time and space", 2007.
Values and ties are those of the Python package `fastdtw`; the loops are compiled by numba.
"""

from types import ModuleType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verilens.errors import MissingExtra

Cost = Literal["euclidean", "l1"]


class Alignment(NamedTuple):
    """cost: sum over the path. path: which frame goes with which, (L, 2) int64, rising."""

    cost: float
    path: NDArray[np.int64]


def exact(first: ArrayLike, second: ArrayLike, cost: Cost = "euclidean") -> Alignment:
    """Return the cheapest alignment of two sequences.

    first, second: (T, ...) and (U, ...), T and U at least 1; frames are flattened and compared by
    the Euclidean distance or by the sum of absolute differences.
    """
    a, b = _frames(first, second)
    return Alignment(*_compiled().exact(a, b, cost == "l1"))


def fast(
    first: ArrayLike, second: ArrayLike, radius: int = 1, cost: Cost = "euclidean"
) -> Alignment:
    """Return a nearly cheapest alignment: found on halved sequences, refined within `radius`."""
    a, b = _frames(first, second)
    if radius < 0:
        raise ValueError(f"the radius of an alignment must not be negative, not {radius}")
    return Alignment(*_compiled().fast(a, b, radius, cost == "l1"))


def _frames(first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = (np.ascontiguousarray(x, dtype=np.float64) for x in (first, second))
    if not len(a) or not len(b) or a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"sequences of shapes {a.shape} and {b.shape} cannot be aligned: "
            "both need at least one frame, and frames of one shape"
        )
    return a.reshape(len(a), -1), b.reshape(len(b), -1)


def _compiled() -> ModuleType:
    try:
        from verilens.poses import dtw_compiled
    except ImportError as error:
        message = "time warping needs numba: pip install 'verilens[bench]'"
        raise MissingExtra(message) from error
    return dtw_compiled
