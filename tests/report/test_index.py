"""The index: every file once, most fake first, and no more memory for more files."""

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from page_samples import CONTEXT, ERROR, PICTURE, REPORT, VIDEO
from test_html import Page

from verilens.records import Clip, View
from verilens.report.index import EntryFile, entry, write_index
from verilens.report.pages import Pages, on_grid, pictures


def test_entries_come_back_ranked_and_once(tmp_path: Path) -> None:
    entries = EntryFile(tmp_path)
    for report in (ERROR, VIDEO, REPORT, ERROR):
        entries.append(entry(report, PICTURE, tmp_path / "x.html"))
    assert [e.path for e in entries] == [REPORT.path, VIDEO.path, ERROR.path]
    assert [e.decision for e in entries] == ["fake", "suspicious", None]


def test_the_last_entry_of_a_path_counts(tmp_path: Path) -> None:
    entries = EntryFile(tmp_path)
    entries.append(entry(dataclasses.replace(ERROR, path=REPORT.path), None, None))
    entries.append(entry(REPORT, None, None))
    assert [e.decision for e in entries] == ["fake"]


def test_an_empty_folder_has_an_index(tmp_path: Path) -> None:
    text = write_index(EntryFile(tmp_path), tmp_path).read_text(encoding="utf-8")
    assert "0 files scanned" in Page(text).text


def test_index_counts_links_and_escapes(tmp_path: Path) -> None:
    hostile = dataclasses.replace(VIDEO, path="/x/<script>alert(1)</script>\u202e.jpg")
    entries = [
        entry(report, PICTURE, tmp_path / "p.html") for report in (REPORT, hostile, ERROR, ERROR)
    ]
    path = write_index(entries, tmp_path, title="/x/<b>", made_at=CONTEXT.made_at)
    text = path.read_text(encoding="utf-8")
    found = Page(text)
    assert "4 files scanned" in found.text
    assert "1 fake 1 suspicious 2 not scanned" in found.text
    assert len(found.blocks["script"]) == 1
    assert "\u202e" not in text and "\\u202e" in text
    assert [a["href"] for tag, a in found.tags if tag == "a"] == ["#files"] + ["p.html"] * 4


@pytest.mark.parametrize("count", [200, 1000])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, count: int) -> None:
    entries = EntryFile(tmp_path)
    row = entry(REPORT, PICTURE, tmp_path / "p.html")
    for number in range(count):
        entries.append(dataclasses.replace(row, path=f"/photos/{number}.jpg"))
    write_index([], tmp_path)  # templates are compiled once
    tracemalloc.start()
    path = write_index(entries, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > count * 2000
    assert peak < 1_500_000


def clip(view: View, frames: int, size: int, left: int = 0, full: int = 0) -> Clip:
    boxes = np.tile(np.array([left, left, left + size, left + size], dtype=np.int32), (frames, 1))
    pixels = np.arange(frames * size * size * 3, dtype=np.uint64).reshape(frames, size, size, 3)
    return Clip(
        frames=(pixels % 251).astype(np.uint8),
        times_s=np.linspace(0, 6, frames),
        boxes=boxes,
        size=(full or size, full or size),
        view=view,
    )


def test_video_is_shown_at_its_most_telling_moment() -> None:
    whole, small, native = Pages.views
    clips = {whole: clip(whole, 7, 16), small: clip(small, 3, 8), native: clip(native, 1, 24)}
    shown = pictures(VIDEO, clips)
    assert shown.preview_s == 3.0
    assert [time for time, _ in shown.thumbnails] == [0.0, 3.0, 6.0]
    assert shown.aids_of == "the frame at 0.0 s at native resolution"


def test_picture_has_no_moment_and_may_lack_clips() -> None:
    whole = Pages.views[0]
    shown = pictures(REPORT, {whole: clip(whole, 1, 16)})
    assert shown.preview is not None and shown.preview_s is None
    assert shown.thumbnails == () and shown.aids == ()


@pytest.mark.parametrize(("left", "cut"), [(0, 0), (8, 0), (3, 5), (13, 3)])
def test_views_for_the_eye_start_on_the_jpeg_grid(left: int, cut: int) -> None:
    native = clip(Pages.views[2], 1, 24, left=left, full=64)
    assert (on_grid(native) == native.frames[0][cut:, cut:]).all()


def test_pages_write_a_folder(tmp_path: Path) -> None:
    whole, _, native = Pages.views
    Pages(tmp_path / "out", CONTEXT).add(VIDEO, {})  # an earlier scan
    pages = Pages(tmp_path / "out", CONTEXT, title="photos")
    pages.add(REPORT, {whole: clip(whole, 1, 16), native: clip(native, 1, 16)})
    pages.add(ERROR, {})
    index = Page(pages.finish().read_text(encoding="utf-8"))
    links = [a["href"] or "" for tag, a in index.tags if tag == "a"][1:]
    assert links == [pages.address(REPORT).name, pages.address(ERROR).name]
    assert all((tmp_path / "out" / link).exists() for link in links)
