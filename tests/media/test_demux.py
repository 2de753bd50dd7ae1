"""A film is read by one demuxer from one open file, whatever its name or content asks for."""

import os
from pathlib import Path

import av
import pytest
from film_maker import make_film

from verilens.errors import MediaError
from verilens.media.demux import demuxed
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.media.video_tags import read_video_tags


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "a.mp4", count=3)


def lists(film: Path) -> dict[str, str]:
    """Return texts that make libav open another file, by demuxer."""
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{film}\n#EXT-X-ENDLIST\n"
    return {"concat": f"ffconcat version 1.0\nfile '{film}'\n", "hls": playlist}


@pytest.mark.parametrize("demuxer", ["concat", "hls"])
def test_a_list_opens_no_other_file(film: Path, tmp_path: Path, demuxer: str) -> None:
    path = tmp_path / "list.mp4"
    path.write_text(lists(film)[demuxer])
    with path.open("rb") as file, av.open(file, format=demuxer, options={"safe": "0"}) as followed:
        assert len(followed.streams.video) == 1  # what libav does when it may
    with path.open("rb") as file, pytest.raises(av.FFmpegError):
        demuxed(file, demuxer)
    assert read_video_tags(path) == {}
    with pytest.raises(MediaError) as refused:
        read(path, (), Limits())
    assert refused.value.kind == "unsupported"


@pytest.mark.parametrize("name", ["http:x.mp4", "concat:a.mp4|b.mp4", "pipe:0", "hls+file:a.mp4"])
def test_a_name_is_never_an_address(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(film.read_bytes())
    assert read_video_tags(Path(name))["x264"].startswith("x264 - core")
    assert read(Path(name), (), Limits()).media.frames == 3


def test_text_in_a_film_is_not_followed(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(b"RIFF\0\0\0\0AVI " + os.linesep.encode() + lists(film)["hls"].encode())
    assert read_video_tags(path) == {}
