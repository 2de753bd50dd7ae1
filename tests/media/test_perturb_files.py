"""Perturbed files: real encoded streams, whole or absent, never decoded in this process."""

import os
import signal
from pathlib import Path

import av
import numpy as np
import pytest
from film_maker import make_film
from PIL import Image

from verilens.errors import ConfigError, MediaError, UnknownName
from verilens.media.jpeg_tables import ZIGZAG, standard_table
from verilens.media.opened import Limits
from verilens.media.perturb import KINDS, Perturber, generator, perturb, perturb_file
from verilens.media.perturb.files import suffix

STAMPS_MS = [0, 40, 90, 100, 200, 260, 300, 350, 420, 440, 500, 530, 540, 600, 700, 800]


@pytest.fixture(scope="module")
def perturber():
    with Perturber() as found:
        yield found


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "a.mp4", 24, sound=True)


@pytest.fixture
def picture(tmp_path) -> Path:
    ramp = np.linspace(0, 255, 120).astype(np.uint8)
    pixels = np.stack([np.broadcast_to(ramp, (80, 120)), *(np.full((2, 80, 120), 90))], -1)
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def times_ms(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [round(float(frame.time) * 1000) for frame in container.decode(video=0)]


def write(perturber, source: Path, target: Path, name: str, severity: int = 3):
    return perturber.write(source, target, name, severity, seed=0, sample="sample")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_writes_a_film_that_decodes(perturber, film, tmp_path, name):
    written = write(perturber, film, tmp_path / "out.mp4", name)
    times = times_ms(written.path)
    assert len(times) == written.frames
    assert set(times) <= set(times_ms(film))
    assert (len(times) < 24) == (name in ("frame-drop", "frame-rate"))
    with av.open(str(written.path)) as container:
        video = container.streams.video[0]
        names = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1", "libvpx-vp9": "vp9"}
        assert video.codec_context.codec.canonical_name == names[written.format]
        assert (video.width, video.height) == (written.width, written.height)
        assert len(container.streams.audio) == 1


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_jpeg_files_have_the_stated_quality(perturber, picture, tmp_path, severity):
    written = write(perturber, picture, tmp_path / "out.jpg", "jpeg", severity)
    with Image.open(written.path) as image:
        assert image.format == "JPEG"
        luma = tuple(image.quantization[0][at] for at in ZIGZAG)
        assert luma == standard_table(int(KINDS["jpeg"].level(severity)[0]))
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]  # 4:2:0


@pytest.mark.parametrize("severity", [1, 5])
def test_h264_streams_have_the_stated_rate_factor(perturber, film, tmp_path, severity):
    written = write(perturber, film, tmp_path / "out.mp4", "h264", severity)
    crf = KINDS["h264"].level(severity)[0]
    assert f"crf={crf:.1f}".encode() in written.path.read_bytes()  # x264 signs its settings


@pytest.mark.parametrize("name", ["hue", "gaussian-noise", "social-feed", "h264"])
def test_a_still_is_what_perturbing_its_pixels_gives(perturber, picture, tmp_path, name):
    written = write(perturber, picture, tmp_path / "out", name)
    with Image.open(picture) as before, Image.open(written.path) as after:
        frames = np.asarray(before)[None]
        expected = perturb(frames, name, 3, generator(0, "sample", name, 3))[0]
        assert np.array_equal(np.asarray(after.convert("RGB")), expected)


def test_the_same_draw_gives_the_same_file(perturber, film, tmp_path):
    files = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in files:
        write(perturber, film, path, "rain")
    assert files[0].read_bytes() == files[1].read_bytes()
    other = perturber.write(film, tmp_path / "c.mp4", "rain", 3, seed=1, sample="sample")
    assert other.path.read_bytes() != files[0].read_bytes()


def test_small_films_give_the_same_bytes_every_time(perturber, tmp_path):
    film = make_film(tmp_path / "film.mp4", 12)
    found = set()
    for n in range(12):  # the macroblock tree of x264 gave another stream every third time
        found.add(write(perturber, film, tmp_path / f"{n}.mp4", "snow").path.read_bytes())
    assert len(found) == 1


def test_uneven_time_stamps_and_turned_films_stay(perturber, tmp_path):
    uneven = make_film(tmp_path / "uneven.mp4", len(STAMPS_MS), stamps_ms=STAMPS_MS)
    assert times_ms(write(perturber, uneven, tmp_path / "a.mp4", "h265").path) == STAMPS_MS
    turned = make_film(tmp_path / "turned.mp4", 6, rotation=90)
    written = write(perturber, turned, tmp_path / "b.mp4", "contrast")
    assert (written.width, written.height) == (64, 96)


