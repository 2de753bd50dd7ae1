"""Filling gaps without learning, by hand; joining movements keeps both as they are."""

import dataclasses

import numpy as np
import pytest

from verilens.errors import ConfigError
from verilens.motion.fillers import (
    SIMPLE,
    dtw_blend,
    hermite,
    hold,
    joined,
    linear,
    spline,
    warped,
)
from verilens.poses.make import make_pose


def line(*values: float) -> np.ndarray:
    """Return one joint's movement along x, (T, 1, 3)."""
    return np.array([[[value, 0.0, 0.0]] for value in values])


def test_hold_and_linear_by_hand():
    before, after = line(0, 1), line(5, 9)
    assert hold(before, after, 3)[:, 0, 0].tolist() == [1, 1, 1]
    assert linear(before, after, 3)[:, 0, 0].tolist() == [2, 3, 4]


@pytest.mark.parametrize("fill", [hermite, spline])
def test_cubics_go_on_as_a_movement_began(fill):
    times = np.arange(-8, 13.0)
    straight = np.stack([3 * times, 0 * times, 7 - times], 1)[:, None]
    found = fill(straight[:8], straight[13:], 5)
    assert np.allclose(found, straight[8:13])
    curve = np.stack([times**3, times**2, times], 1)[:, None]
    assert np.allclose(spline(curve[:8], curve[13:], 5), curve[8:13])


def test_hermite_leaves_and_arrives_with_the_speed_beside_the_gap():
    before, after = line(-1, 0), line(10, 8)  # arrives moving back
    found = hermite(before, after, 9)[:, 0, 0]
    assert found[0] == pytest.approx(1.0, abs=0.4) and found.max() > 10
    assert np.allclose(hermite(line(0), line(10), 9)[4, 0, 0], 5)  # one frame alone stands still


def test_a_warping_path_pairs_equal_frames():
    path = warped(line(0, 1, 2, 3), line(0, 0, 1, 3))
    assert path[0] == (0, 0) and path[-1] == (3, 3)
    cost = sum(abs([0, 1, 2, 3][i] - [0, 0, 1, 3][j]) for i, j in path)
    assert cost == 1


def test_blending_passes_from_one_movement_to_the_other():
    before, after = line(0, 0, 0), line(8, 8, 8)
    assert np.allclose(dtw_blend(before, after, 3)[:, 0, 0], [2, 4, 6])
    back = dtw_blend(line(3, 2, 1, 0), line(0, 1, 2, 3), 4)[:, 0, 0]
    assert back[0] < back[1] and back[2] > back[3]  # out and home again


@pytest.mark.parametrize("name", SIMPLE)
@pytest.mark.parametrize("frames", [0, 1, 7])
def test_every_filler_gives_as_many_frames_as_asked(name, frames):
    rng = np.random.default_rng(0)
    for before, after in ((1, 1), (2, 5), (20, 20)):
        sides = rng.normal(size=(before, 4, 3)), rng.normal(size=(after, 4, 3))
        copies = [side.copy() for side in sides]
        found = SIMPLE[name].between(*sides, frames)
        assert found.shape == (frames, 4, 3) and np.isfinite(found).all()
        assert all(np.array_equal(a, b) for a, b in zip(sides, copies, strict=True))


def pose(values: np.ndarray, **changes: object):
    return dataclasses.replace(
        make_pose(values, None, "h36m17", 30, units="mm", frame="world"), **changes
    )


def test_joined_movements_stay_as_they_are():
    rng = np.random.default_rng(0)
    first, second = pose(rng.normal(size=(6, 17, 3))), pose(rng.normal(size=(4, 17, 3)))
    whole = joined(first, second, SIMPLE["linear"], 3)
    assert len(whole) == 13 and whole.fps == 30
    assert np.array_equal(whole.joints[:6], first.joints)
    assert np.array_equal(whole.joints[9:], second.joints)
    assert len(joined(first, second, SIMPLE["linear"])) == 20  # a third of a second
    assert len(joined(first, second, SIMPLE["linear"], 0)) == 10


def test_joints_that_are_missing_beside_a_gap_are_missing_in_it():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 17, 3))
    values[-1, 3] = np.nan
    whole = joined(pose(values), pose(rng.normal(size=(6, 17, 3))), SIMPLE["spline"], 4)
    assert (whole.confidence[6:10, 3] == 0).all() and (whole.joints[6:10, 3] == 0).all()
    assert (whole.confidence[6:10, 4] == 1).all()


def test_joints_that_are_missing_for_a_while_do_not_pull_the_gap_to_the_origin():
    values = np.ones((6, 17, 3)) * 5
    values[-2, 3] = np.nan
    whole = joined(pose(values), pose(values[:3]), SIMPLE["cubic"], 4)
    assert np.allclose(whole.joints[6:10], 5) and (whole.joints[4, 3] == 0).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"units": "m"}, "differ in units: 'mm' and 'm'"),
        ({"fps": 25.0}, "30 and 25 frames a second"),
        ({"frame": "camera"}, "differ in frame"),
        ({"joints": np.zeros((6, 17, 2), np.float32)}, "flat"),
    ],
)
def test_movements_that_do_not_fit_are_refused(changes, words):
    first = pose(np.zeros((6, 17, 3)) + 1)
    with pytest.raises(ConfigError, match=words):
        joined(first, dataclasses.replace(first, **changes), SIMPLE["hold"])
    with pytest.raises(ConfigError, match="-1 frames"):
        joined(first, first, SIMPLE["hold"], -1)


def test_other_skeletons_are_refused_by_name():
    first = pose(np.ones((6, 17, 3)))
    other = make_pose(np.ones((6, 17, 3)), None, "coco17", 30, units="mm", frame="world")
    with pytest.raises(ConfigError, match="'h36m17' and 'coco17'"):
        joined(first, other, SIMPLE["hold"])
