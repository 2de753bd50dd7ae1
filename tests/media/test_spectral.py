"""Spectral cubes: three formats, RGB for everybody, all bands for who asks, and hostile headers."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from verilens.errors import MediaError
from verilens.media import sandbox
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.records import View

savemat = pytest.importorskip("scipy.io").savemat
BANDS = 7
ALL = View(size=8, frames=1, fit="resize", only="image", bands=BANDS)
COLOURS = View(size=512, fit="native")


@pytest.fixture
def cube():
    """Return smooth bands, (24, 32, 7) in [0, 1]."""
    rows, columns, bands = np.meshgrid(
        *(np.linspace(0, 1, n) for n in (24, 32, BANDS)), indexing="ij"
    )
    return (0.5 * rows + 0.3 * columns + 0.2 * bands).astype(np.float32)


def save_pages(path, cube):
    pages = [Image.fromarray(np.ascontiguousarray(cube[..., n])) for n in range(cube.shape[2])]
    pages[0].save(path, format="TIFF", save_all=True, append_images=pages[1:])


def save_npy(path, cube):
    with path.open("wb") as file:
        np.save(file, cube)


def save_mat(path, cube):
    with path.open("wb") as file:
        savemat(file, {"var": cube, "note": "x"}, do_compression=True)


SAVERS = {"NPY": save_npy, "MAT": save_mat, "TIFF": save_pages}


@pytest.mark.parametrize("form", SAVERS)
@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.uint16])
def test_every_format_gives_all_bands_and_its_colours(tmp_path, cube, form, kind):
    top = 1 if kind is np.float32 else np.iinfo(kind).max
    path = tmp_path / "cube"
    SAVERS[form](path, np.rint(cube * top).astype(kind) if top > 1 else cube)
    found = read(path, [ALL, COLOURS], Limits())
    assert (found.bands, found.media.format, found.media.kind) == (BANDS, form, "image")
    assert (found.media.width, found.media.height) == (32, 24)
    assert found.clips[ALL].frames.shape == (1, 8, 8, BANDS)
    colours = found.clips[COLOURS].frames[0]
    assert np.abs(colours / 255 - cube[..., :3]).max() < 0.003
    middle = found.clips[ALL].frames[0, 4, 4] / 255
    assert np.allclose(middle, cube[12:15, 16:20].mean((0, 1)), atol=0.03)
    assert "7 bands" in found.media.quality.notes[0]


def test_the_decoder_process_sends_all_bands(tmp_path, cube):
    save_npy(tmp_path / "cube.npy", cube)
    Image.new("RGB", (9, 9)).save(tmp_path / "flat.png")
    with sandbox.Decoder(Limits()) as decoder:
        found = decoder.open(tmp_path / "cube.npy", [ALL, COLOURS])
        assert found.clips[ALL].frames.shape == (1, 8, 8, BANDS) and found.bands == BANDS
        plain = decoder.open(tmp_path / "flat.png", [ALL, COLOURS])
        assert list(plain.clips) == [COLOURS] and plain.bands == 3


def test_colours_may_lie_beside_the_bands(tmp_path, cube):
    save_mat(tmp_path / "1.mat", cube[..., 3:])
    red = Image.new("RGB", (32, 24), (200, 10, 20))
    red.save(tmp_path / "1.png")
    found = read(tmp_path / "1.mat", [ALL, COLOURS], Limits())
    assert found.bands == BANDS and (found.clips[COLOURS].frames[0] == (200, 10, 20)).all()
    assert "those of 1.png" in found.media.quality.notes[0]
    red.resize((16, 12)).save(tmp_path / "1.png")
    with pytest.raises(MediaError, match=r"32 x 24 pixels, but 1\.png beside it has 16 x 12"):
        read(tmp_path / "1.mat", [COLOURS], Limits())


def test_a_paired_file_has_the_hash_of_both(tmp_path, cube):
    save_mat(tmp_path / "1.mat", cube[..., 3:])
    hashes = set()
    for shade in (1, 2):
        Image.new("RGB", (32, 24), (shade, 0, 0)).save(tmp_path / "1.png")
        hashes.add(read(tmp_path / "1.mat", [COLOURS], Limits()).media.sha256)
    assert len(hashes) == 2


def test_pages_are_bands_only_where_somebody_asks_for_so_many(tmp_path, cube):
    save_pages(tmp_path / "fax.tif", (cube * 255).astype(np.uint8))
    found = read(tmp_path / "fax.tif", [COLOURS], Limits())
    assert found.bands == 3
    first = found.clips[COLOURS].frames[0]
    assert (first[..., 0] == first[..., 1]).all()  # grey: the first page alone


def header(text: str) -> bytes:
    padded = text.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded


HUGE = "{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 60000, 99), }"
HOSTILE = {
    "too-large": header(HUGE),
    "corrupt": header("{'descr': '<f4', 'fortran_order': False, 'shape': (8, 8, 4), }") + b"x",
    "unsupported": header("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2, 4), }")
    + b"\x80",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_headers_are_refused(tmp_path, kind):
    path = tmp_path / "cube.npy"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(MediaError, match=r"cube\.npy") as caught:
        read(path, [COLOURS], Limits())
    assert caught.value.kind == kind


def test_pickles_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise AssertionError('opened')",))

    np.save(tmp_path / "trap.npy", np.array([[[Trap()] * 4]], dtype=object), allow_pickle=True)
    with pytest.raises(MediaError, match="of object"):
        read(tmp_path / "trap.npy", [COLOURS], Limits())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.full((4, 4, 5), 900.0), "scale them to"),
        (np.full((4, 4, 5), np.nan), "scale them to"),
        (np.zeros((4, 4)), r"\(H, W, bands\)"),
        (np.zeros((4, 4, 2)), "2 bands a pixel"),
        (np.zeros((4, 4, 600), np.uint8), "limit of 512 bands"),
        (np.zeros((4, 4, 5), np.int64), "of int64"),
    ],
)
def test_what_is_no_cube_is_named(tmp_path, values, said):
    save_npy(tmp_path / "x.npy", values)
    with pytest.raises(MediaError, match=said):
        read(tmp_path / "x.npy", [COLOURS], Limits())


def test_matlab_files_must_hold_one_cube(tmp_path, cube):
    path = tmp_path / "x.mat"
    savemat(path, {"a": cube, "b": cube})
    with pytest.raises(MediaError, match="it holds a, b"):
        read(path, [COLOURS], Limits())
    savemat(path, {"a": cube[..., 0]})
    with pytest.raises(MediaError, match="it holds none"):
        read(path, [COLOURS], Limits())
    savemat(path, {"a": cube})
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(MediaError, match=r"x\.mat") as caught:
        read(path, [COLOURS], Limits())
    assert caught.value.kind == "corrupt"
    path.write_bytes(b"MATLAB 7.3 MAT-file" + bytes(512))
    with pytest.raises(MediaError, match="save it again with -v7"):
        read(path, [COLOURS], Limits())


def test_a_compressed_bomb_is_refused_by_its_header(tmp_path):
    stream = io.BytesIO()
    savemat(stream, {"var": np.zeros((3000, 3000, 30), np.uint8)}, do_compression=True)
    (tmp_path / "bomb.mat").write_bytes(stream.getvalue())
    assert len(stream.getvalue()) < 1 << 20
    with pytest.raises(MediaError, match="over the limit") as caught:
        read(tmp_path / "bomb.mat", [COLOURS], Limits())
    assert caught.value.kind == "too-large"
