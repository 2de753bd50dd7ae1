"""Disturbances: each changes what it says, where it says, and never by accident."""

import numpy as np
import pytest

from face_maker import figure, put, room
from verilens.media.faces import Face
from verilens.media.presentation import scene
from verilens.train.starter.spoof_disturbed import (
    CHANGES,
    WHERE,
    disturbed,
    edge,
    flattened,
    grained,
    grated,
    place,
    resampled,
    smoothed,
    toned,
)

POINTS = np.array([[68, 70], [92, 70], [80, 85], [70, 98], [90, 98]], np.float32)
FACE = Face((57.0, 52.0, 103.0, 112.0), 1.0, POINTS)


def picture():
    noise = np.random.default_rng(5).normal(0, 8, (160, 160, 3))
    return np.clip(put(room((160, 160)), figure(), (80, 82), 60) + noise, 0, 255).astype(np.uint8)


def fine(light):
    """Return how much neighbours differ."""
    return float(np.abs(np.diff(light, axis=1)).mean())


def test_chance_alone_decides_and_the_picture_stays_its_size():
    one, same, other = (disturbed(picture(), FACE, np.random.default_rng(n)) for n in (0, 0, 1))
    assert one.shape == (160, 160, 3) and one.dtype == np.uint8
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_place_covers_what_it_names():
    rng = np.random.default_rng(0)
    covers = {where: place(where, (160, 160), FACE, rng) for where in WHERE}
    assert all(c.min() >= 0 and c.max() <= 1 and c.shape == (160, 160) for c in covers.values())
    assert covers["all"].min() == 1
    assert covers["face"][82, 80] > 0.9 and covers["face"][5, 5] < 0.01
    assert covers["sheet"][82, 80] > 0.9 and 0.2 < covers["half"].mean() < 0.8
    line = edge(covers["face"], rng)
    assert line.max() == pytest.approx(1, abs=1e-3) and line[5, 5] < 0.01


def test_changes_do_what_they_are_called():
    light = scene.light(picture())
    rng = np.random.default_rng(0)
    assert fine(smoothed(light, rng)) < 0.9 * fine(light)
    assert fine(resampled(light, rng)) < 0.95 * fine(light)
    assert fine(grained(light, rng)) > fine(light)
    assert np.abs(grated(light, rng) - light).mean() > 0.003
    assert flattened(light, np.random.default_rng(1)).std() < light.std()
    assert toned(light, rng).mean((0, 1)) != pytest.approx(light.mean((0, 1)), abs=1e-4)


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_makes_what_is_not_light(change):
    for seed in range(4):
        found = change(scene.light(picture()), np.random.default_rng(seed))
        assert found.shape == (160, 160, 3) and np.isfinite(found).all()
