"""Self-blended faces: fake inside the mask only, either copy may be altered, clips are calm."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from verilens.errors import MediaError
from verilens.media.blend import (
    POINTS,
    Blended,
    Ranges,
    outline,
    points_of,
    points_of_crops,
    self_blend,
)

SIDE = 96
PARTS = ("whole", "face", "inner", "lower")


def picture(seed: int = 0, side: int = SIDE) -> np.ndarray:
    """Return a soft colourful picture, (side, side, 3) uint8."""
    rough = np.random.default_rng(seed).integers(30, 220, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(rough, (side, side), interpolation=cv2.INTER_CUBIC)


def blended(seed: int, ranges: Ranges | None = None, count: int = 1) -> Blended:
    frames = np.repeat(picture()[None], count, 0)
    points = points_of_crops(count, SIDE)
    return self_blend(frames, points, np.random.default_rng(seed), ranges)


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second).mean())


def test_fakes_differ_inside_the_mask_and_nowhere_else():
    for seed in range(20):
        found = blended(seed)
        assert found.fakes.dtype == np.uint8 and found.fakes.shape == (1, SIDE, SIDE, 3)
        assert found.masks.dtype == np.float32 and found.masks.shape == (1, SIDE, SIDE)
        outside = found.masks == 0
        assert np.array_equal(found.fakes[outside], found.genuine[outside])
        assert 0 < np.count_nonzero(found.masks) < 0.8 * found.masks.size
        assert float(found.masks.max()) in (0.25, 0.5, 0.75, 1.0)
        assert difference(found.fakes[~outside], found.genuine[~outside]) > 0.2


def test_either_copy_is_altered_equally_often():
    kept = [np.array_equal(blended(seed).genuine[0], picture()) for seed in range(200)]
    assert 0.4 < np.mean(kept) < 0.6


def test_the_seed_fixes_everything():
    first, same, other = blended(3), blended(3), blended(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first.fakes, other.fakes)


def test_half_opaque_copies_lie_halfway_between():
    """On one colour the altered copy is a * 100; the fake is halfway between it and 100."""
    flat = np.full((1, SIDE, SIDE, 3), 100, np.uint8)
    ranges = Ranges(shift=0, brightness=0, contrast=0.1, ratios=(0.5,))
    seen = set()
    for seed in range(8):
        found = self_blend(flat, points_of_crops(1, SIDE), np.random.default_rng(seed), ranges)
        fake, genuine = found.fakes[found.masks == 0.5], found.genuine
        assert np.ptp(fake) == 0 and np.ptp(genuine) == 0
        other = 2 * int(fake[0, 0]) - int(genuine.max())  # of the copy on top
        assert 89 <= other <= 111 and 90 <= genuine.max() <= 110
        assert 100 in (genuine.max(), *range(other - 1, other + 2))  # one of them is unaltered
        seen.add(other)
    assert len(seen) > 3


@pytest.mark.parametrize("part", PARTS)
def test_outlines_are_convex_and_in_the_box(part):
    corners = outline(part)
    assert corners.min() >= 0 and corners.max() <= 1
    assert cv2.contourArea(corners.astype(np.float32)) == pytest.approx(
        cv2.contourArea(cv2.convexHull(corners.astype(np.float32))), rel=1e-4
    )


@pytest.mark.parametrize("part", PARTS)
def test_masks_lie_where_the_part_is(part):
    ranges = Ranges(parts=(part,), move_x=0, move_y=0, scale=0, ratios=(1.0,))
    mask = blended(0, ranges).masks[0]
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    edge = SIDE * (1 - 1 / 1.3) / 2
    corners = edge + outline(part) * (SIDE - 2 * edge)
    cv2.fillConvexPoly(drawn, np.rint(corners).astype(np.int32), 1)
    assert mask[drawn == 0].mean() < 0.02  # it is eroded before it is softened
    assert mask[drawn == 1].mean() > 0.5


def test_masks_follow_the_face():
    """Turned by 90 degrees, the lower half of the face lies at the left."""
    ranges = Ranges(parts=("lower",), move_x=0, move_y=0)
    frames = picture(side=200)[None]
    rng = np.random.default_rng
    upright = self_blend(frames, points_of((50, 50, 150, 150))[None], rng(0), ranges)
    shifted = self_blend(frames, points_of((70, 40, 170, 140))[None], rng(0), ranges)
    turned = (points_of((50, 50, 150, 150)) - 100) @ np.array([[0, 1], [-1, 0]]) + 100
    lying = self_blend(frames, turned[None], rng(0), ranges)

    def centre(found: Blended) -> np.ndarray:
        rows, columns = np.nonzero(found.masks[0])
        return np.array([columns.mean(), rows.mean()])

    assert np.abs(centre(shifted) - centre(upright) - [20, -10]).max() < 2
    assert centre(upright)[1] > 110 and abs(centre(upright)[0] - 100) < 5
    assert centre(lying)[0] < 90 and abs(centre(lying)[1] - 100) < 5


def test_points_of_a_box_and_of_a_crop_agree():
    assert np.allclose(points_of((0, 0, 1, 1)), POINTS)
    assert np.allclose(points_of_crops(2, 130)[1], points_of((15, 15, 115, 115)))


def test_clips_do_not_flicker_but_drift():
    """Neighbouring frames of a still scene differ far less than two draws do."""
    ratios = []
    for seed in range(12):
        found = blended(seed, count=8)
        steps = [difference(a, b) for a, b in zip(found.fakes, found.fakes[1:], strict=False)]
        again = [difference(found.fakes[0], blended(100 + k).fakes[0]) for k in range(5)]
        ratios.append(max(steps) / np.mean(again))
        assert difference(found.masks[0], found.masks[-1]) > 0
        assert {float(m.max()) for m in found.masks} == {float(found.masks.max())}
    assert np.mean(ratios) < 0.12, ratios  # 0.05 measured
    still = blended(0, replace(Ranges(), drift=0.0), count=3)
    assert np.array_equal(still.fakes[0], still.fakes[2])


def test_a_clip_begins_as_its_first_frame_alone():
    assert np.array_equal(blended(5, count=6).fakes[0], blended(5).fakes[0])


def test_faces_at_the_edge_or_too_small():
    frames, rng = picture()[None], np.random.default_rng(0)
    for box in ((-40, 20, 20, 80), (90, 90, 190, 190), (300, 300, 400, 400)):
        found = self_blend(frames, points_of(box)[None], rng)
        assert np.isfinite(found.masks).all() and found.masks.min() >= 0
    with pytest.raises(MediaError, match="8 pixels") as raised:
        self_blend(frames, points_of((40, 40, 48, 48))[None], rng)
    assert raised.value.kind == "too-small"
    tall = np.zeros((1, 16, 300, 3), np.uint8)
    assert self_blend(tall, points_of((100, 0, 116, 16))[None], rng).fakes.shape == tall.shape
