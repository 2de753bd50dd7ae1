"""Copies are told by digest and by hash, cheaply, and looked at once."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from film_maker import make_film
from PIL import Image

from verilens.media.fingerprint import Alike, Looked, perceptual_hash


def scene(seed: int, side: int = 96) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def apart(first: np.ndarray, second: np.ndarray) -> int:
    return (perceptual_hash(first) ^ perceptual_hash(second)).bit_count()


def test_hashes_survive_scaling_and_compression_and_tell_pictures_apart():
    picture = scene(0, 160)
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert apart(picture, cv2.imdecode(coded, cv2.IMREAD_COLOR)) <= 3
    assert apart(picture, cv2.resize(picture, (80, 70), interpolation=cv2.INTER_AREA)) <= 3
    others = [apart(picture, scene(seed, 160)) for seed in range(1, 40)]
    assert min(others) > 12
    assert perceptual_hash(np.full((40, 40, 3), 90, np.uint8)) is None


def test_up_to_three_bits_are_found_and_four_in_four_bands_are_not():
    found = Alike()
    base = 0x0123456789ABCDEF
    assert found.add(base) is None
    assert found.add(base) == 0
    assert found.add(base ^ (1 << 5) ^ (1 << 22) ^ (1 << 60)) == 0
    assert Alike().add(base) is None
    other = Alike()
    other.add(base)
    assert other.add(base ^ 1 ^ (1 << 16) ^ (1 << 32) ^ (1 << 48)) is None


def test_the_cost_of_a_hash_stays_flat():
    values = np.random.default_rng(0).integers(0, 1 << 63, 60_000).tolist()
    found = Alike()

    def seconds(part: list[int]) -> float:
        begun = time.process_time()
        for value in part:
            found.add(value)
        return time.process_time() - begun

    first = seconds(values[:5_000])
    seconds(values[5_000:55_000])
    assert seconds(values[55_000:]) < 10 * first  # comparing each with all before: 23 times
    crowd = Alike()
    begun = time.process_time()
    for value in range(3000):
        crowd.add(0xFF << 40 | (value & 0xFFFF))
    assert time.process_time() - begun < 5


@pytest.fixture
def files(tmp_path) -> list[Path]:
    Image.fromarray(scene(0)).save(tmp_path / "a.png")
    Image.fromarray(scene(1)).save(tmp_path / "b.jpg", quality=80)
    make_film(tmp_path / "c.mp4", 12)
    (tmp_path / "d.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return [tmp_path / name for name in ("a.png", "b.jpg", "c.mp4", "d.png", "e.png")]


def test_looks_come_in_order_and_are_kept_until_a_file_changes(files, tmp_path, monkeypatch):
    log = tmp_path / "log" / "looks.jsonl"
    with Looked(log, 2) as looked:
        a, b, c, d, e = looked.looks(iter(files))
    assert (a.format, a.width, a.frames, a.quality) == ("PNG", 96, 0, 0)
    assert (b.format, b.quality) == ("JPEG", 80)
    assert (c.format, c.frames) == ("h264", 12)
    assert (d.error, e.error) == ("corrupt", "missing")
    with log.open("a") as text:
        text.write('{"key": "cut sho')
    files[0].write_bytes(files[1].read_bytes())
    asked = []
    monkeypatch.setattr(
        "verilens.media.fingerprint.look", lambda decoder, path: asked.append(path.name) or a
    )
    with Looked(log, 1) as looked:
        again = list(looked.looks(iter(files)))
    assert asked == ["a.png", "e.png"]
    assert again[1:4] == [b, c, d]
