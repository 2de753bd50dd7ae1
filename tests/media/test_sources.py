"""What a person types becomes files, one at a time and each accounted for."""

import io
import os
import types
from pathlib import Path

import pytest

from verilens.media import sources
from verilens.media.sources import Source, UrlRules, expand


@pytest.fixture
def room(tmp_path, monkeypatch) -> Path:
    for name in ("b.jpg", "a.png", "deep/d.gif", "deep/er/e.mp4", ".hidden/h.jpg", ".h.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [source.name for source in expand(arguments)]


def kind(*arguments: str) -> str:
    (source,) = expand(arguments)
    assert source.path is None and source.error is not None
    return source.error.kind


def test_files_are_taken_as_they_are(room):
    found = list(expand(["a.png", "absent.jpg"]))
    assert found == [
        Source(name="a.png", path=Path("a.png")),
        Source(name="absent.jpg", path=Path("absent.jpg")),
    ]


def test_folders_are_sorted_recursive_and_without_hidden_files(room):
    assert names(".") == ["./a.png", "./b.jpg", "./deep/d.gif", "./deep/er/e.mp4"]


def test_links_to_folders_are_not_followed_links_to_files_are(room):
    (room / "deep/loop").symlink_to(room)
    (room / "deep/link.jpg").symlink_to(room / "b.jpg")
    (room / "deep/broken.jpg").symlink_to("nowhere")
    assert names("deep") == ["deep/broken.jpg", "deep/d.gif", "deep/er/e.mp4", "deep/link.jpg"]


def test_globs(room):
    assert names("*.jpg") == ["b.jpg"]
    assert names("d*") == ["deep/d.gif", "deep/er/e.mp4"]
    assert names("**/*.*") == ["a.png", "b.jpg", "deep/d.gif", "deep/er/e.mp4"]
    assert kind("*.tif") == "missing"


def test_a_name_with_brackets_is_a_name(room):
    (room / "a[1].jpg").write_bytes(b"x")
    assert names("a[1].jpg") == ["a[1].jpg"]


def test_lists(room):
    (room / "list.txt").write_bytes(
        b"\xef\xbb\xbfa.png\r\n\r\n# a remark\ndeep\n*.jpg\nna\xffme.jpg\nabsent.jpg"
    )
    assert names("@list.txt") == [
        "a.png",
        "deep/d.gif",
        "deep/er/e.mp4",
        "b.jpg",
        os.fsdecode(b"na\xffme.jpg"),
        "absent.jpg",
    ]
    assert kind("@absent.txt") == "missing"


def test_lists_name_no_further_lists(room):
    (room / "list.txt").write_text("@list.txt\n-\n")
    assert names("@list.txt") == ["@list.txt", "-"]


def test_expansion_is_lazy(room):
    (room / "list.txt").write_text("a.png\nhttp://127.0.0.1:1/never-asked\n")
    assert next(expand(["@list.txt", "http://127.0.0.1:1/"])).name == "a.png"


def test_a_folder_that_cannot_be_listed(room):
    (room / "closed").mkdir(mode=0o000)
    os.chmod(room, 0o755)
    euid = os.geteuid()
    if euid == 0:
        os.seteuid(65534)
    try:
        found = list(sources._folder(str(room / "closed")))
    finally:
        os.seteuid(euid)
    assert [source.error and source.error.kind for source in found] in (["permission"], ["missing"])


def test_standard_input_is_kept_in_a_private_file(room, monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(b"abc" * 1000)))
    (source,) = expand(["-"])
    assert source.name == "-" and source.temporary and source.path is not None
    assert source.path.read_bytes() == b"abc" * 1000
    assert source.path.stat().st_mode & 0o077 == 0
    source.discard()
    assert not source.path.exists()


def test_standard_input_is_limited(room, monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(bytes(5000))))
    (source,) = expand(["-"], urls=UrlRules(max_bytes=4999))
    assert source.error is not None and source.error.kind == "too-large"


def test_addresses_that_are_refused(room):
    for url in ("ftp://example.org/a.jpg", "file:///etc/passwd", "http://127.0.0.1/a.jpg"):
        assert kind(url) == "refused"


def test_own_files_only_are_discarded(room):
    Source(name="a.png", path=Path("a.png")).discard()
    assert (room / "a.png").exists()
