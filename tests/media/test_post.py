"""Posts: what is read, what is refused and in which words, whatever a stranger wrote."""

import json
import os
from importlib.resources import files

import jsonschema
import pytest

from verilens.errors import MediaError
from verilens.media import post
from verilens.media.sources import Source

SCHEMA = json.loads((files("verilens.report") / "schema" / "post-v1.json").read_text("utf-8"))
TEXTS = {
    "latin": "The bridge opened today.",
    "chinese": "大桥今天通车了。",
    "arabic": "افتُتح الجسر اليوم.",
    "persian": "پل امروز باز می‌شود.",
    "hindi": "पुल आज खुला। क्‍षण",
    "emoji": "🎉👩‍👩‍👧 bridge 🌉",
    "hebrew with marks": "\u202eהגשר\u202c נפתח",
    "controls": "a\u0000b\u0007\u200b",
}


def write(path, **facts):
    path.write_text(json.dumps({"text": "words", **facts}, ensure_ascii=False), encoding="utf-8")
    return path


def kind(call, *arguments):
    with pytest.raises(MediaError) as caught:
        call(*arguments)
    return caught.value.kind, caught.value.message


def test_the_schema_is_one_and_the_reader_keeps_its_limits():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    known = SCHEMA["properties"]
    assert set(known) == {*post.LONGEST, "comments", "schema"}
    assert known["schema"]["const"] == post.SCHEMA
    assert {f: known[f]["maxLength"] for f in post.LONGEST} == post.LONGEST
    assert known["comments"]["maxItems"] == post.MOST_COMMENTS
    assert known["comments"]["items"]["maxLength"] == post.LONGEST_COMMENT
    for field, pattern in post.PATTERNS.items():
        assert known[field]["pattern"] == f"^{pattern}$"
        jsonschema.validate({"text": "", field: post.EXAMPLES[field]}, SCHEMA)


def test_every_field_is_read(tmp_path):
    facts = dict.fromkeys(("title", "author", "ocr", "transcript"), "said")
    facts |= {"media": "a.jpg", "time": "2026-11-30T09:30:00+01:00", "language": "zh-Hans"}
    path = write(tmp_path / "post.json", **facts, comments=["one", "two"], **{"x-likes": 3})
    found = post.read(path)
    jsonschema.validate(json.loads(path.read_text("utf-8")), SCHEMA)
    assert {name: getattr(found, name) for name in facts} == facts
    assert found.comments == ("one", "two") and found.text == "words"
    assert len(found.sha256) == 64


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_script_stays_as_it_is(tmp_path, text):
    assert post.read(write(tmp_path / "p.json", text=text)).text == text


def test_an_empty_text_and_a_byte_order_mark_are_fine(tmp_path):
    path = tmp_path / "p.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"text": ""}')
    assert post.read(path).text == ""


def test_lone_surrogates_go_and_positions_stay(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"text": "a\\ud800b"}')
    assert post.read(path).text == "a?b"


@pytest.mark.parametrize(
    ("content", "expected", "says"),
    [
        (b"", "empty", "JSON object"),
        (b"   \n", "empty", "JSON object"),
        (b"{", "unsupported", "line 1 is no JSON"),
        (b"[1]", "unsupported", "no JSON object"),
        (b"\xff\xfe{\x00", "unsupported", "UTF-8"),
        (b"[" * 100_000, "unsupported", "JSON"),
        (b'{"text": ' + b"9" * 9000 + b"}", "unsupported", ""),
        (b'{"words": "x"}', "unsupported", "unknown field 'words'"),
        (b'{"txt": "x"}', "unsupported", "did you mean 'text'"),
        (b'{"media": "a.jpg"}', "unsupported", "'text' is missing"),
        (b'{"text": 5}', "unsupported", "must be text"),
        (b'{"text": "", "comments": [1]}', "unsupported", "list of texts"),
        (b'{"text": "", "time": "yesterday"}', "unsupported", "2026-11-30"),
        (b'{"text": "", "language": "../en"}', "unsupported", "language"),
        (b'{"text": "", "schema": "other/v9"}', "unsupported", "post-v1"),
    ],
)
def test_what_is_no_post_is_refused_with_a_way_out(tmp_path, content, expected, says):
    path = tmp_path / "p.json"
    path.write_bytes(content)
    found, message = kind(post.read, path)
    assert found == expected and says in message and "p.json" in message
    assert "\n" not in message


def test_ten_megabytes_of_text_are_refused_by_size_before_they_are_parsed(tmp_path, monkeypatch):
    path = write(tmp_path / "p.json", text="long " * (2 << 20))
    monkeypatch.setattr(json, "loads", None)
    found, message = kind(post.read, path)
    assert found == "too-large" and "10.0 MiB" in message and "1 MiB" in message


def test_a_field_over_its_limit_is_named(tmp_path):
    found, message = kind(post.read, write(tmp_path / "p.json", text="x" * 100_001))
    assert found == "too-large" and "'text' has 100,001 characters" in message
    found, _ = kind(post.read, write(tmp_path / "p.json", comments=["x" * 10_001]))
    assert found == "too-large"


def test_a_folder_or_a_pipe_in_a_posts_place_hangs_nothing(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    assert kind(post.read, tmp_path / "pipe.json")[0] == "not-a-file"
    assert kind(post.read, tmp_path)[0] == "not-a-file"
    assert kind(post.read, tmp_path / "nothing.json")[0] == "missing"


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ("", "missing"),
        ("gone.jpg", "missing"),
        ("/etc/passwd", "refused"),
        ("../secret.jpg", "refused"),
        ("below/../../secret.jpg", "refused"),
        ("..\\secret.jpg", "refused"),
        ("https://example.org/a.jpg", "refused"),
        ("file:///etc/passwd", "refused"),
        ("C:/a.jpg", "refused"),
        ("a\0.jpg", "refused"),
        ("link.jpg", "refused"),
        ("linked/secret.jpg", "refused"),
    ],
)
def test_media_outside_the_posts_folder_are_refused(tmp_path, media, expected):
    folder = tmp_path / "posts"
    folder.mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "linked").symlink_to(tmp_path)
    source = post.opened(Source(name="p", path=write(folder / "p.json", media=media)))
    assert source.path is None and source.error.kind == expected
    assert source.post is not None and source.post.text == "words"


def test_media_below_the_posts_folder_are_opened(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.jpg").write_bytes(b"x")
    path = write(tmp_path / "p.json", media="below/a.jpg")
    source = post.opened(Source(name="p", path=path))
    assert source.path == tmp_path / "below" / "a.jpg" and source.post.media == "below/a.jpg"


def test_folders_give_their_posts_and_files_that_were_named_are_always_read(tmp_path):
    for name in ("a.json", "b.JSON", "picture.jpg", "notes.txt"):
        write(tmp_path / name, media="picture.jpg")
    names = [os.path.basename(s.name) for s in post.sources([str(tmp_path)])]
    assert names == ["a.json", "b.JSON"]
    (one,) = post.sources([str(tmp_path / "notes.txt")])
    assert one.post is not None
    (gone,) = post.sources([str(tmp_path / "nothing.json")])
    assert gone.error.kind == "missing"


def test_a_post_without_a_folder_cannot_name_media(tmp_path):
    path = write(tmp_path / "p.json", media="a.jpg")
    source = post.opened(Source(name="-", path=path, temporary=True))
    assert source.error.kind == "refused" and not path.exists()
