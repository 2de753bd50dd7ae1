"""What limits an examination is measured and said in plain words."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from verilens.media.quality import LARGEST_SIDE, blockiness, centre_luma, quality, sharpness
from verilens.records import Kind, Media


def facts(path: Path, size: tuple[int, int], **more: object) -> Media:
    fields: dict[str, object] = {"kind": "image", "format": "JPEG", "size_bytes": 100_000, **more}
    width, height = size
    return Media(path=str(path), sha256="", width=width, height=height, **fields)  # type: ignore[arg-type]


def texture(size: tuple[int, int] = (400, 300)) -> Image.Image:
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1))


def test_a_good_picture_has_no_notes(tmp_path: Path) -> None:
    path, image = tmp_path / "a.jpg", texture()
    image.save(path, quality=92)
    media = facts(path, image.size, size_bytes=path.stat().st_size)
    found = quality(path, media, image)
    assert found.notes == ()
    assert found.jpeg_quality == 92
    assert found.bits_per_pixel == pytest.approx(path.stat().st_size * 8 / 120_000, abs=1e-3)


def test_poor_pictures_say_why(tmp_path: Path) -> None:
    path, image = tmp_path / "a.jpg", texture((96, 96))
    image.save(path, quality=30)
    found = quality(path, facts(path, (96, 96)), Image.open(path))
    assert "only 96 x 96 pixels" in found.notes
    assert "JPEG quality about 30" in found.notes
    flat = quality(path, facts(path, (900, 900)), Image.new("RGB", (900, 900)))
    assert "little fine detail: blurred, smooth or flat" in flat.notes
    assert flat.blockiness == 1.0


@pytest.mark.parametrize("kind", ["video", "image"])
def test_short_and_squeezed_films_say_so(tmp_path: Path, kind: Kind) -> None:
    media = facts(
        tmp_path / "a.mp4",
        (1280, 720),
        kind=kind,
        format="mov,mp4",
        duration_s=0.4,
        frames=10,
        size_bytes=10_000,
    )
    found = quality(tmp_path / "a.mp4", media, texture())
    assert found.jpeg_quality is None and found.double_jpeg is None
    assert "0.4 s long" in found.notes
    assert any(note.startswith("strongly compressed") for note in found.notes)


@pytest.mark.parametrize("offset", [0, 3])
def test_blocks_are_seen_wherever_the_grid_begins(tmp_path: Path, offset: int) -> None:
    path, image = tmp_path / "a.jpg", texture()
    image.save(path, quality=8)
    luma = centre_luma(Image.open(path))
    assert blockiness(luma[offset:, offset:]) > 1.5
    assert blockiness(centre_luma(image)) < 1.2


def test_blur_lowers_sharpness() -> None:
    image = texture()
    soft = image.filter(ImageFilter.GaussianBlur(3))
    sharp, blurred = (sharpness(centre_luma(one)) for one in (image, soft))
    assert blurred < sharp / 10
    assert sharpness(np.zeros((1, 1), np.uint8)) == 0.0


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (33, 7)])
def test_tiny_frames_are_measured(tmp_path: Path, size: tuple[int, int]) -> None:
    media = facts(tmp_path / "x", size, format="PNG")
    found = quality(tmp_path / "none.png", media, Image.new("RGB", size))
    assert found.blockiness == 1.0


def test_large_frames_are_read_at_their_centre_along_the_grid() -> None:
    pixels = np.zeros((3001, 2007), np.uint8)
    pixels[1112, 616] = 255
    luma = centre_luma(Image.fromarray(pixels))
    assert luma.shape == (LARGEST_SIDE, LARGEST_SIDE)
    assert luma[0, 0] == 255
    assert centre_luma(Image.new("LA", (9, 5))).shape == (5, 9)
