"""DTW-MJE in compiled code against plain Python loops, at the size of the SLRTP challenge.

    python benchmarks/time_warping.py [--frames 200] [--joints 178]

Times both alignments, exact and FastDTW with radius 1, each as plain loops over dictionaries (the
way of the Python package `fastdtw`, frames compared by numpy) and compiled, on the same two
movements; then compares the mean joint error. Exits 1 below a speed-up of 50 or above a difference
of 1e-6.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from verilens.bench.metrics import signs
from verilens.poses import dtw

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "poses"))
from slow_dtw import coarse_to_fine, full, mje

SPEEDUP, DIFFERENCE, REPEATS = 50, 1e-6, 20


def movement(rng: np.random.Generator, frames: int, joints: int) -> np.ndarray:
    """Return joints that wander, (frames, joints, 3)."""
    return np.cumsum(rng.normal(size=(frames, joints, 3)), 0) / 10


def seconds(call, repeats: int) -> float:
    """Return the least time of several calls; one more, before, is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--joints", type=int, default=178)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    a, b = (movement(rng, options.frames, options.joints) for _ in range(2))
    flat_a, flat_b = (list(x.reshape(len(x), -1)) for x in (a, b))
    is_fine = True
    for name, plain, compiled in (
        ("exact", full, dtw.exact),
        ("fastdtw, radius 1", coarse_to_fine, dtw.fast),
    ):

        def slow(plain=plain):
            return mje(a, b, plain(flat_a, flat_b)[1])

        def quick(compiled=compiled):
            return signs.dtw_mje([a], [b], lambda x, y: compiled(x, y).path)

        slow_s, quick_s = seconds(slow, 2), seconds(quick, REPEATS)
        apart = abs(slow() - quick())
        print(
            f"{name}: {slow_s * 1e3:.1f} ms in loops, {quick_s * 1e3:.2f} ms compiled, "
            f"{slow_s / quick_s:.0f} times as fast, difference {apart:.1e}"
        )
        is_fine &= slow_s / quick_s >= SPEEDUP and apart <= DIFFERENCE
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
