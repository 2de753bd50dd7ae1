"""FakeSV and FakeTT: who is fake is read from words, and debunks are neither."""

import json

import pytest

from verilens.datasets import fakesv, fakett
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature


def test_debunks_are_left_out_although_the_lists_name_them(tmp_path):
    fakesv.fake(tmp_path)
    found = {s.id: s for s in fakesv.samples(tmp_path)}
    assert sorted(found) == [f"70{event}{n}" for event in range(4) for n in (0, 1)]
    assert {s.label for s in found.values() if s.id.endswith("0")} == {0}
    assert "7002" in (tmp_path / "data-split/temporal/vid_time3_train.txt").read_text()
    assert (found["7010"].split, found["7010"].attributes["event-fold"]) == ("val", "2")
    assert (found["7010"].source, found["7010"].text) == ("event 1", "post 0 on event 1")


def test_the_public_file_gives_videos_without_text(tmp_path):
    facts = {"video_id": "3x4zj7", "keywords": "事件", "annotation": "假"}
    Miniature(tmp_path).text("dataset/data.json", json.dumps(facts))
    (sample,) = fakesv.samples(tmp_path)
    assert (sample.kind, sample.label, sample.split, sample.source) == ("video", 1, "", "事件")
    assert sample.uri == str(tmp_path / "videos/3x4zj7.mp4")
    assert fakesv.fits(tmp_path) and not fakett.fits(tmp_path)


def test_the_same_line_twice_is_one_sample(tmp_path):
    line = json.dumps({"video_id": 7291827037319286058, "annotation": "real", "event": "e"})
    Miniature(tmp_path).text("data.json", line, line)
    (sample,) = fakett.samples(tmp_path)
    assert sample.id == "7291827037319286058"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"video_id": "a", "annotation": "真", "label": 1}, "label 1 does not fit"),
        ({"video_id": "a", "annotation": "fake"}, "annotation 'fake' is none of 真"),
        ({"video_id": 7.2e18, "annotation": "真"}, "video_id 7.2e[+]18 is no text"),
        ({"annotation": "真"}, "video_id None is no text"),
        ({"video_id": "z", "annotation": "真"}, "video z has another annotation above"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, facts, message):
    first = json.dumps({"video_id": "z", "annotation": "假"})
    Miniature(tmp_path).text("data.json", first, json.dumps(facts))
    with pytest.raises(DatasetError, match=rf"data\.json:2: {message}"):
        list(fakesv.samples(tmp_path))


def test_a_video_in_two_lists_is_named(tmp_path):
    fakesv.fake(tmp_path)
    mini = Miniature(tmp_path)
    mini.text("data-split/temporal/vid_time3_test.txt", "7030", "7000")
    with pytest.raises(DatasetError, match=r"time3_test\.txt:2: 7000 is in train too"):
        list(fakesv.samples(tmp_path))
    (tmp_path / "data-split/temporal/vid_time3_test.txt").unlink()
    with pytest.raises(DatasetError, match=r"vid_time3_test\.txt is missing beside the other"):
        list(fakesv.samples(tmp_path))
    for split in ("train", "val"):
        (tmp_path / f"data-split/temporal/vid_time3_{split}.txt").unlink()
    mini.text("data-split/event/vid_fold_2.txt", "7000")
    found = {s.id: (s.split, s.attributes.get("event-fold")) for s in fakesv.samples(tmp_path)}
    assert (found["7000"], found["7001"], found["7010"]) == (("", "1,2"), ("", "1"), ("", None))


def test_published_features_and_labels_of_pairs_go_with_their_video(tmp_path):
    fakesv.fake(tmp_path)
    mini = Miniature(tmp_path)
    rows = [
        {"video_id": "7000", "annotation": "real", "vt": "1", "at": 1, "va": "0"},
        {"video_id": "7001", "annotation": "fake", "vt": 0, "at": "0", "va": 0},
    ]
    mini.text("fea/fakesv/metainfo.json", *map(json.dumps, rows))
    found = {s.id: s.attributes for s in fakesv.samples(tmp_path)}
    assert found["7000"]["features"] == "../fea/fakesv"
    assert (found["7000"]["inconsistent"], found["7001"]["inconsistent"]) == ("1,1,0", "0,0,0")
    assert "inconsistent" not in found["7010"]
    label = {"video_id": "7000", "vt": 0, "at": "0", "va": "1"}
    mini.text("pseudo_label/fakesv/pseudo_label.jsonl", json.dumps(label))
    found = {s.id: s.attributes for s in fakesv.samples(tmp_path)}
    assert (found["7000"]["inconsistent"], found["7001"]["inconsistent"]) == ("0,0,1", "0,0,0")
    mini.text("pseudo_label/fakesv/pseudo_label.jsonl", json.dumps({**label, "vt": 2}))
    with pytest.raises(DatasetError, match=r"pseudo_label\.jsonl:1: .*neither 0 nor 1"):
        list(fakesv.samples(tmp_path))
