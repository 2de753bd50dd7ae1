"""The decoder process: limited, replaced when it dies, gone when its parent is gone."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from film_maker import make_film
from PIL import Image

from verilens.errors import MediaError
from verilens.media import sandbox, wire
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.media.sandbox import Decoder
from verilens.records import Provenance, View

VIEWS = [View(size=32, crops=4, frames=3), View(size=64, fit="contain", frames=2)]


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as found:
        yield found


@pytest.fixture
def picture(tmp_path) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (80, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def pid(decoder: Decoder) -> int:
    assert decoder._process is not None
    return decoder._process.pid


def test_the_process_gives_what_reading_here_gives(decoder, picture, tmp_path):
    for path in (picture, make_film(tmp_path / "film.mp4")):
        here, there = read(path, VIEWS, Limits()), decoder.open(path, VIEWS)
        assert there.media == here.media
        for view in VIEWS:
            for part in ("frames", "times_s", "boxes", "size", "view"):
                assert np.array_equal(
                    getattr(there.clips[view], part), getattr(here.clips[view], part)
                )
            assert there.clips[view].frames.flags.writeable


def test_errors_travel_and_the_process_stays(decoder, picture, tmp_path):
    decoder.open(picture, VIEWS)
    before = pid(decoder)
    (tmp_path / "b.jpg").write_bytes(b"text")
    with pytest.raises(MediaError, match=r"b\.jpg") as caught:
        decoder.open(tmp_path / "b.jpg", VIEWS)
    assert caught.value.kind == "unsupported"
    assert decoder.open(picture, VIEWS).media.width == 120
    assert pid(decoder) == before


def test_relative_paths_are_those_of_the_moment(decoder, picture, monkeypatch):
    monkeypatch.chdir(picture.parent)
    assert decoder.open(Path("a.png"), VIEWS).media.path == "a.png"
    with pytest.raises(MediaError, match=r"^b\.png: no such file"):
        decoder.open(Path("b.png"), VIEWS)


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes, /proc")
def test_names_that_are_no_text(decoder, picture):
    odd = Path(os.fsdecode(os.fsencode(picture.parent) + b"/\xff\n\x1b.png"))
    picture.rename(odd)
    assert decoder.open(odd, VIEWS).media.path == str(odd)


def test_a_dead_process_is_replaced(decoder, picture):
    decoder.open(picture, VIEWS)
    os.kill(pid(decoder), signal.SIGKILL)
    time.sleep(0.05)
    assert decoder.open(picture, VIEWS).media.width == 120


def test_dying_on_a_file_is_an_error_of_that_file(picture):
    with Decoder() as decoder:
        decoder.open(picture, VIEWS)
        os.kill(pid(decoder), signal.SIGSTOP)
        blow = f"sleep 0.2; kill -SEGV {pid(decoder)}; kill -CONT {pid(decoder)}"
        with subprocess.Popen(["sh", "-c", blow]), pytest.raises(MediaError) as caught:
            decoder.open(picture, VIEWS)
        assert caught.value.kind == "crashed"
        assert "SIGSEGV" in caught.value.message
        assert decoder.open(picture, VIEWS).media.width == 120


def test_a_late_process_is_killed_and_replaced(picture):
    with Decoder(Limits(seconds=0.4)) as decoder:
        decoder.open(picture, VIEWS)
        stopped = pid(decoder)
        os.kill(stopped, signal.SIGSTOP)
        begun = time.monotonic()
        with pytest.raises(MediaError) as caught:
            decoder.open(picture, VIEWS)
        assert caught.value.kind == "timeout"
        assert time.monotonic() - begun < 3
        with pytest.raises(ProcessLookupError):
            os.kill(stopped, 0)
        assert decoder.open(picture, VIEWS).media.width == 120


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_memory_is_limited(tmp_path):
    Image.new("L", (12_000, 12_000)).save(tmp_path / "a.png", compress_level=1)
    with Decoder(Limits(memory_bytes=300 << 20)) as decoder:
        with pytest.raises(MediaError, match="memory") as caught:
            decoder.open(tmp_path / "a.png", VIEWS)
        assert caught.value.kind == "too-large"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_large_files_do_not_cost_the_process(tmp_path, monkeypatch):
    smooth = np.linspace(0, 255, 5000, dtype=np.uint8)
    large = tmp_path / "large.png"
    Image.fromarray(np.broadcast_to(smooth[None, :, None], (5000, 5000, 3)).copy()).save(large)
    monkeypatch.setattr(sandbox, "_SWOLLEN_BYTES", 260 << 20)  # less than such a file needs
    with Decoder() as decoder:
        pids = set()
        for _ in range(3):
            decoder.open(large, [View(size=4000, fit="contain"), View(size=64, fit="resize")])
            assert decoder._process is not None
            pids.add(decoder._process.pid)
        assert len(pids) == 1
        assert not sandbox._is_swollen(decoder._process.pid)
        monkeypatch.setattr(sandbox, "_SWOLLEN_BYTES", 1 << 20)  # any process has more
        decoder.open(large, [View(size=64, fit="resize")])
        assert decoder._process.pid not in pids


def test_limits_and_modules_of_the_process(decoder, picture):
    decoder.open(picture, VIEWS)
    limits = Path(f"/proc/{pid(decoder)}/limits").read_text()
    for name in ("Max cpu time", "Max file size", "Max data size", "Max core file size"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line[26:].split()[0] != "unlimited"
    maps = Path(f"/proc/{pid(decoder)}/maps").read_text()
    assert "libtorch" not in maps


def test_reading_needs_no_torch():
    code = "import sys, verilens.media.child, verilens.media.read; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert out.stdout.strip() == "False"


def test_nothing_is_left_behind(picture, monkeypatch, tmp_path):
    room = tmp_path / "tmp"
    room.mkdir()
    monkeypatch.setenv("TMPDIR", str(room))
    with Decoder() as decoder:
        decoder.open(picture, VIEWS)
        child = pid(decoder)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert not list(room.iterdir())
    open_files = len(os.listdir("/dev/fd"))
    with Decoder() as decoder:
        decoder.open(picture, VIEWS)
    assert len(os.listdir("/dev/fd")) == open_files


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is signalled on Linux")
def test_the_process_dies_with_its_parent(picture):
    code = textwrap.dedent(
        f"""
        import os, signal, time
        from pathlib import Path
        from verilens.media.sandbox import Decoder
        from verilens.records import Provenance, View
        decoder = Decoder().__enter__()
        decoder.open(Path({str(picture)!r}), [View(size=8)])
        os.kill(decoder._process.pid, signal.SIGSTOP)
        print(decoder._process.pid, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)


