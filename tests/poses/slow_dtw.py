"""Time warping written as plainly as possible, to compare the compiled one with."""

import math

import numpy as np


def euclidean(x, y):
    return math.sqrt(((x - y) ** 2).sum())


def full(a, b, dist=euclidean, cells=None):
    """Return (cost, path) by the recurrence over dictionaries, as the Python package does."""
    cells = cells or [(i, j) for i in range(len(a)) for j in range(len(b))]
    best = {(-1, -1): (0.0, None)}
    nowhere = (math.inf, None)
    for i, j in cells:
        step = dist(a[i], b[j])
        ways = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        came = min(ways, key=lambda way: best.get(way, nowhere)[0])
        best[i, j] = (best.get(came, nowhere)[0] + step, came)
    path, at = [], (len(a) - 1, len(b) - 1)
    while at != (-1, -1):
        path.append(at)
        at = best[at][1]
    return best[len(a) - 1, len(b) - 1][0], path[::-1]


def coarse_to_fine(a, b, radius=1, dist=euclidean):
    """Return (cost, path) of FastDTW, its window kept as a set of cells."""
    if min(len(a), len(b)) < radius + 2:
        return full(a, b, dist)
    _, path = coarse_to_fine(half(a), half(b), radius, dist)
    reach = range(-radius, radius + 1)
    near = {(i + p, j + q) for i, j in path for p in reach for q in reach}
    fine = {(2 * i + p, 2 * j + q) for i, j in near for p in (0, 1) for q in (0, 1)}
    cells = sorted((i, j) for i, j in fine if 0 <= i < len(a) and 0 <= j < len(b))
    return full(a, b, dist, cells)


def half(x):
    return [(x[i] + x[i + 1]) / 2 for i in range(0, len(x) // 2 * 2, 2)]


def mje(a, b, path):
    """Return the mean joint distance along a path, pair by pair."""
    errors = [float(np.linalg.norm(a[i][k] - b[j][k])) for i, j in path for k in range(a.shape[1])]
    return sum(errors) / len(errors)