@pytest.mark.parametrize("container", ["film.mkv", "film.avi", "film.gif"])
def test_other_containers_are_read(perturber, tmp_path, container):
    codec = {"film.gif": "gif", "film.avi": "mjpeg"}.get(container, "libx264")
    source = make_film(tmp_path / container, 10, codec=codec, options={})
    written = write(perturber, source, tmp_path / "out.mp4", "frame-shuffle")
    assert written.kind == "video"
    assert times_ms(written.path) == times_ms(source)


def test_odd_sides_become_even_in_a_film(perturber, tmp_path):
    frames = [Image.new("RGB", (33, 21), (n * 40, 0, 0)) for n in range(4)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    written = write(perturber, tmp_path / "a.gif", tmp_path / "out.mp4", "jpeg")
    with av.open(str(written.path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (34, 22)


def test_severity_0_copies(picture, tmp_path):
    written = perturb_file(picture, tmp_path / "copy.png", "jpeg", 0)
    assert written.path.read_bytes() == picture.read_bytes()


def test_what_cannot_be_used_leaves_nothing_behind(perturber, film, picture, tmp_path):
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(film.read_bytes()[:900])
    room = tmp_path / "room"
    for source, name, kind in (
        (cut, "jpeg", "corrupt"),
        (tmp_path / "absent.png", "jpeg", "missing"),
        (picture, "frame-drop", "unsupported"),
    ):
        with pytest.raises(MediaError, match=source.name) as found:
            write(perturber, source, room / "out", name)
        assert found.value.kind == kind
    tiny = tmp_path / "tiny.png"
    Image.new("RGB", (8, 8)).save(tiny)
    with pytest.raises(MediaError, match="too small for libx265") as found:
        write(perturber, tiny, room / "out", "h265")
    assert found.value.kind == "too-small"
    assert list(room.iterdir()) == []
    assert write(perturber, picture, room / "out", "jpeg").kind == "image"


def test_wrong_use_is_refused_before_a_file_is_made(perturber, picture, tmp_path):
    with pytest.raises(UnknownName):
        write(perturber, picture, tmp_path / "room" / "a", "jpgg")
    with pytest.raises(ConfigError):
        write(perturber, picture, tmp_path / "room" / "a", "jpeg", 7)
    assert not (tmp_path / "room").exists()


def test_nothing_is_decoded_in_this_process(perturber, film, picture, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded in the parent")

    monkeypatch.setattr("av.open", refuse)
    monkeypatch.setattr("PIL.Image.open", refuse)
    assert write(perturber, film, tmp_path / "a.mp4", "jpeg").frames == 24
    assert write(perturber, picture, tmp_path / "a.jpg", "jpeg").frames == 1


def test_a_dead_process_is_replaced_and_a_late_one_killed(picture, tmp_path):
    with Perturber() as perturber:
        write(perturber, picture, tmp_path / "a.jpg", "jpeg")
        assert perturber._process is not None
        os.kill(perturber._process.pid, signal.SIGKILL)
        perturber._process.wait()
        assert write(perturber, picture, tmp_path / "b.jpg", "jpeg").kind == "image"
        perturber.limits = Limits(seconds=0.1)
        os.kill(perturber._process.pid, signal.SIGSTOP)  # it will not answer by itself
        with pytest.raises(MediaError) as found:
            write(perturber, picture, tmp_path / "c.jpg", "jpeg")
        assert found.value.kind == "timeout"
        assert not (tmp_path / "c.jpg").exists()


def test_suffixes_say_what_is_written():
    assert suffix("jpeg", 3, is_video=False) == ".jpg"
    assert suffix("webp", 3, is_video=False) == ".webp"
    assert suffix("hue", 3, is_video=False) == ".png"
    assert suffix("h264", 3, is_video=False) == ".png"
    assert suffix("jpeg", 3, is_video=True) == ".mp4"


def test_a_film_that_lost_most_of_its_frames_is_refused(perturber, tmp_path):
    options = {"movflags": "faststart"}
    noise = make_film(tmp_path / "a.mp4", 60, container_options=options)
    whole = noise.read_bytes()
    noise.write_bytes(whole[: len(whole) - (len(whole) - whole.index(b"mdat")) * 4 // 5])
    with pytest.raises(MediaError, match="frames of it can be decoded"):
        write(perturber, noise, tmp_path / "out.mp4", "hue")
