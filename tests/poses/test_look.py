"""Views, pictures, films and the page: what is drawn is where it must be."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from verilens.errors import ConfigError
from verilens.poses.draw import pictures, write_gif, write_mp4, write_svg
from verilens.poses.look import LEFT, MIDDLE, RIGHT, edge_colour, layouts, seen_from, shown
from verilens.poses.make import make_pose
from verilens.poses.player import MISSING, movement, page
from verilens.poses.skeletons import skeleton


def standing(turn=0.0, frames=3, frame="world"):
    """Return somebody in metres with a left and a right shoulder, a head up, a hand forward."""
    joints = np.zeros((frames, 20, 3))
    of = skeleton("kinect20")
    place = {"left_shoulder": (1, 1, 0), "right_shoulder": (-1, 1, 0)}
    place |= {"head": (0, 2, 0), "left_hand": (1, 1, 1)}
    for name, where in place.items():
        joints[:, of.index(name)] = where
    c, s = np.cos(turn), np.sin(turn)
    joints = joints @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    return make_pose(joints, None, of, 10, frame=frame, units="m")


@pytest.mark.parametrize("turn", [0, 1, np.pi, 4])
def test_whoever_turns_away_is_shown_facing_us(turn):
    (joints,) = shown([standing(turn)])
    of = skeleton("kinect20")
    np.testing.assert_allclose(joints[0, of.index("left_shoulder")], [1, -1, 0], atol=1e-6)
    np.testing.assert_allclose(joints[0, of.index("left_hand")], [1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(joints[0, of.index("head")], [0, -2, 0], atol=1e-6)


def test_three_views_see_the_hand_that_reaches_forward():
    (joints,) = shown([standing()])
    hand = skeleton("kinect20").index("left_hand")
    seen = {view: seen_from(joints, view)[0, hand].tolist() for view in ("front", "side", "top")}
    assert seen == {"front": [1, -1], "side": [-1, -1], "top": [1, 1]}


def test_a_picture_holds_all_that_is_seen_and_nothing_else():
    pose = standing()
    joints = pose.joints.copy()
    joints[1, 5] = 1e6
    hidden = pose.confidence.copy()
    hidden[1, 5] = 0
    ((layout,), (width, height)) = layouts(
        [replace(pose, joints=joints, confidence=hidden)], "front", 200
    )
    points = layout.points[layout.seen]
    assert points.min() >= 0 and (points <= [width, height]).all()
    assert max(width, height) == 200 and np.ptp(points, 0).max() == pytest.approx(176, abs=1)


def test_flat_poses_have_no_side_and_empty_ones_no_picture(waving):
    with pytest.raises(ConfigError, match="no view from the side"):
        layouts([waving("coco17", 2)], "side", 100)
    empty = make_pose(np.full((2, 17, 2), np.nan), None, "coco17", 25)
    with pytest.raises(ConfigError, match="every joint is missing"):
        list(pictures([empty]))


def test_sides_have_their_colours():
    pose = standing()
    of = pose.skeleton
    assert edge_colour(pose, (of.index("left_elbow"), of.index("left_wrist"))) == LEFT
    assert edge_colour(pose, (of.index("thorax"), of.index("right_shoulder"))) == RIGHT
    assert edge_colour(pose, (of.index("left_hip"), of.index("right_hip"))) == MIDDLE


def ink(picture):
    """Return the middle of what is blue."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return np.nonzero(pixels[..., 2] - pixels[..., 0] > 60)[1].mean() / picture.width


def test_left_is_drawn_on_the_right(tmp_path):
    first = next(pictures([standing()], size=100))
    assert ink(first) > 0.7


def test_films_and_pictures_have_the_frames_and_the_time(tmp_path, waving):
    import av

    pose = waving("ntu25", frames=8)
    write_mp4(tmp_path / "a.mp4", [pose], size=120)
    with av.open(str(tmp_path / "a.mp4")) as film:
        frames = list(film.decode(video=0))
        assert len(frames) == 8 and film.streams.video[0].average_rate == 25
    write_gif(tmp_path / "a.gif", [pose], size=120)
    with Image.open(tmp_path / "a.gif") as gif:
        durations = []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
    assert sum(durations) == 8 * 40


def test_a_gif_of_a_fast_clip_takes_as_long(tmp_path, waving):
    write_gif(tmp_path / "a.gif", [replace(waving("hand21", frames=61), fps=60.0)], size=60)
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 26  # one second at 25


def test_a_strip_shows_the_moments(tmp_path, waving):
    write_svg(tmp_path / "a.svg", [waving("coco17", 2)], moments=4)
    text = (tmp_path / "a.svg").read_text()
    times = re.findall(r">([\d.]+) s<", text)
    assert times == ["0.00", "0.12", "0.24", "0.36"] and text.count("<circle") == 4 * 17


def test_one_frame_and_two_persons_are_shown(tmp_path):
    one = standing(frames=1)
    two = replace(one, joints=one.joints + 1, person=1)
    for write, file in ((write_gif, "a.gif"), (write_mp4, "a.mp4"), (write_svg, "a.svg")):
        write(tmp_path / file, [one, two])
        assert (tmp_path / file).stat().st_size > 300
    assert movement([one, two])["persons"] == 2


def test_the_page_holds_the_movement_to_a_thirty_thousandth():
    pose = standing()
    hidden = pose.confidence.copy()
    hidden[:, 3] = 0
    held = movement([replace(pose, confidence=hidden)])
    places = np.frombuffer(base64.b64decode(held["places"]), "<i2").reshape(1, 3, 20, 3).astype(int)
    assert (places[:, :, 3] == MISSING).all()
    seen = places[0, 0, 4] - places[0, 0, 8]  # shoulder to shoulder
    np.testing.assert_allclose(seen * held["unit"], [2, 0, 0], atol=1e-4)


def test_names_cannot_leave_their_place_in_the_page(waving):
    from verilens.records import Skeleton

    of = Skeleton(name="</script><b>", joints=("<!--", "</script>"))
    pose = make_pose(np.ones((2, 2, 3)), None, of, 25)
    text = page([pose], "<img src=x>")
    assert "<img" not in text and text.count("</script>") == 2 and "<!--" not in text
    data = re.search(r'id="movement">(.*?)</script>', text, re.S)
    assert json.loads(data[1])["joints"] == ["<!--", "</script>"]
    assert "default-src 'none'" in text and "http" not in text.replace("http-equiv", "")
