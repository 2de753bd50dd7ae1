"""Reading published layouts: the order is fixed, and what is broken is named by file and line."""

import os

import pytest

from verilens import layout
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature


def test_frames_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("10.png", "2.png", "cover.png", "note.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert layout.files(tmp_path, layout.PICTURES) == ["2.png", "10.png", "cover.png"]


def test_folders_that_do_not_exist_are_empty(tmp_path):
    assert layout.folders(tmp_path / "none") == layout.files(tmp_path / "none") == []
    assert not list(layout.walk(tmp_path / "none"))


def test_a_walk_names_folders_below_the_root(tmp_path):
    for name in ("b/x.png", "a/c/y.mp4", "a/z.txt", "w.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(layout.walk(tmp_path)) == [("", ["w.jpg"]), ("a/c", ["y.mp4"]), ("b", ["x.png"])]


def test_videos_are_found_in_every_usual_form_and_frames_win(tmp_path):
    mini = Miniature(tmp_path)
    for below in ("real/a.mp4", "real/videos/b.mp4", "real/videos/c.mp4"):
        mini.video(below)
    mini.frames("real/frames/c", 2)
    found = list(layout.clips(tmp_path, "real"))
    assert [(clip.name, clip.kind) for clip in found] == [
        ("a", "video"),
        ("b", "video"),
        ("c", "frames"),
    ]
    assert found[2] == ("c", "real/frames/c", "frames", ("000.png", "001.png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b" 2}', r"list\.json:2: no valid JSON"),
        ("[1]", r"list\.json: a JSON object is expected, not a list"),
    ],
)
def test_broken_json_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        layout.read_object(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\na.mp4,1\n", r"l\.csv:1: the header lacks filename"),
        ("filename,label\na.mp4,1\nb.mp4\n", r"l\.csv:3: 2 fields"),
        ("filename,label\na.mp4,1,2\n", r"l\.csv:2: 2 fields"),
    ],
)
def test_broken_tables_are_named_with_their_line(tmp_path, text, message):
    path = tmp_path / "l.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        list(layout.rows(path, ("filename", "label")))


def test_what_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"\xe9t\xe9\n")
    for name in ("missing.txt", "latin.txt"):
        with pytest.raises(DatasetError, match=name):
            list(layout.lines(tmp_path / name))
    with pytest.raises(DatasetError, match=r"missing\.json"):
        layout.read_json(tmp_path / "missing.json")


def test_empty_lines_keep_their_numbers(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("\ufeffa\r\n\n  \n b \n", encoding="utf-8")
    assert list(layout.lines(path)) == [(1, "a"), (4, "b")]


def test_links_that_lead_back_are_not_followed(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "x.png").touch()
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to(tmp_path / "a" / "b")
    assert list(layout.walk(tmp_path)) == [("a/b", ["x.png"]), ("c", ["x.png"])]


def test_a_name_that_no_table_can_hold_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"\xe9t\xe9.png")).touch()
    with pytest.raises(DatasetError, match="rename the file"):
        layout.files(tmp_path)


@pytest.mark.parametrize("text", ['[\n{"a": 1},\n\n {"a": "ü"}\n]', '{"a": 1}\n\n{"a": "ü"}\n'])
def test_objects_come_with_their_lines_from_lists_and_from_lines(tmp_path, text):
    path = tmp_path / "list.json"
    path.write_text(text, encoding="utf-8")
    found = list(layout.entries(path))
    assert [facts["a"] for _, facts in found] == [1, "ü"]
    assert [text.splitlines()[line - 1].strip(" ,")[-2:] for line, _ in found] == ["1}", '"}']
    assert layout.first_object(path) == {"a": 1}


def test_members_come_with_their_lines(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('{"a": [1,\n2],\n"b": {}}')
    assert list(layout.members(path)) == [(1, "a", [1, 2]), (3, "b", {})]
    path.write_text(" {} ")
    assert not list(layout.members(path))


@pytest.mark.parametrize(
    ("read", "text", "line"),
    [
        (layout.entries, '[{"a": 1},\n{"a"', 2),
        (layout.entries, '[{"a": 1}\n', 2),
        (layout.entries, '{"a": 1}\n[2]', 2),
        (layout.entries, "[" * 9, 1),
        (layout.members, '{"a": 1\n', 2),
        (layout.members, '{"a": 1,\n2: 3}', 2),
        (layout.members, "[1]", 1),
        (layout.members, "", 1),
    ],
)
def test_a_list_that_breaks_off_is_named_with_its_line(tmp_path, read, text, line):
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=rf"list\.json:{line}: "):
        list(read(path))


@pytest.mark.parametrize("value", ['{"a": ' * 200_000, '{"a": ' + "9" * 5000 + "}"])
def test_what_python_cannot_hold_is_named(tmp_path, value):
    path = tmp_path / "list.json"
    path.write_text(f"[{value}")
    with pytest.raises(DatasetError, match=r"list\.json:1: a number too long or nested"):
        list(layout.entries(path))
    with pytest.raises(DatasetError, match=r"list\.json: no JSON to read"):
        layout.read_json(path)
    assert layout.first_object(path) == {}


def test_what_no_table_can_hold_becomes_readable():
    assert layout.readable("a\ud800 ") == "a?"
    assert layout.readable(["a", 1]) == '["a", 1]'
    assert layout.readable(None) == ""
