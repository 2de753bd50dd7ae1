"""Views: the same places every time, edge to edge, with their boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from verilens.media.sample import Moment, boxes, cut, grid, sample, subset
from verilens.records import View


def coordinates(width: int, height: int) -> Image.Image:
    """Return a picture whose red is the column and green the row, modulo 256."""
    across = np.arange(width)[None, :].repeat(height, 0) % 256
    down = np.arange(height)[:, None].repeat(width, 1) % 256
    return Image.fromarray(np.stack([across, down, across * 0], -1).astype(np.uint8))


@given(
    size=st.integers(1, 300),
    crops=st.integers(1, 70),
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
)
def test_crops_lie_inside_and_reach_the_edges(size, crops, width, height):
    found = boxes(View(size=size, crops=crops), (width, height))
    array = np.array(found)
    assert 1 <= len(found) <= crops and len(set(found)) == len(found)
    assert array[:, :2].min() >= 0
    assert (array[:, 2] <= width).all() and (array[:, 3] <= height).all()
    assert (array[:, 2] - array[:, 0] == min(size, width)).all()
    columns, rows = grid(View(size=size, crops=crops), (width, height))
    if columns > 1:
        assert array[:, 0].min() == 0 and array[:, 2].max() == width
    if rows > 1:
        assert array[:, 1].min() == 0 and array[:, 3].max() == height


@given(width=st.integers(1, 900), height=st.integers(1, 900))
def test_enough_crops_cover_every_pixel(width, height):
    covered = np.zeros((height, width), bool)
    for left, top, right, bottom in boxes(View(size=224, crops=25), (width, height)):
        covered[top:bottom, left:right] = True
    assert covered.all()


@pytest.mark.parametrize(
    ("crops", "size", "expected"),
    [
        (1, (4000, 3000), (1, 1)),
        (4, (1000, 1000), (2, 2)),
        (6, (1600, 900), (3, 2)),
        (6, (900, 1600), (2, 3)),
        (6, (4000, 300), (6, 1)),
        (64, (4000, 3000), (9, 7)),
        (64, (500, 300), (3, 2)),
    ],
)
def test_the_grid_follows_the_shape_of_the_picture(crops, size, expected):
    assert grid(View(size=224, crops=crops), size) == expected


def test_a_crop_holds_the_pixels_of_its_box():
    picture = coordinates(250, 200)
    for box, pixels in cut(View(size=100, crops=9), picture):
        left, top = box[:2]
        assert pixels[0, 0].tolist() == [left, top, 0]
        assert pixels[-1, -1].tolist() == [left + 99, top + 99, 0]


def test_one_crop_is_the_centre():
    assert boxes(View(size=100), (300, 200)) == [(100, 50, 200, 150)]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (100, 50), (50, 100), (64, 63)])
def test_small_pictures_are_mirrored(size):
    ((box, pixels),) = cut(View(size=100, crops=4), coordinates(*size))
    width, height = size
    assert box == (0, 0, width, height)
    assert pixels.shape == (100, 100, 3)
    assert (pixels[:height, :width] == np.asarray(coordinates(*size))).all()
    if width < 100 and width > 1:
        assert (pixels[:, width] == pixels[:, width - 2]).all()


def test_native_is_never_padded():
    assert cut(View(size=100, fit="native"), coordinates(60, 300))[0][1].shape == (100, 60, 3)


def test_a_cut_holds_the_pixels_of_its_box_wherever_it_lies():
    picture = coordinates(50, 40)
    for across, down in [(0.0, 0.0), (0.4, 0.7), (1.0, 1.0)]:
        view = View(size=36, fit="native", cut_px=16, cut_x=across, cut_y=down)
        ((box, pixels),) = cut(view, picture)
        assert (pixels == np.asarray(picture.crop(box))).all() and pixels.shape == (16, 16, 3)
        assert box[0] >= 7 and box[2] <= 43 and box[1] >= 2 and box[3] <= 38


def test_contain_keeps_the_shape_and_never_enlarges():
    view = View(size=100, fit="contain")
    assert cut(view, coordinates(400, 200))[0][1].shape == (50, 100, 3)
    assert cut(view, coordinates(5000, 10))[0][1].shape == (1, 100, 3)
    box, pixels = cut(view, coordinates(30, 20))[0]
    assert box == (0, 0, 30, 20) and pixels.shape == (20, 30, 3)


def test_resize_gives_the_whole_frame():
    ((box, pixels),) = cut(View(size=64, crops=6, fit="resize"), coordinates(300, 200))
    assert box == (0, 0, 300, 200) and pixels.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("count", "wanted", "expected"),
    [(12, 1, [6]), (12, 2, [0, 11]), (5, 8, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8]), (1, 1, [0])],
)
def test_subset(count, wanted, expected):
    assert subset(count, wanted) == expected


@given(count=st.integers(1, 300), wanted=st.integers(1, 300))
def test_subset_never_repeats(count, wanted):
    found = subset(count, wanted)
    assert len(found) == len(set(found)) == min(count, wanted)
    assert found == sorted(found) and found[0] >= 0 and found[-1] < count


def test_views_share_one_picture_per_moment():
    made = []

    def moment(index: int) -> Moment:
        def picture() -> Image.Image:
            made.append(index)
            return Image.new("RGB", (64, 64), (index, 0, 0))

        return Moment(index / 2, picture)

    views = [View(size=16, frames=12, crops=4), View(size=16, frames=3, fit="contain")]
    clips = sample(views, [moment(i) for i in range(12)], (64, 64))
    assert made == list(range(12))
    assert clips[views[0]].frames.shape == (48, 16, 16, 3)
    assert clips[views[0]].times_s[:5].tolist() == [0, 0, 0, 0, 0.5]
    assert clips[views[1]].times_s.tolist() == [0, 3.0, 5.5]
    assert clips[views[1]].boxes.tolist() == [[0, 0, 64, 64]] * 3
    assert clips[views[1]].frames[:, 0, 0, 0].tolist() == [0, 6, 11]


def test_colours_are_converted_after_the_cut():
    sizes = []

    def convert(piece: Image.Image) -> Image.Image:
        sizes.append(piece.size)
        return Image.new("RGB", piece.size, (1, 2, 3))

    found = cut(View(size=10, crops=4), coordinates(100, 100), convert)
    assert sizes == [(10, 10)] * 4
    assert all((pixels == (1, 2, 3)).all() for _, pixels in found)
