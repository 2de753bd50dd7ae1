"""Quality tables, an earlier compression and thumbnails, on pictures compressed here."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from verilens.media.double_jpeg import FREQUENCIES, coefficients, double_compression
from verilens.media.jpeg import JpegFacts, examine_jpeg, table_words, thumbnail_mismatch
from verilens.media.jpeg_tables import ZIGZAG, estimate_quality, standard_table
from verilens.media.quality import centre_luma


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


def facts(path: Path) -> JpegFacts:
    with Image.open(path) as image:
        return examine_jpeg(path, centre_luma(image))


def double(image: Image.Image, quality: int, folder: Path) -> float:
    path = folder / "a.jpg"
    image.save(path, quality=quality)
    found = facts(path).double
    assert found is not None
    return found


@pytest.mark.parametrize("quality", [1, 20, 35, 50, 75, 90, 100])
def test_quality_is_read_off_the_tables(tmp_path: Path, quality: int) -> None:
    path = tmp_path / "a.jpg"
    scene(0, (64, 64)).save(path, quality=quality)
    assert facts(path).quality == quality


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
    assert facts(path).double is None
    scene(0, (48, 48)).save(path)
    assert facts(path).double is None
    assert double_compression(np.zeros((8, 8), np.uint8), standard_table(50)) is None


@pytest.mark.parametrize("step", [0, 1, 65535])
def test_absurd_tables_say_nothing(step: int) -> None:
    luma = np.asarray(scene(0).convert("L"))
    assert double_compression(luma, [step] * 64) is None


def test_coefficients_are_the_orthonormal_dct() -> None:
    blocks = np.full((8, 16), 10, np.float32)
    blocks[:, 8:] += 3 * np.cos((2 * np.arange(8, dtype=np.float32) + 1) * np.pi / 16)
    found = coefficients(blocks)
    assert found.shape == (FREQUENCIES, 2)
    assert found[0] == pytest.approx([0, 3 * 8 / np.sqrt(2)], abs=1e-4)
    assert np.abs(found[1:]).max() < 1e-4


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"not a picture"])
def test_damaged_files_give_empty_facts(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert examine_jpeg(path, None) == JpegFacts()


def test_truncated_file_keeps_its_quality(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene(0).save(path, quality=70)
    path.write_bytes(path.read_bytes()[:3000])
    assert examine_jpeg(path, None) == JpegFacts(quality=70)


def thumbnail(image: Image.Image, size: tuple[int, int] = (160, 134)) -> bytes:
    file = io.BytesIO()
    image.resize(size).save(file, "JPEG", quality=70)
    return file.getvalue()


def test_a_faithful_thumbnail_says_nothing() -> None:
    image = scene(3)
    poor = compressed(image, 60)
    assert thumbnail_mismatch(poor, thumbnail(image)) == []
    assert thumbnail_mismatch(poor, thumbnail(image.rotate(90, expand=True), (134, 160))) == []
    bars = Image.new("RGB", (160, 160))
    bars.paste(image.resize((160, 134)), (0, 13))
    assert thumbnail_mismatch(poor, thumbnail(bars, (160, 160))) == []
    large = image.resize((1920, 1600))
    assert thumbnail_mismatch(large, thumbnail(image)) == []


def test_a_foreign_or_outdated_thumbnail_is_told() -> None:
    image = scene(3)
    assert "something else" in thumbnail_mismatch(image, thumbnail(scene(4)))[0]
    assert "shape" in thumbnail_mismatch(image, thumbnail(image, (160, 100)))[0]
    other = image.copy()
    other.paste((250, 250, 250), (190, 115, 250, 165))
    assert "Part of" in thumbnail_mismatch(image, thumbnail(other))[0]
    assert thumbnail_mismatch(image, b"\xff\xd8broken") == []
