"""Pose errors by hand: what is aligned away, what is not, and how movement is measured."""

import numpy as np
import pytest

from verilens.bench.metrics import Undefined
from verilens.bench.metrics.poses import (
    bone_spread,
    fitted,
    jerk,
    joint_errors,
    mpjpe,
    mpjve,
    n_mpjpe,
    p_mpjpe,
    pck,
    pck_area,
    seam_jerk,
)


def poses(frames: int = 6, joints: int = 17) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, joints, 3))


def turn(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, c, -s], [0, s, c]]
    )


def test_an_offset_of_three_and_four_is_five():
    truth = poses()
    found = truth + np.array([3, 4, 0])
    assert mpjpe(found, truth) == pytest.approx(5)
    assert joint_errors(found, truth).shape == (6, 17)
    assert mpjpe(truth, truth) == 0


def test_what_is_turned_scaled_and_moved_fits_without_error():
    truth = poses()
    found = 2.5 * truth @ turn(0.7).T + np.array([1, -2, 30])
    assert mpjpe(found, truth) > 10
    assert p_mpjpe(found, truth) < 1e-6


def test_every_frame_is_fitted_on_its_own():
    truth = poses()
    found = np.stack([(n + 1) * frame @ turn(n).T + n for n, frame in enumerate(truth)])
    assert p_mpjpe(found, truth) < 1e-6


def test_a_reflection_is_not_aligned_away():
    truth = poses()
    mirrored = truth * [-1, 1, 1]
    assert p_mpjpe(mirrored, truth) > 0.3


def test_fitting_never_moves_joints_farther_on_average():
    truth = poses()
    found = truth + np.random.default_rng(1).normal(size=truth.shape)
    assert ((fitted(found, truth) - truth) ** 2).sum() < ((found - truth) ** 2).sum()
    assert p_mpjpe(np.ones_like(truth), truth) == pytest.approx(
        np.linalg.norm(truth - truth.mean(1, keepdims=True), axis=-1).mean()
    )


def test_scale_alone_is_normalised():
    truth = poses()
    assert n_mpjpe(3 * truth, truth) < 1e-12
    assert n_mpjpe(np.zeros_like(truth), truth) == pytest.approx(mpjpe(0 * truth, truth))
    found, wanted = np.array([[[1.0, 0.0]]]), np.array([[[3.0, 4.0]]])
    assert n_mpjpe(found, wanted) == pytest.approx(4)  # (1, 0) becomes (3, 0)


def test_velocity_errors_ignore_where_a_movement_lies():
    truth = poses()
    assert mpjve(truth + np.array([9, 9, 9]), truth) == pytest.approx(0)
    drifting = truth + np.arange(6)[:, None, None] * np.array([0, 3, 4])
    assert mpjve(drifting, truth) == pytest.approx(5)
    with pytest.raises(Undefined, match="velocity"):
        mpjve(truth[:1], truth[:1])


def test_jerk_of_polynomials_by_hand():
    t = np.arange(8.0)[:, None, None]
    square, cube = t**2 * [[1, 0, 0]], t**3 * [[0, 1, 0]]
    assert jerk(square) == pytest.approx(0)
    assert jerk(cube) == pytest.approx(6)
    assert jerk(cube / 30**3, fps=30) == pytest.approx(6)  # the same movement, in seconds
    with pytest.raises(Undefined, match="third difference"):
        jerk(square[:3])


def test_jerk_at_a_seam_reads_five_frames():
    still = np.zeros((10, 1, 3))
    still[5:, :, 0] = 1  # a jump between frames 4 and 5: third differences 1, -2
    assert seam_jerk(still, 5) == pytest.approx(1.5)
    assert seam_jerk(still, 2) == 0
    for seam in (1, 8):
        with pytest.raises(Undefined, match="five frames"):
            seam_jerk(still, seam)


def test_bones_that_keep_their_length_do_not_spread():
    still = poses(1).repeat(5, 0)
    bones = [(0, 1), (1, 2)]
    moved = np.stack([frame @ turn(n).T + n for n, frame in enumerate(still)])
    assert bone_spread(moved, bones) < 1e-12
    pair = np.zeros((2, 2, 3))
    pair[:, 1, 0] = [1, 3]  # mean 2, deviation 1
    assert bone_spread(pair, [(0, 1)]) == pytest.approx(0.5)
    assert bone_spread(np.concatenate([pair, pair[:, :1]], 1), [(0, 1), (0, 2)]) == 0.5
    with pytest.raises(Undefined, match="length"):
        bone_spread(np.zeros((2, 2, 3)), [(0, 1)])


def test_share_of_joints_within_a_limit():
    truth = np.zeros((1, 4, 3))
    found = np.array([[[0, 0, 0], [0, 90, 0], [150, 0, 0], [0, 0, 151]]], float)
    assert pck(found, truth) == 0.75
    shares = [(1 + (limit >= 90) + (limit >= 150)) / 4 for limit in range(0, 151, 5)]
    assert pck_area(found, truth) == pytest.approx(np.mean(shares))


def test_what_does_not_match_is_refused():
    with pytest.raises(ValueError, match=r"\(6, 17, 3\)"):
        mpjpe(poses(), poses(5))
    with pytest.raises(Undefined):
        mpjpe(np.zeros((0, 17, 3)), np.zeros((0, 17, 3)))
