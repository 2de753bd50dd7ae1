"""Stills: recognised by content, upright, 8-bit RGB, and refused when damaged."""

import io
import os
import socket
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from verilens.errors import MediaError
from verilens.media.opened import Limits, Opened
from verilens.media.read import read
from verilens.records import View

WHOLE = View(size=4096, fit="native")


def opened(path: Path, limits: Limits | None = None) -> Opened:
    return read(path, [WHOLE], limits or Limits())


def pixels(path: Path) -> NDArray[np.uint8]:
    return opened(path).clips[WHOLE].frames[0]


def refused(path: Path, limits: Limits | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught:
        opened(path, limits)
    assert "\n" not in caught.value.message
    return caught.value


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Return a smooth picture that every codec keeps: red rises to the right, green downward."""
    across = np.linspace(40, 200, width)[None, :].repeat(height, 0)
    down = np.linspace(40, 200, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([across, down, np.full_like(down, 90)], -1).astype(np.uint8))


def encoded(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(scene()).save(buffer, quality=95)
    else:
        scene().save(buffer, form, **options)
    return buffer.getvalue()


FORMS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"]


@pytest.mark.parametrize("form", FORMS)
def test_content_counts_and_the_suffix_does_not(tmp_path, form):
    path = tmp_path / "picture.txt"
    path.write_bytes(encoded(form))
    found = opened(path)
    assert (found.media.kind, found.media.format) == ("image", form)
    assert (found.media.width, found.media.height) == (96, 64)
    difference = np.abs(pixels(path).astype(int) - np.asarray(scene()))
    assert difference.mean() < (12 if form == "GIF" else 4)


@pytest.mark.parametrize("form", FORMS)
def test_cut_short_is_an_error(tmp_path, form):
    path = tmp_path / "picture"
    data = encoded(form)
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        assert refused(path).kind == "corrupt"


def test_png_with_damaged_pixels_is_an_error(tmp_path):
    data = bytearray(encoded("PNG"))
    data[data.index(b"IDAT") + 40] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    assert refused(tmp_path / "a.png").kind == "corrupt"


def test_jpeg_that_lost_its_end_is_noted(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    data = buffer.getvalue()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    assert any("mid-grey" in n for n in opened(tmp_path / "a.jpg").media.quality.notes)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    scene().save(path, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(path))
    assert (pixels(path) == np.asarray(upright.convert("RGB"))).all()


def test_colour_profile_is_applied_to_what_is_cut(tmp_path):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = lab.replace(b"rXYZ", b"!XYZ").replace(b"gXYZ", b"rXYZ").replace(b"!XYZ", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))
    scene().save(tmp_path / "a.png", icc_profile=swapped.replace(b"sRGB", b"swap"))
    expected = np.asarray(scene())[..., [1, 0, 2]].astype(int)
    assert np.abs(pixels(tmp_path / "a.png") - expected).mean() < 4


def test_damaged_profile_is_ignored_and_noted(tmp_path):
    scene().save(tmp_path / "a.png", icc_profile=b"no profile" * 20)
    found = opened(tmp_path / "a.png")
    assert any("colour profile" in note for note in found.media.quality.notes)
    assert (found.clips[WHOLE].frames[0] == np.asarray(scene())).all()


def test_transparency_lies_over_white(tmp_path):
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save(tmp_path / "a.png")
    found = pixels(tmp_path / "a.png")
    assert (found[0] > 250).all()
    assert np.abs(found[-1].astype(int) - np.asarray(scene())[-1]).max() < 4


def test_palette_with_a_transparent_colour(tmp_path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(1, (4, 0, 8, 8))
    image.save(tmp_path / "a.png", transparency=0)
    found = pixels(tmp_path / "a.png")
    assert (found[:, :4] == 255).all() and (found[:, 4:] == (255, 0, 0)).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    wide = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(wide).save(tmp_path / f"a.{suffix}")
    found = pixels(tmp_path / f"a.{suffix}")
    assert np.abs(found[..., 0] - wide / 257).max() <= 1
    assert (found[..., 0] == found[..., 2]).all()


def test_sixteen_bit_colour_png(tmp_path):
    values = np.linspace(0, 65535, 32 * 32 * 3).reshape(32, 32, 3).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    (tmp_path / "a.png").write_bytes(png(32, 32, zlib.compress(rows), depth=16))
    assert np.abs(pixels(tmp_path / "a.png") - values / 257.0).max() <= 1


def test_grey_and_cmyk(tmp_path):
    scene().convert("L").save(tmp_path / "grey.jpg", quality=95)
    assert np.ptp(pixels(tmp_path / "grey.jpg"), axis=-1).max() == 0
    scene().convert("CMYK").save(tmp_path / "cmyk.jpg", quality=98)
    found = pixels(tmp_path / "cmyk.jpg").astype(int)
    assert np.abs(found - np.asarray(scene())).mean() < 12


def test_floating_samples(tmp_path):
    values = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert np.abs(pixels(tmp_path / "a.tif")[..., 0] - values * 255).max() <= 1


def test_one_pixel_is_read(tmp_path):
    Image.new("RGB", (1, 1), (9, 8, 7)).save(tmp_path / "a.png")
    view = View(size=32)
    frames = read(tmp_path / "a.png", [view], Limits()).clips[view].frames
    assert frames.shape == (1, 32, 32, 3) and (frames == (9, 8, 7)).all()


def test_thirty_thousand_pixels_wide(tmp_path):
    (tmp_path / "a.png").write_bytes(png(30_000, 30_000, b""))
    assert refused(tmp_path / "a.png").kind == "too-large"
    Image.new("RGB", (30_000, 8), (5, 5, 5)).save(tmp_path / "b.png")
    assert opened(tmp_path / "b.png").media.width == 30_000


@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF", "BMP"])
def test_bombs_are_refused_by_their_header(tmp_path, form):
    data = bytearray(encoded(form))
    size = {
        "PNG": (16, ">II", (60_000, 60_000)),
        "GIF": (6, "<HH", (65_000, 65_000)),
        "BMP": (18, "<ii", (60_000, 60_000)),
    }
    if form == "TIFF":
        tags = Image.open(io.BytesIO(data)).tag_v2
        del tags
        directory = struct.unpack_from("<I", data, 4)[0]
        for entry in range(struct.unpack_from("<H", data, directory)[0]):
            at = directory + 2 + 12 * entry
            if struct.unpack_from("<H", data, at)[0] in (256, 257):
                struct.pack_into("<HII", data, at + 2, 4, 1, 60_000)
    else:
        at, layout, values = size[form]
        struct.pack_into(layout, data, at, *values)
        if form == "PNG":
            struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    (tmp_path / "a").write_bytes(data)
    assert refused(tmp_path / "a").kind == "too-large"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"hello, I am a letter\n", "unsupported"),
        (bytes(range(256)), "unsupported"),
        (b"%PDF-1.7\n", "unsupported"),
        (b"%PDF-1.7\n trailer << /Encrypt 5 0 R >>", "encrypted"),
        (b"Salted__12345678", "encrypted"),
        (b"-----BEGIN PGP MESSAGE-----\n", "encrypted"),
        (b"\xff\xd8\xff", "corrupt"),
        (b"\x89PNG\r\n\x1a\n", "corrupt"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "corrupt"),
        (b"\0\0\0\x18ftypmp42", "corrupt"),
        (b"\0\0\0\x18ftypheic", "corrupt"),
    ],
)
def test_what_is_no_picture(tmp_path, data, kind):
    (tmp_path / "picture.jpg").write_bytes(data)
    assert refused(tmp_path / "picture.jpg").kind == kind


def test_zip_archives(tmp_path):
    path = tmp_path / "a.jpg"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    assert refused(path).kind == "unsupported"
    data = bytearray(path.read_bytes())
    data[6] |= 1
    path.write_bytes(data)
    assert refused(path).kind == "encrypted"


def test_protected_heic(tmp_path):
    data = encoded("HEIF")
    (tmp_path / "a.heic").write_bytes(data.replace(b"hdlr", b"ipro", 1))
    assert refused(tmp_path / "a.heic").kind == "encrypted"


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    for name in ("fifo", "socket", ""):
        assert refused(tmp_path / name).kind == "not-a-file"
    for name in ("link", "loop", "absent", "a\0b", "x" * 5000):
        assert refused(tmp_path / name).kind == "missing"
    assert refused(Path("/dev/zero")).kind == "not-a-file"


def test_no_permission(tmp_path):
    path = tmp_path / "a.png"
    scene().save(path)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    euid = os.geteuid()
    if euid == 0:
        os.seteuid(65534)  # the superuser may read everything
    try:
        assert refused(path).kind in ("permission",)
    finally:
        os.seteuid(euid)


def test_a_file_larger_than_the_limit(tmp_path):
    scene().save(tmp_path / "a.bmp")
    assert refused(tmp_path / "a.bmp", Limits(max_bytes=100)).kind == "too-large"


def test_names_are_shown_on_one_line(tmp_path):
    path = tmp_path / "a\nb\x1b[31m.jpg"
    path.write_bytes(b"text")
    assert "a\\nb\\x1b[31m.jpg" in refused(path).message


def png(width: int, height: int, pixels: bytes, depth: int = 8) -> bytes:
    """Return an RGB PNG of these compressed rows, its checksums right."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)),
        (b"IDAT", pixels),
    ]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*parts, (b"IEND", b"")]
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