def _alive(child: int) -> bool:
    try:
        state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def answer(opened_picture: Path, change) -> bytes:
    """Return the bytes of an honest answer after `change` has edited its header."""
    stream = io.BytesIO()
    wire.send(stream, read(opened_picture, VIEWS, Limits()))
    data = stream.getvalue()
    length = struct.unpack(">Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack(">Q", len(text)) + text + data[8 + length :]


def receive(data: bytes):
    stream = io.BytesIO(data)

    def fill(buffer: memoryview) -> None:
        if stream.readinto(buffer) < len(buffer):
            raise EOFError

    return wire.receive(fill, "a.png", VIEWS, Limits())


LIES = {
    "a size beyond the view": lambda h: h["clips"][0].update(shape=[1, 1 << 20, 1 << 20, 3]),
    "more crops than asked for": lambda h: h["clips"][0].update(shape=[99, 32, 32, 3]),
    "a negative size": lambda h: h["clips"][0].update(shape=[-1, 32, 32, 3]),
    "another view": lambda h: h["clips"][0]["view"].update(size=31),
    "a view too few": lambda h: h["clips"].pop(),
    "bands that are no number": lambda h: h.update(bands="3"),
    "no bands": lambda h: h.pop("bands"),
    "an unknown kind": lambda h: h["media"].update(kind="film"),
    "width as text": lambda h: h["media"].update(width="120"),
    "no number": lambda h: h["media"].update(duration_s=float("nan")),
    "a missing field": lambda h: h["media"].pop("sha256"),
    "an extra field": lambda h: h["media"].update(extra=1),
    "an unknown error": lambda h: h.update(error={"kind": "odd", "message": ""}),
    "boxes outside": lambda h: h["media"].update(width=3, height=3),
    "format as list": lambda h: h["media"].update(format=["x"]),
    "claims as text": lambda h: h["media"]["provenance"].update(claims="abc"),
    "quality as list": lambda h: h["media"].update(quality=[1]),
    "state unknown": lambda h: h["media"]["provenance"].update(state="<b>"),
}


@pytest.mark.parametrize("lie", LIES)
def test_the_parent_believes_nothing(picture, lie):
    assert receive(answer(picture, lambda header: None)).media.width == 120
    with pytest.raises(wire.WireError):
        receive(answer(picture, LIES[lie]))


def test_lengths_beyond_reason_are_refused():
    for length in (0, 1 << 40):
        with pytest.raises(wire.WireError):
            receive(struct.pack(">Q", length) + b"{}")


def test_odd_metadata_does_not_cost_the_file(picture):
    found = read(picture, VIEWS, Limits())
    odd = Provenance(c2pa={"trust": float("nan")})
    stream = io.BytesIO()
    wire.send(stream, replace(found, media=replace(found.media, provenance=odd)))
    media = receive(stream.getvalue()).media
    assert media.provenance.notes == ("its provenance cannot be shown",)
    assert media.quality == found.media.quality


def test_pixels_alone_are_the_same_pixels(tmp_path):
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(noise).save(path)
    view = View(size=64, fit="native")
    with Decoder() as decoder:
        examined = decoder.open(path, [view])
        bare = decoder.open(path, [view], examined=False)
    assert (bare.clips[view].frames == examined.clips[view].frames).all()
    assert set(bare.media.sha256) == {"0"} != set(examined.media.sha256)
    assert bare.media.quality.sharpness == 0 < examined.media.quality.sharpness


def test_a_closed_decoder_starts_no_process(picture):
    with Decoder() as decoder:
        decoder.open(picture, [View(size=8)])
    with pytest.raises(MediaError, match="was closed"):
        decoder.open(picture, [View(size=8)])
    assert decoder._process is None
