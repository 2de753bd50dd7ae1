"""Training on faces: found in whole pictures, or taken whole where they are cropped already."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from face_maker import figure, put, room, save
from verilens.errors import MediaError
from verilens.media import faces as finder
from verilens.records import Sample, View
from verilens.train.augment import side_of, stored_view
from verilens.train.cache import PixelCache
from verilens.train.data import Training, Wanted, clips
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan

needs_faces = pytest.mark.skipif(finder.weights() is None, reason=f"needs {finder.INSTALL}")
FACE = View(size=48, frames=4, fit="face", margin=1.2)


def picture(folder: Path, name: str, pixels) -> Sample:
    path = save(folder / f"{name}.png", pixels)
    return Sample(id=name, uri=str(path), kind="image", label=len(name) % 2)


def crowd():
    return put(put(room((400, 300)), figure(), (110, 120), 100), figure(90), (320, 120), 60)


def test_what_is_kept_of_faces_has_their_size_and_margin():
    kept = stored_view(FACE, Data(stored_px=512), 9)
    assert kept == dataclasses.replace(FACE, frames=9)
    assert stored_view(FACE, Data(resize_px=64), 9).size == 64
    assert side_of(FACE, Data()) == 0


def test_cropped_faces_are_taken_whole_and_nobody_looks_for_them(tmp_path, monkeypatch):
    monkeypatch.setattr(finder, "weights", lambda: None)  # what is not installed is not needed
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    sample = picture(tmp_path, "a", noise)
    with Reader(1, PixelCache(tmp_path / "cache", 1 << 20), faces="cropped") as reader:
        for _ in range(2):  # the second time from the cache
            clip = reader.clip(sample, FACE)
            expected = Image.fromarray(noise).resize((48, 48), Image.Resampling.BICUBIC)
            assert (clip.frames[0] == np.asarray(expected)).all()
            assert clip.view == FACE and clip.tracks.tolist() == [1]


@needs_faces
def test_the_largest_person_is_cut_out_of_a_picture(tmp_path):
    sample = picture(tmp_path, "a", crowd())
    with Reader(1, PixelCache(tmp_path / "cache", 1 << 20)) as reader:
        first, again = (reader.clip(sample, FACE) for _ in range(2))
    assert first.frames.shape == (1, 48, 48, 3) and first.tracks.tolist() == [1]
    left, top, right, bottom = first.boxes[0].tolist()
    assert left < 110 < right < 260 and top < 120 < bottom
    assert (again.frames == first.frames).all() and again.tracks.tolist() == [1]


@needs_faces
def test_a_picture_without_a_face_is_named_and_left_out(tmp_path):
    samples = [picture(tmp_path, "a", crowd()), picture(tmp_path, "bb", room((200, 200)))]
    with Reader(1) as reader:
        found = dict((sample.id, clip) for sample, clip in clips(samples, reader, FACE))
        assert found["bb"] is None and found["a"] is not None
        assert "no face found" in reader.broken["bb"]


@needs_faces
def test_frames_without_a_face_are_left_out_of_a_folder(tmp_path):
    shots = {"0.png": crowd(), "1.png": room((400, 300)), "2.png": crowd()}
    for name, pixels in shots.items():
        save(tmp_path / name, pixels)
    sample = Sample(id="v", uri=str(tmp_path), kind="frames", label=0, frames=tuple(shots))
    with Reader(1) as reader:
        clip = reader.clip(sample, FACE)
        assert clip.times_s.tolist() == [0.0, 2.0] and clip.tracks.tolist() == [1, 1]
        with pytest.raises(MediaError, match="no face found"):
            reader.clip(dataclasses.replace(sample, frames=("1.png",)), FACE)


@needs_faces
def test_batches_of_faces_have_the_methods_size(tmp_path):
    samples = [picture(tmp_path, name, crowd()) for name in ("a", "bb", "ccc", "dddd")]
    with Reader(2) as reader:
        training = Training(samples, reader, Wanted(FACE), Data(flip=True), Plan(batch=4))
        (batch,) = training.epoch(0)
    assert batch.frames.shape == (4, 1, 3, 48, 48)
