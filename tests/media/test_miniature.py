"""Miniatures are the same everywhere, and no two of their files look alike."""

import hashlib

import av
import numpy as np
from PIL import Image

from verilens.media.miniature import SIZE, Miniature


def write(root):
    mini = Miniature(root)
    mini.picture("a/x.png")
    mini.picture("b/x.jpg", forged=True)
    mini.video("a/x.mp4", count=5)
    mini.frames("a/frames", 3)
    mini.mask("a/mask.png")
    return {p.relative_to(root): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_a_miniature_is_the_same_everywhere_and_shows_nothing_twice(tmp_path):
    first, second = write(tmp_path / "one"), write(tmp_path / "two")
    assert first == second
    assert len({hashlib.sha256(held).digest() for held in first.values()}) == len(first) == 7


def test_a_forged_picture_differs_where_its_mask_is_white(tmp_path):
    pixels = []
    for folder, forged in (("g", False), ("f", True)):
        Miniature(tmp_path / folder).picture("x.png", forged=forged)
        pixels.append(np.asarray(Image.open(tmp_path / folder / "x.png")))
    Miniature(tmp_path).mask("m.png")
    mask = np.asarray(Image.open(tmp_path / "m.png")) > 127
    changed = (pixels[0] != pixels[1]).any(-1)
    assert not changed[~mask].any() and changed[mask].mean() > 0.95


def test_a_video_has_the_frames_asked_for(tmp_path):
    Miniature(tmp_path).video("x.mp4", count=5)
    Miniature(tmp_path).mask("m.mp4", count=5)
    for name in ("x.mp4", "m.mp4"):
        with av.open(str(tmp_path / name)) as film:
            shapes = [frame.to_ndarray(format="rgb24").shape for frame in film.decode(video=0)]
        assert shapes == [(SIZE, SIZE, 3)] * 5
