import numpy as np
import pytest
from slow_dtw import coarse_to_fine, full

from verilens.poses import dtw


def walk(rng, length, width=6):
    return np.cumsum(rng.normal(size=(length, width)), 0)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 7), (2, 2), (3, 3), (9, 4), (33, 40), (61, 58)])
@pytest.mark.parametrize("seed", range(3))
def test_compiled_loops_give_what_plain_ones_give(sizes, seed):
    rng = np.random.default_rng(seed)
    a, b = (walk(rng, size) for size in sizes)
    for found, wanted in (
        (dtw.exact(a, b), full(a, b)),
        (dtw.fast(a, b), coarse_to_fine(a, b)),
        (dtw.fast(a, b, radius=3), coarse_to_fine(a, b, 3)),
    ):
        assert found.cost == pytest.approx(wanted[0], abs=1e-9)
        assert found.path.tolist() == [list(cell) for cell in wanted[1]]


def test_l1_frames_are_compared_by_absolute_differences():
    rng = np.random.default_rng(4)
    a, b = walk(rng, 20), walk(rng, 17)
    wanted, _ = full(a, b, lambda x, y: float(abs(x - y).sum()))
    assert dtw.exact(a, b, cost="l1").cost == pytest.approx(wanted, abs=1e-9)


def test_the_approximation_is_never_cheaper_and_exact_when_wide():
    rng = np.random.default_rng(5)
    a, b = walk(rng, 50), walk(rng, 64)
    best = dtw.exact(a, b).cost
    assert dtw.fast(a, b).cost >= best - 1e-9
    assert dtw.fast(a, b, radius=64).cost == pytest.approx(best)


def test_repeated_frames_cost_nothing_and_the_path_keeps_the_order():
    a = walk(np.random.default_rng(6), 12).reshape(12, 2, 3)
    cost, path = dtw.exact(np.repeat(a, 2, 0), a)
    assert cost == 0
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [23, 11]
    assert (np.diff(path, axis=0) >= 0).all() and (np.diff(path, axis=0).sum(1) >= 1).all()


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        dtw.exact(np.zeros((0, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="one shape"):
        dtw.fast(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="radius"):
        dtw.fast(np.zeros((4, 3)), np.zeros((4, 3)), radius=-1)
