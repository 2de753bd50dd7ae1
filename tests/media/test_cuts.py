"""Shots of films made by hand: cuts, motion, flashes, blank stretches and unchanging pictures."""

import numpy as np
import pytest

from verilens.media.cuts import blank, shots, unchanging


def place(seed: int, side: int = 96) -> np.ndarray:
    """Return a wide soft scene with its own colours, (side, 4 side, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (6, 24, 3)) * 0.4 + rng.integers(0, 150, 3)
    scene = np.kron(coarse, np.ones((side // 6, side // 6, 1)))
    return (scene + rng.normal(0, 4, scene.shape)).clip(0, 255).astype(np.uint8)


def pan(seed: int, count: int, step: int = 2, side: int = 96) -> np.ndarray:
    scene = place(seed, side)
    return np.stack([scene[:, n * step : n * step + side] for n in range(count)])


def test_a_cut_lies_half_way_between_its_moments():
    frames = np.concatenate([pan(1, 12), pan(2, 12)])
    first, second = shots(frames, np.arange(24) / 10)
    assert (first.start_s, first.end_s) == (0.0, pytest.approx(1.15))
    assert (second.start_s, second.end_s) == (pytest.approx(1.15), np.inf)


@pytest.mark.parametrize("step", [0, 1, 4, 12])
def test_motion_is_no_cut(step):
    assert len(shots(pan(3, 20, step), np.arange(20) / 10)) == 1


def test_few_moments_far_apart_still_show_cuts_between_unlike_places():
    frames = np.concatenate([pan(1, 5, 8), pan(2, 6, 8), pan(5, 5, 8)])
    found = shots(frames, np.arange(16) * 3.0)
    assert [shot.start_s for shot in found] == [0.0, 13.5, 31.5]


def test_crops_of_one_moment_are_one_moment():
    frames = np.concatenate([pan(1, 8), pan(2, 8)]).repeat(2, 0)
    assert len(shots(frames, np.arange(16).repeat(2) / 10)) == 2


def test_blank_moments_belong_to_no_shot():
    frames = pan(1, 20)
    frames[:3], frames[10:12] = 0, 255
    found = shots(frames, np.arange(20) / 10)
    assert [(s.start_s, s.end_s) for s in found] == [
        (pytest.approx(0.25), pytest.approx(0.95)),
        (pytest.approx(1.15), np.inf),
    ]
    assert blank(frames, np.arange(20) / 10).nonzero()[0].tolist() == [0, 1, 2, 10, 11]


def test_films_without_moments_or_with_nothing_but_black_have_no_shot():
    assert shots(np.zeros((0, 8, 8, 3), np.uint8), np.zeros(0)) == ()
    assert shots(np.zeros((4, 8, 8, 3), np.uint8), np.arange(4.0)) == ()


def test_one_moment_is_one_shot_and_a_pixel_is_blank():
    assert shots(pan(1, 1), np.zeros(1)) == ((0.0, np.inf),)
    assert blank(np.full((1, 1, 1, 3), 9, np.uint8), np.zeros(1)).all()


def test_an_unchanging_picture_and_a_moving_one():
    still = np.repeat(pan(1, 1), 6, 0)
    assert unchanging(still)
    assert unchanging(still + np.random.default_rng(0).integers(0, 2, still.shape, dtype=np.uint8))
    assert not unchanging(pan(1, 6))
