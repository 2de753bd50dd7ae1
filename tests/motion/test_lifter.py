"""Windows around frames, screen coordinates and gaps: what all lifters share, by hand."""

import numpy as np
import pytest
import torch

from verilens.errors import ConfigError
from verilens.motion.g_sformer.config import Config
from verilens.motion.g_sformer.model import GSFormer
from verilens.motion.lifter import Window, mirrored, screen
from verilens.poses.make import make_pose
from verilens.poses.missing import filled
from verilens.records import Skeleton

# Ten frames, four on either side, gaps of more than two are rolled.
RAMP = {
    0: [0, 0, 0, 0, 0, 1, 2, 3, 4],
    1: [0, 0, 0, 0, 1, 2, 3, 4, 5],
    2: [0, 0, 0, 1, 2, 3, 4, 5, 6],
    3: [0, 0, 1, 2, 3, 4, 5, 6, 7],
    4: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    5: [1, 2, 3, 4, 5, 6, 7, 8, 9],
    6: [2, 3, 4, 5, 6, 7, 8, 9, 9],
    7: [3, 4, 5, 6, 7, 8, 9, 9, 9],
    8: [4, 5, 6, 7, 8, 9, 9, 9, 9],
    9: [5, 6, 7, 8, 9, 9, 9, 9, 9],
}


@pytest.mark.parametrize("at", RAMP)
def test_rolling_on_a_ramp_of_ten(at):
    assert Window(frames=9, roll=2).around(at, 10).tolist() == RAMP[at]


def test_rolling_prepends_the_films_own_first_frames():
    window = Window(frames=13, roll=2)
    assert window.around(2, 10).tolist() == [0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert window.around(3, 20).tolist() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert window.around(16, 20).tolist() == [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 17, 18, 19]
    assert window.around(7, 10).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 9, 9, 9]


def test_without_rolling_the_outermost_frame_stands():
    window = Window(frames=13)
    assert window.around(3, 20).tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert Window(frames=5).around(0, 1).tolist() == [0] * 5


def test_a_step_reads_every_second_frame_and_keeps_the_middle():
    window = Window(frames=5, step=2, roll=1)
    for at in range(12):
        around = window.around(at, 12)
        assert len(around) == 5 and around[2] == at
    assert window.around(6, 12).tolist() == [2, 4, 6, 8, 10]


@pytest.mark.parametrize("facts", [{"frames": 4}, {"frames": 0}, {"step": 0}, {"roll": -1}])
def test_impossible_windows_are_refused(facts):
    with pytest.raises(ConfigError, match=r"window\."):
        Window(**facts)


def test_screen_coordinates_by_hand():
    pixels = np.array([[0.0, 0.0], [1000.0, 500.0], [500.0, 250.0]])
    assert np.allclose(screen(pixels, (1000, 500)), [[-1, -0.5], [1, 0.5], [0, 0]])


def test_mirrors_undo_themselves():
    joints = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    once = mirrored(joints, (0, 2, 1, 3))
    assert np.array_equal(once[:, 1, 0], -joints[:, 2, 0])
    assert np.array_equal(mirrored(once, (0, 2, 1, 3)), joints)


def test_gaps_are_interpolated_and_ends_held():
    joints = np.arange(5.0)[:, None, None] * np.ones((1, 2, 2))
    joints[[0, 2, 4], 1] = np.nan
    whole = filled(_pair(joints))
    assert np.allclose(whole[:, 1, 0], [1, 1, 2, 3, 3])
    joints[:, 1] = np.nan
    assert np.allclose(filled(_pair(joints))[:, 1], joints[:, 0])


def _pair(joints):
    return make_pose(joints, None, Skeleton(name="pair", joints=("a", "b")), 30)


def test_scaling_by_the_person_forgets_place_and_distance():
    method = GSFormer(Config.starter())
    x = torch.randn(2, 27, 17, 2)
    found = method.scaled(x)
    assert torch.allclose(method.scaled(3 * x + 0.7), found, atol=1e-5)
    assert torch.allclose(found.square().sum(-1).mean((1, 2)), torch.ones(2), atol=1e-5)
    assert (found[:, :, 0] == 0).all()
    assert torch.isfinite(method.scaled(torch.zeros(1, 27, 17, 2))).all()
