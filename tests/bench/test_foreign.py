"""Scores of other programs are read as they were written, or refused with the place and reason."""

import gzip
import json
import pickle

import pytest

from verilens import tables
from verilens.bench import columns, foreign, predictions
from verilens.bench.predictions import Prediction
from verilens.errors import ConfigError, DatasetError


def test_plain_id_score_label(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("id,score,label,quality\na.jpg,0.25,0,low\nb.jpg,,1,high\n\n")
    first, second = foreign.read(path)
    assert first == Prediction(id="a.jpg", score=0.25, label=0, attributes={"quality": "low"})
    assert second.score is None
    assert second.error


def test_columns_are_named_where_they_are_not_the_usual_ones(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("pic;p;truth\na;0.5;real\nb;0.75;fake\n")
    with pytest.raises(DatasetError, match=r"'id' among pic, p, truth; name it with --columns id="):
        list(foreign.read(path))
    named = {"id": "pic", "score": "p", "label": "truth"}
    assert [p.label for p in foreign.read(path, named)] == [0, 1]
    with pytest.raises(DatasetError, match="no column 'q'"):
        list(foreign.read(path, {**named, "score": "q"}))
    with pytest.raises(ConfigError, match="no part 'points'"):
        list(foreign.read(path, {"points": "p"}))


def test_deepsafe_predictions(tmp_path):
    path = tmp_path / "predictions.csv.gz"
    text = (
        "id,modality,label,generator,ensemble_score,prob_npr,lat_npr\n"
        "1,image,real,real,0.1,0.3,20\n2,video,fake,sora,0.7,,21\n"
    )
    path.write_bytes(gzip.compress(text.encode()))
    genuine, fake = foreign.read(path)
    assert (genuine.score, genuine.label, genuine.generator, genuine.kind) == (0.1, 0, "", "image")
    assert (fake.score, fake.label, fake.generator) == (0.7, 1, "sora")
    assert [p.score for p in foreign.read(path, {"score": "prob_npr"})] == [0.3, None]


def test_clipbased_types(tmp_path):
    path = tmp_path / "clip.csv"
    path.write_text("filename,typ,llr\na.png,real,-1\nb.png,glide,2.5\n")
    genuine, fake = foreign.read(path)
    assert (genuine.label, genuine.generator, genuine.score) == (0, "", -1.0)
    assert (fake.label, fake.generator, fake.score) == (1, "glide", 2.5)


def test_inverted_labels(tmp_path):
    path = tmp_path / "mllm.csv"
    path.write_text("path,label,pred,response\na,0,0,x\nb,1,0,y\nc,0,-1,z\nd,0,fake,w\n")
    rows = list(foreign.read(path))
    assert [p.label for p in rows] == [1, 0, 1, 1]
    assert [p.score for p in rows] == [1.0, 1.0, None, 1.0]
    plain = tmp_path / "plain.csv"
    plain.write_text("id,label,score\na,0,0.9\nb,1,0.1\n")
    assert [p.label for p in foreign.read(plain, inverted=True)] == [1, 0]


@pytest.mark.parametrize(
    "content",
    [
        [{"id": "a", "score": 0.5, "label": 1}],
        {"a": {"score": 0.5, "label": "FAKE"}},
        {"id": ["a"], "score": [0.5], "label": [1]},
        {"video": {"name": ["a"], "pred": [0.5], "klass": ["x"], "correct_label": ["FAKE"]}},
    ],
)
def test_shapes_of_json(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(content))
    (row,) = foreign.read(path)
    assert (row.id, row.score, row.label) == ("a", 0.5, 1)


def test_json_lines_and_parquet(tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_text('{"id": "a", "score": 1, "label": 0, "frame": 3}\n')
    (row,) = foreign.read(path)
    assert (row.score, row.frame) == (1.0, 3)
    pa = tables.arrow()
    table = pa.table({"id": ["a", "b"], "score": [0.5, None], "label": [0, 1]})
    pa.parquet.write_table(table, tmp_path / "scores.parquet")
    found = columns.load(tmp_path / "scores.parquet")
    assert found.missing.tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,score,label\na,0.1,0\nb,0.2\n", r":3: 2 fields where the header has 3"),
        ("id,score,label\na,nan,0\n", r":2: score is nan"),
        ("id,score,label\na,inf,0\n", r":2: score is inf"),
        ("id,score,label\na,high,0\n", r":2: score 'high' is no number"),
        ("id,score,label\na,0.1,2\n", r":2: label '2'"),
        ("id,score,label\na,0.1,0\na,0.2,0\n", r":3: id 'a' again, first at .*:2; keep one"),
        ("id,score,label,frame\na,0.1,0,x\n", r":2: frame 'x'"),
        ("id,id,label\na,b,0\n", "comes twice"),
        ("id,score,label\n", "holds no rows"),
        ("", "holds no rows"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(DatasetError, match=said):
        list(foreign.read(path))


def test_pickles_are_refused_whatever_they_are_called(tmp_path):
    for name in ("results.pkl", "results.csv"):
        (tmp_path / name).write_bytes(pickle.dumps({"a": 1}))
        with pytest.raises(DatasetError, match="run code"):
            list(foreign.read(tmp_path / name))
    for name, said in (("x.json", "not readable as JSON"), ("x.xls", "not a format")):
        (tmp_path / name).write_text("{")
        with pytest.raises(DatasetError, match=said):
            list(foreign.read(tmp_path / name))
    with pytest.raises(DatasetError, match="no such file"):
        list(foreign.read(tmp_path / "absent.csv"))


def test_columns_hold_what_predictions_say(tmp_path):
    rows = [
        Prediction(id="v", label=1, score=0.5, frame=0, generator="g", attributes={"x": "1"}),
        Prediction(id="v", label=1, score=None, frame=1, generator="g", error="broken"),
        Prediction(id="w", label=0, score=0.25, attributes={"file.format": "PNG"}),
    ]
    path = tmp_path / "npr.parquet"
    predictions.write(path, rows, {"method": "npr"})
    for found in (columns.load(path), columns.of(rows, path, "npr")):
        assert found.name == "npr"
        assert found.missing.tolist() == [False, True, False]
        assert list(found.attributes) == ["x"]
        assert found.text("x").at(0) == "1"
        assert [found.text("generator").at(n) for n in range(3)] == ["g", "g", ""]
        videos = found.videos()
        assert videos.score.tolist() == [0.5, 0.25]
        with pytest.raises(ConfigError, match="did you mean 'generator'"):
            found.text("generators")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no predictions"),
        ([Prediction(id="a", label=3, score=0.5)], "row 1 has label 3"),
        ([Prediction(id="a", label=0, score=0.5)] * 2, r"'a' \(rows 1 and 2\)"),
        ([Prediction(id="a", label=0, score=float("nan"))], "row 1 has score nan"),
    ],
)
def test_unusable_predictions_are_refused(tmp_path, rows, said):
    path = tmp_path / "bad.parquet"
    predictions.write(path, rows, {})
    with pytest.raises(DatasetError, match=said):
        columns.load(path)


def test_videos_with_two_labels_are_refused(tmp_path):
    rows = [Prediction(id="v", label=n, score=0.5, frame=n) for n in (0, 1)]
    with pytest.raises(DatasetError, match="both labels"):
        columns.of(rows, tmp_path / "x.parquet").videos()
