"""Damaged and hostile files: every reader gives up quietly, in little time and memory."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from film_maker import make_film
from PIL import Image, PngImagePlugin
from signing import created, make_chain, sign

from verilens.media.bmff import item_places, key_names
from verilens.media.containers import read_blocks
from verilens.media.exif import read_exif
from verilens.media.provenance import provenance

PACKET = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a/></x:xmpmeta>'


def seeds(folder: Path) -> list[Path]:
    """Return one small file of each container, with every kind of metadata it can carry."""
    pixels = np.random.default_rng(1).integers(0, 255, (40, 56, 3), np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[271], exif[305] = "Maker", "Program"
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0Steps: 20, Sampler: Euler, CFG scale: 7"
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "Steps: 20, Sampler: Euler, Seed: 1, CFG scale: 7", zip=True)
    info.add_itxt("XML:com.adobe.xmp", PACKET.decode(), zip=True)
    image.save(folder / "a.png", exif=exif, pnginfo=info)
    for name in ("a.jpg", "a.webp", "a.tif", "a.gif", "a.avif"):
        image.save(folder / name, exif=exif, xmp=PACKET)
    pillow_heif.from_pillow(image).save(folder / "a.heic", exif=exif.tobytes(), xmp=PACKET)
    make_film(folder / "a.mp4", count=3)
    plain = (folder / "a.jpg").read_bytes()
    signed = sign(plain, "image/jpeg", created("digitalCapture"), make_chain())
    (folder / "signed.jpg").write_bytes(signed)
    return sorted(folder.iterdir())


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes near the head, or cut the end off, or both."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 12))):
        at = int(rng.integers(0, min(len(changed), int(rng.choice([64, 512, 4096, 10**6])))))
        changed[at] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
    if rng.random() < 0.3:
        del changed[int(rng.integers(1, len(changed))) :]
    return bytes(changed)


def test_mutated_files_never_raise(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    (tmp_path / "seeds").mkdir()
    target = tmp_path / "mutated"
    for seed in seeds(tmp_path / "seeds"):
        data = seed.read_bytes()
        for _ in range(60):
            target.write_bytes(mutated(data, rng))
            found = provenance(target, seed.suffix[1:].upper())
            assert found.state in ("ai", "captured", "unknown", "conflict", "invalid")


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(struct.pack(">I", len(data)) + kind + data + bytes(4) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def test_inflated_text_is_bounded(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(40 << 20), 9)
    path = tmp_path / "bomb.png"
    path.write_bytes(png((b"zTXt", b"parameters\0\0" + bomb), (b"iTXt", b"k\0\1\0\0\0" + bomb)))
    found = read_blocks(path)
    assert all(len(text) <= 4 << 20 for _, text in found.texts)


def test_lengths_beyond_the_file_are_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a"
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 65535) + b"\xff" * 2000
    heads = [
        b"\x89PNG\r\n\x1a\n\x7f\xff\xff\xfftEXtparameters\0",
        b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff",
        b"\xff\xd8\xff\xe1\xff\xffExif\0\0" + exif,
        b"\xff\xd8\xff" + b"\xff" * 5000,
        b"GIF89a\0\0\0\0\xff\0\0!\xff\x0bXMP DataXMP",
        b"\0\0\0\x18ftypheic" + bytes(8) + b"\0\0\0\0meta" + b"\0" * 200,
        b"\0\0\0\x01ftyp\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x08moov" * 4000,
        exif,
        b"MM\0*\xff\xff\xff\xff",
        b"",
    ]
    for head in heads:
        path.write_bytes(head)
        assert provenance(path, "JPEG").state == "unknown"


def test_a_directory_that_points_to_itself_ends() -> None:
    loop = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + b"\x08\0\0\0"
    assert read_exif(loop).exif[0x8769] == 8


def test_item_and_key_tables_are_bounded() -> None:
    assert item_places(b"\0\0\0\0\x44\0\xff\xff" + bytes(100)) == {}
    assert item_places(b"\xff" * 500) is not None
    assert key_names(bytes(8) + b"\0\0\0\0mdta") == []
    assert key_names(bytes(8) + b"\0\0\0\x0bmdtaabc") == ["abc"]


@pytest.mark.parametrize("name", ["missing", "folder"])
def test_what_cannot_be_read_becomes_a_note(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    found = provenance(tmp_path / name, "JPEG")
    assert found.state == "unknown"
    assert found.notes[0].startswith("metadata cannot be read")
