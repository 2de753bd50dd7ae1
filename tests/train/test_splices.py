"""Forged stretches: where they lie, that only they change, and what each way of forging leaves."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from verilens.train.starter.splices import FORGERIES, placed, region, spliced

FPS = 10


def film(count: int = 80, height: int = 48, width: int = 64) -> np.ndarray:
    """Return what a camera sees that glides over a texture of several scales, (N, H, W, 3)."""
    rng = np.random.default_rng(0)
    wide = sum(
        cv2.resize(rng.normal(0, 20, (height // n, 240 // n, 3)), (240, height)) for n in (1, 4, 12)
    )
    glide = np.stack([wide[:, n : n + width] for n in range(count)])
    return (glide + 128 + rng.normal(0, 2, glide.shape)).clip(0, 255).astype(np.uint8)


def sharpness(frames: np.ndarray) -> float:
    return float(np.mean([cv2.Laplacian(f, cv2.CV_64F).std() for f in frames]))


@pytest.mark.parametrize("kind", sorted(FORGERIES))
def test_only_the_stretch_changes_and_it_still_shows_the_scene(kind):
    genuine = film()
    found = spliced(genuine, FPS, np.random.default_rng(1), (2.0,), (kind,))
    assert found.kinds == (kind,) and found.frames.dtype == np.uint8
    ((start, end),) = found.spans
    assert end - start == pytest.approx(2.0)
    times = np.arange(len(genuine)) / FPS
    inside = (times >= start - 1e-9) & (times < end - 1e-9)
    assert np.array_equal(found.frames[~inside], genuine[~inside])
    changed = [not np.array_equal(a, b) for a, b in zip(found.frames, genuine, strict=True)]
    assert np.mean(np.array(changed)[inside]) >= (0.5 if kind == "interpolation" else 1.0)
    error = found.frames[inside].astype(float) - genuine[inside]
    assert 1.0 < np.sqrt((error**2).mean()) < 40.0


def test_the_draw_fixes_the_result():
    one, same, other = (
        spliced(film(), FPS, np.random.default_rng(n), (1.0, 2.0)) for n in (3, 3, 4)
    )
    assert one.spans == same.spans and np.array_equal(one.frames, same.frames)
    assert one.spans != other.spans


def test_low_pass_blurs_and_the_grid_repeats_pixels():
    genuine, rng = film(12), np.random.default_rng(0)
    assert sharpness(FORGERIES["low-pass"](genuine, rng)) < 0.7 * sharpness(genuine)
    grid = FORGERIES["grid"](genuine, rng).astype(int)
    pairs = np.abs(np.diff(grid, axis=2)).mean((0, 1, 3))
    assert pairs[::2].mean() < 0.5 * pairs[1::2].mean()  # the two pixels of a cell are alike


def test_interpolation_keeps_some_frames_and_follows_motion():
    genuine = film(13)
    made = FORGERIES["interpolation"](genuine, np.random.default_rng(2))
    kept = np.array([np.array_equal(a, b) for a, b in zip(made, genuine, strict=True)])
    assert 3 <= kept.sum() <= 8 and kept[0] and kept[-1]
    still = np.abs(genuine[kept][:-1].astype(float) - genuine[kept][1:]).mean()
    assert np.abs(made[~kept].astype(float) - genuine[~kept]).mean() < 0.6 * still


def test_stretches_keep_their_distance_and_shrink_to_fit():
    for seed in range(40):
        found = placed(100, [20, 15, 10], 5.0, np.random.default_rng(seed))
        assert len(found) == 3 and found[0][0] >= 0 and found[-1][1] <= 100
        assert all(b[0] - a[1] >= 5 for a, b in pairwise(found))
        assert sorted(e - s for s, e in found) == [10, 15, 20]
    ((start, end),) = placed(12, [40], 5.0, np.random.default_rng(0))
    assert 2 <= end - start < 12
    assert placed(1, [40], 5.0, np.random.default_rng(0)) == []


def test_a_film_without_stretches_stays_genuine():
    genuine = film(20)
    found = spliced(genuine, FPS, np.random.default_rng(0), ())
    assert found.spans == () and np.array_equal(found.frames, genuine)


def test_regions_are_whole_or_soft_ellipses():
    masks = [region((48, 64), np.random.default_rng(seed)) for seed in range(20)]
    assert {mask.shape for mask in masks} == {(48, 64)}
    whole = [mask for mask in masks if (mask == 1).all()]
    assert 4 <= len(whole) <= 16
    for mask in masks:
        assert mask.min() >= 0 and mask.max() == 1 and mask.mean() > 0.1


@pytest.mark.parametrize("size", [(33, 47), (16, 16)])
def test_odd_and_small_frames_can_be_forged(size):
    genuine = np.random.default_rng(0).integers(0, 256, (8, *size, 3), dtype=np.uint8)
    for forge in FORGERIES.values():
        made = forge(genuine, np.random.default_rng(0))
        assert made.shape == genuine.shape and made.dtype == np.uint8
