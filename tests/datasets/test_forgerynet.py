"""ForgeryNet's lists: read and written alike, and refused by line where they break a rule."""

from pathlib import Path

import pytest

from verilens.datasets import forgerynet
from verilens.datasets.forgerynet import Entry, Segment
from verilens.errors import DatasetError

VIDEOS = """\
0 train_video_release/16/a.mp4 0 0 0
1 train_video_release/1/b.mp4 0 120 fake 1 1 1
3 train_video_release/2/c.mp4 0 30 real 30 45 fake 90 10 fake 1 1 2
1 train_video_release/17/d.mp4 0 200 real 0 0 0
"""
IMAGES = """\
train_release/16/a/frame00001.jpg 0 0 0
train_release/1/a/b/frame00019.jpg 1 1 1
train_release/7/a/c/frame00002.jpg 1 2 7
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("text", "is_video"), [(VIDEOS, True), (IMAGES, False)])
def test_lists_are_read_and_written_alike(tmp_path, text, is_video):
    entries = list(forgerynet.read(written(tmp_path, text)))
    assert "".join(f"{forgerynet.write_line(e, is_video)}\n" for e in entries) == text


def test_segments_are_frames(tmp_path):
    entries = list(forgerynet.read(written(tmp_path, VIDEOS)))
    assert [len(entry.segments) for entry in entries] == [0, 1, 3, 1]
    assert entries[2].segments[1] == Segment(30, 45, True)


def test_a_header_is_skipped_and_numbers_may_stand_for_words(tmp_path):
    text = "image_name binary_cls_label triple_cls_label 16cls_label\na/b.jpg 1 2 4\n"
    assert list(forgerynet.read(written(tmp_path, text))) == [Entry("a/b.jpg", 1, 2, 4)]
    (entry,) = forgerynet.read(written(tmp_path, "2 a/b.mp4 0 3 1 5 2 0 1 2 4\n"))
    assert entry.segments == (Segment(0, 3, True), Segment(5, 2, False))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a/b.jpg 1 1", "3 fields, 4 are expected"),
        ("a/b.jpg 1 1 1 1", "5 fields, 4 are expected"),
        ("2 a/b.mp4 0 10 fake 1 1 1", "8 fields, 11 are expected"),
        ("a/b.jpg 2 1 1", "label '2' is not a number below 2"),
        ("a/b.jpg 1 3 1", "label '3' is not a number below 3"),
        ("a/b.jpg 1 1 16", "label '16' is not a number below 16"),
        ("a/b.jpg 0 1 1", "disagree"),
        ("a/b.jpg 1 1 0", "disagree"),
        ("1 a/b.mp4 -1 10 fake 1 1 1", "out of range"),
        ("1 a/b.mp4 5 0 fake 1 1 1", "out of range"),
        ("1 a/b.mp4 0 10 forged 1 1 1", "neither fake nor real"),
        ("2 a/b.mp4 0 10 fake 9 5 fake 1 1 1", "at 9 overlaps"),
        ("2 a/b.mp4 20 5 fake 0 5 fake 1 1 1", "at 0 overlaps"),
        ("1 a/b.mp4 0 10 fake 0 0 0", "contradicts the segments"),
        ("1 a/b.mp4 0 10 real 1 1 1", "contradicts the segments"),
        ("a/c.jpg 1 2 1", "class 1 has triple 2 here, 1 before"),
    ],
)
def test_a_broken_line_is_named_with_its_number(tmp_path, line, message):
    path = written(tmp_path, f"ok.jpg 1 1 1\n\n{line}\n")
    with pytest.raises(DatasetError, match=rf"list\.txt:3: .*{message}"):
        list(forgerynet.read(path))


def test_the_table_of_groups_can_be_enforced(tmp_path):
    assert sorted(n for n, group in forgerynet.GROUPS.items() if group == 1) == [
        1,
        2,
        3,
        4,
        5,
        6,
        9,
    ]
    path = written(tmp_path, "a/b.jpg 1 2 4\n")
    assert list(forgerynet.read(path))
    with pytest.raises(DatasetError, match="class 4 has triple 2 here, 1 before"):
        list(forgerynet.read(path, forgerynet.GROUPS))
    assert list(forgerynet.read(written(tmp_path, VIDEOS), forgerynet.GROUPS))


def test_forged_spans_and_masks_are_kept(tmp_path):
    forgerynet.fake(tmp_path)
    found = {s.id: s for s in forgerynet.samples(tmp_path, "train")}
    video = found["Training/video/train_video_release/2/train21.mp4"]
    assert (video.segments, video.segment_unit) == (((0.0, 2.0), (5.0, 8.0)), "frames")
    assert video.generator == "FS-GAN"
    masked = [s for s in found.values() if s.mask]
    assert masked and all(s.label and "/train_mask_release/" in s.mask for s in masked)
    assert not any(s.segments for s in found.values() if not s.label)


def test_other_text_files_are_no_lists(tmp_path):
    forgerynet.fake(tmp_path)
    before = list(forgerynet.samples(tmp_path))
    (tmp_path / "Training" / "readme.txt").write_text("Thank you for downloading the set\n")
    assert list(forgerynet.samples(tmp_path)) == before
