"""Quality tables, an earlier compression and thumbnails, on pictures compressed here."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verilens.media.double_jpeg import coefficients, double_compression
from verilens.media.jpeg import examine_jpeg, table_words, thumbnail_mismatch
from verilens.media.jpeg_tables import ZIGZAG, estimate_quality, standard_table


def scene(seed: int, size: tuple[int, int] = (384, 320)) -> Image.Image:
    """Return noise with the 1 / f spectrum of photographs."""
    rng = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(size[1])[:, None], np.fft.fftfreq(size[0])[None]
    slope = 1 / np.maximum(np.hypot(down, across), 1 / max(size)) ** 1.2
    layers = [np.fft.ifft2(np.fft.fft2(rng.normal(size=size[::-1])) * slope).real for _ in "rgb"]
    pixels = np.stack(layers, axis=2)
    pixels = 128 + 45 * (pixels - pixels.mean()) / pixels.std()
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


def double(image: Image.Image, quality: int, folder: Path) -> float:
    path = folder / "a.jpg"
    image.save(path, quality=quality)
    found = examine_jpeg(path).double
    assert found is not None
    return found


@pytest.mark.parametrize("quality", [1, 20, 35, 50, 75, 90, 100])
def test_quality_is_read_off_the_tables(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    scene(0, (64, 64)).save(path, quality=quality)
    assert examine_jpeg(path).quality == quality


def test_foreign_tables_are_named_as_such() -> None:
    assert table_words(standard_table(80)) == "standard tables, quality 80"
    bent = tuple(value + order % 2 for order, value in enumerate(standard_table(80)))
    assert "of its own" in table_words(bent)
    assert abs(estimate_quality(bent)[0] - 80) <= 2
    assert sorted(ZIGZAG) == list(range(64))


@pytest.mark.parametrize(("first", "second"), [(60, 90), (75, 95), (50, 75), (85, 80)])
def test_two_compressions_are_told_from_one(tmp_path: Path, first: int, second: int) -> None:
    once = [double(scene(seed), second, tmp_path) for seed in range(4)]
    twice = [double(compressed(scene(seed), first), second, tmp_path) for seed in range(4)]
    assert max(once) < 0.3
    assert min(twice) > 0.8


def test_the_same_tables_twice_cannot_be_seen(tmp_path: Path) -> None:
    assert double(compressed(scene(1), 85), 85, tmp_path) < 0.3


def test_too_little_to_tell_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (256, 256), (90, 120, 30)).save(path)
    assert examine_jpeg(path).double is None
    scene(0, (48, 48)).save(path)
    assert examine_jpeg(path).double is None
    assert double_compression(np.zeros((8, 8), np.uint8), standard_table(50)) is None


@pytest.mark.parametrize("step", [0, 1, 65535])
def test_absurd_tables_say_nothing(step: int) -> None:
    luma = np.asarray(scene(0).convert("L"))
    assert double_compression(luma, [step] * 64) is None


def test_coefficients_are_the_orthonormal_dct() -> None:
    block = np.full((8, 8), 10.0)
    found = coefficients(block)
    assert found[0, 0] == pytest.approx(80)
    assert np.abs(found[0, 1:]).max() < 1e-9


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"not a picture"])
def test_damaged_files_give_empty_facts(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    facts = examine_jpeg(path)
    assert (facts.quality, facts.double) == (None, None)


def test_truncated_file_keeps_its_quality(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene(0).save(path, quality=70)
    path.write_bytes(path.read_bytes()[:3000])
    facts = examine_jpeg(path)
    assert (facts.quality, facts.double) == (70, None)


def thumbnail(image: Image.Image, size: tuple[int, int] = (160, 134)) -> bytes:
    file = io.BytesIO()
    image.resize(size).save(file, "JPEG", quality=70)
    return file.getvalue()


def test_a_faithful_thumbnail_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image = scene(3)
    image.save(path, quality=60)
    assert thumbnail_mismatch(path, thumbnail(image)) is None
    assert thumbnail_mismatch(path, thumbnail(image.rotate(90, expand=True), (134, 160))) is None
    bars = Image.new("RGB", (160, 160))
    bars.paste(image.resize((160, 134)), (0, 13))
    assert thumbnail_mismatch(path, thumbnail(bars, (160, 160))) is None


def test_a_foreign_or_outdated_thumbnail_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    image = scene(3)
    image.save(path)
    assert "something else" in (thumbnail_mismatch(path, thumbnail(scene(4))) or "")
    assert "shape" in (thumbnail_mismatch(path, thumbnail(image, (160, 100))) or "")
    other = image.copy()
    other.paste((250, 250, 250), (190, 115, 250, 165))
    assert "Part of" in (thumbnail_mismatch(path, thumbnail(other)) or "")
    assert thumbnail_mismatch(path, b"\xff\xd8broken") is None
