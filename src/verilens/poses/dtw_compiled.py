"""The compiled half of `poses.dtw`. Needs numba; nothing else imports it."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

BLOCK = 4  # frames of the first sequence that are compared together
ABOVE, LEFT, BOTH = 0, 1, 2  # which sequence moved on: the first, the second, both


# Sums may be taken in any order, so that they fill vector registers; infinities stay what they are.
@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def distance(x: Floats, y: Floats, is_l1: bool) -> float:
    """Return the distance of two frames, (K,) each."""
    total = 0.0
    if is_l1:
        for k in range(x.shape[0]):
            total += abs(x[k] - y[k])
        return total
    for k in range(x.shape[0]):
        difference = x[k] - y[k]
        total += difference * difference
    return float(np.sqrt(total))


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def four(rows: Floats, y: Floats, costs: Floats, j: int) -> None:
    """Fill column j with the Euclidean distances of four frames, (4, K), to one, (K,).

    Four sums at once keep the processor busy: nearly twice as fast as one after another.
    """
    r0, r1, r2, r3 = rows[0], rows[1], rows[2], rows[3]
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for k in range(y.shape[0]):
        value = y[k]
        s0 += (r0[k] - value) * (r0[k] - value)
        s1 += (r1[k] - value) * (r1[k] - value)
        s2 += (r2[k] - value) * (r2[k] - value)
        s3 += (r3[k] - value) * (r3[k] - value)
    costs[0, j], costs[1, j] = np.sqrt(s0), np.sqrt(s1)
    costs[2, j], costs[3, j] = np.sqrt(s2), np.sqrt(s3)


@njit(cache=True)
def compare(a: Floats, b: Floats, bounds: Places, start: int, is_l1: bool, costs: Floats) -> None:
    """Fill the costs of `BLOCK` rows from `start`, as far as the bounds reach."""
    end = min(start + BLOCK, a.shape[0])
    is_whole = end - start == BLOCK and not is_l1
    for j in range(bounds[start, 0], bounds[end - 1, 1]):
        if is_whole and bounds[end - 1, 0] <= j < bounds[start, 1]:
            four(a[start:end], b[j], costs, j)
            continue
        for i in range(start, end):
            if bounds[i, 0] <= j < bounds[i, 1]:
                costs[i - start, j] = distance(a[i], b[j], is_l1)


@njit(cache=True)
def warp(a: Floats, b: Floats, bounds: Places, is_l1: bool) -> tuple[float, Places]:
    """Return the cost of the cheapest way through the cells bounds[i, 0] <= j < bounds[i, 1].

    Of equally cheap ways it takes the one that fastdtw takes: above before left before both.
    """
    n, m = a.shape[0], b.shape[0]
    costs = np.empty((BLOCK, m))
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    moved = np.zeros((n + 1, m + 1), np.int8)
    for i in range(n):
        if i % BLOCK == 0:
            compare(a, b, bounds, i, is_l1, costs)
        before, row, cost, way = total[i], total[i + 1], costs[i % BLOCK], moved[i + 1]
        for j in range(bounds[i, 0], bounds[i, 1]):
            best, how = float(before[j + 1]), ABOVE
            if row[j] < best:
                best, how = row[j], LEFT
            if before[j] < best:
                best, how = before[j], BOTH
            row[j + 1] = best + cost[j]
            way[j + 1] = how
    path = np.empty((n + m, 2), np.int64)
    at, i, j = n + m, n, m
    while i > 0 or j > 0:
        at -= 1
        path[at, 0], path[at, 1] = i - 1, j - 1
        step = moved[i, j]
        i -= step != LEFT
        j -= step != ABOVE
    return float(total[n, m]), path[at:].copy()


@njit(cache=True)
def halved(x: Floats) -> Floats:
    """Return the means of neighbouring frames; a last odd one is dropped, as fastdtw does."""
    n = x.shape[0] // 2
    shorter = np.empty((n, x.shape[1]))
    for i in range(n):
        for k in range(x.shape[1]):
            shorter[i, k] = (x[2 * i, k] + x[2 * i + 1, k]) / 2
    return shorter


@njit(cache=True)
def window(path: Places, n: int, m: int, radius: int) -> Places:
    """Return the bounds (n, 2) of what lies within `radius` of a path of half the size."""
    rows = path[-1, 0] + 1
    first, last = np.full(rows, m, np.int64), np.zeros(rows, np.int64)
    for step in range(path.shape[0]):
        i, j = path[step]
        first[i], last[i] = min(first[i], j), max(last[i], j)
    bounds = np.empty((n, 2), np.int64)
    for i in range(n):
        from_row = max(0, min(rows - 1, i // 2 - radius))
        to_row = max(0, min(rows - 1, i // 2 + radius))
        bounds[i, 0] = max(0, 2 * (first[from_row] - radius))
        bounds[i, 1] = min(m, 2 * (last[to_row] + radius) + 2)
    return bounds


@njit(cache=True)
def whole(n: int, m: int) -> Places:
    """Return the bounds (n, 2) of a whole n x m table."""
    bounds = np.zeros((n, 2), np.int64)
    bounds[:, 1] = m
    return bounds


@njit(cache=True)
def exact(a: Floats, b: Floats, is_l1: bool) -> tuple[float, Places]:
    """Return the cost of the best alignment of all, and its path."""
    return warp(a, b, whole(a.shape[0], b.shape[0]), is_l1)


@njit(cache=True)
def fast(a: Floats, b: Floats, radius: int, is_l1: bool) -> tuple[float, Places]:
    """Return the alignment found from coarse to fine, within `radius` of the coarser one."""
    firsts, seconds = [a], [b]
    while firsts[-1].shape[0] >= radius + 2 and seconds[-1].shape[0] >= radius + 2:
        firsts.append(halved(firsts[-1]))
        seconds.append(halved(seconds[-1]))
    bounds = whole(firsts[-1].shape[0], seconds[-1].shape[0])
    cost, path = warp(firsts[-1], seconds[-1], bounds, is_l1)
    for level in range(len(firsts) - 2, -1, -1):
        x, y = firsts[level], seconds[level]
        cost, path = warp(x, y, window(path, x.shape[0], y.shape[0], radius), is_l1)
    return cost, path
