"""Moments of videos: evenly spaced, first and last included, at the times they are shown."""

from pathlib import Path

import av
import numpy as np
import pytest
from film_maker import level, make_film
from PIL import Image

from verilens.errors import MediaError
from verilens.media.opened import Limits, Opened
from verilens.media.read import read
from verilens.records import View

MOMENTS = View(size=64, frames=5, fit="native")


def opened(path: Path, frames: int = 5) -> Opened:
    return read(path, [View(size=64, frames=frames, fit="native")], Limits())


def greys(found: Opened) -> list[int]:
    """Return the grey at the lower right of each moment."""
    (clip,) = found.clips.values()
    return [int(frame[40:, 40:].mean().round()) for frame in clip.frames]


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mp4", "libx264", None),
        ("mov", "mpeg4", {}),
        ("mkv", "libx264", None),
        ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
        ("avi", "mpeg4", {}),
        ("mpg", "mpeg1video", {}),
        ("ts", "libx264", None),
        ("gif", "gif", {}),
    ],
)
def test_first_and_last_frame_and_even_times(tmp_path, suffix, codec, options):
    path = make_film(tmp_path / f"film.{suffix}", codec=codec, options=options)
    found = opened(path)
    (clip,) = found.clips.values()
    assert found.media.kind == "video"
    assert clip.times_s[0] == 0
    assert clip.times_s[-1] == pytest.approx(49 / 25, abs=0.03)
    steps = np.diff(clip.times_s)
    assert steps.min() > 0.4 and steps.max() < 0.6
    shown = [round(float(t) * 25) for t in clip.times_s]
    assert greys(found) == pytest.approx([level(i) for i in shown], abs=6)
    assert found.media.duration_s == pytest.approx(2.0, abs=0.1)
    assert found.media.fps == pytest.approx(25, abs=0.5)
    assert found.media.frames == pytest.approx(50, abs=1)


def test_variable_frame_rate_is_even_in_time_not_in_frames(tmp_path):
    stamps = [*range(0, 400, 10), *range(400, 2001, 200)]
    path = make_film(tmp_path / "film.mkv", count=len(stamps), stamps_ms=stamps)
    (clip,) = opened(path).clips.values()
    assert clip.times_s == pytest.approx([0, 0.6, 1.0, 1.6, 2.0], abs=0.11)


def test_rotation_stands_the_film_upright_and_sound_is_noted(tmp_path):
    path = make_film(tmp_path / "film.mp4", count=5, rotation=90, sound=True)
    found = opened(path)
    (clip,) = found.clips.values()
    assert (found.media.width, found.media.height) == (64, 96)
    assert clip.size == (64, 96)
    assert found.media.has_audio
    with av.open(str(path)) as container:
        turned = next(container.decode(video=0)).rotation
    corner = {90: (-1, 0), -90: (0, -1)}[turned]  # counter-clockwise moves the mark down
    view = View(size=96, frames=1, fit="contain")
    frame = read(path, [view], Limits()).clips[view].frames[0]
    rows, columns = (slice(-10, None) if c else slice(0, 10) for c in corner)
    assert frame[rows, columns].mean() > 200


def test_a_short_film_gives_every_frame_once(tmp_path):
    found = opened(make_film(tmp_path / "film.mp4", count=3), frames=12)
    assert greys(found) == pytest.approx([level(i) for i in range(3)], abs=6)


def test_one_moment_is_the_middle(tmp_path):
    (clip,) = opened(make_film(tmp_path / "film.mp4"), frames=1).clips.values()
    assert clip.times_s == pytest.approx([0.98], abs=0.05)


def test_long_distances_between_keyframes_are_not_walked(tmp_path, monkeypatch):
    monkeypatch.setattr("verilens.media.video._WALK_FRAMES", 10)
    path = make_film(tmp_path / "film.mp4", count=1000, options={"g": "125", "preset": "ultrafast"})
    (clip,) = opened(path, frames=9).clips.values()
    even = np.linspace(0, 999 / 25, 9)
    assert len(set(clip.times_s)) == 9
    assert clip.times_s[[0, -1]] == pytest.approx(even[[0, -1]], abs=1e-3)
    assert np.abs(clip.times_s - even).max() < 0.5 * (even[1] - even[0])


def test_fragmented_film_without_duration(tmp_path):
    path = make_film(
        tmp_path / "film.mp4",
        container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )
    (clip,) = opened(path).clips.values()
    assert clip.times_s == pytest.approx(np.linspace(0, 49 / 25, 5), abs=0.05)


def test_film_cut_short_is_refused_or_noted(tmp_path):
    whole = make_film(
        tmp_path / "film.mp4",
        count=250,
        options={"g": "25", "preset": "ultrafast"},
        container_options={"movflags": "faststart"},
    ).read_bytes()
    (tmp_path / "most.mp4").write_bytes(whole[: len(whole) * 8 // 10])
    (tmp_path / "little.mp4").write_bytes(whole[: len(whole) * 4 // 10])
    most = opened(tmp_path / "most.mp4")
    assert any("the header says 10.0 s" in note for note in most.media.quality.notes)
    with pytest.raises(MediaError, match="cut short") as caught:
        opened(tmp_path / "little.mp4")
    assert caught.value.kind == "corrupt"


def test_damaged_frames_are_left_out_and_noted(tmp_path):
    path = make_film(tmp_path / "film.mp4", options={"g": "10", "preset": "ultrafast"})
    data = bytearray(path.read_bytes())
    middle = slice(len(data) * 4 // 10, len(data) * 5 // 10)
    data[middle] = bytes(middle.stop - middle.start)
    path.write_bytes(data)
    found = opened(path, frames=25)
    assert len(greys(found)) >= 13
    assert any("damaged" in note for note in found.media.quality.notes)


def test_no_video_stream(tmp_path):
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match="sound but no video") as caught:
        opened(tmp_path / "sound.mp4")
    assert caught.value.kind == "no-frames"


def test_film_without_frames(tmp_path):
    with av.open(str(tmp_path / "none.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    with pytest.raises(MediaError) as caught:
        opened(tmp_path / "none.mp4")
    assert caught.value.kind == "no-frames"


def test_encrypted_film(tmp_path):
    path = make_film(
        tmp_path / "film.mp4",
        container_options={
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
            "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
        },
    )
    with pytest.raises(MediaError) as caught:
        opened(path)
    assert caught.value.kind == "encrypted"


def test_film_larger_than_the_limit(tmp_path):
    path = make_film(tmp_path / "film.mp4", count=3)
    with pytest.raises(MediaError) as caught:
        read(path, [MOMENTS], Limits(max_pixels=1000))
    assert caught.value.kind == "too-large"


@pytest.mark.parametrize("form", ["WEBP", "PNG", "AVIF", "GIF"])
def test_animations_are_videos(tmp_path, form):
    durations = [100, 100, 600, 100, 100]
    frames = [Image.new("RGB", (64, 48), (40 * i, 40 * i, 40 * i)) for i in range(5)]
    path = tmp_path / "animation"
    frames[0].save(path, form, save_all=True, append_images=frames[1:], duration=durations)
    view = View(size=64, frames=3, fit="native")
    found = read(path, [view], Limits())
    assert found.media.kind == "video"
    assert found.media.frames == pytest.approx(5, abs=1)
    times = found.clips[view].times_s
    assert times[0] == 0 and times[-1] == pytest.approx(0.9, abs=0.01)
    shown = [int(frame.mean().round()) for frame in found.clips[view].frames]
    assert shown[0] == pytest.approx(0, abs=3) and shown[-1] == pytest.approx(160, abs=5)
