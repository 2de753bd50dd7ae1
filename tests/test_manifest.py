"""Manifests: what is written is read back, whatever the number of rows."""

import dataclasses

import pytest

from verilens import manifest, tables
from verilens.bench import predictions
from verilens.errors import DatasetError
from verilens.records import Sample

SAMPLE = Sample(
    id="fake/000_003",
    uri="/data/fake/000_003",
    kind="frames",
    label=1,
    generator="Deepfakes",
    source="000",
    identity="003",
    split="test",
    frames=("000.png", "012.png"),
    segments=((0.5, 2.0), (3.0, 4.0)),
    attributes={"compression": "c23"},
)


def test_what_is_written_is_read_back(tmp_path):
    others = [dataclasses.replace(SAMPLE, id=f"{n}", attributes={}) for n in range(3)]
    path = tmp_path / "manifest.parquet"
    assert manifest.write(path, [SAMPLE, *others], "mine", tmp_path) == 4
    assert list(manifest.read(path)) == [SAMPLE, *others]
    assert tables.facts(path)["dataset"] == "mine"


def test_an_id_that_comes_twice_is_refused_and_leaves_no_file(tmp_path):
    with pytest.raises(DatasetError, match="fake/000_003"):
        manifest.write(tmp_path / "m.parquet", [SAMPLE, SAMPLE], "mine", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_digest_does_not_depend_on_where_the_files_lie():
    moved = dataclasses.replace(SAMPLE, uri="/elsewhere/000_003")
    relabelled = dataclasses.replace(SAMPLE, label=0)
    assert manifest.digest([SAMPLE]) == manifest.digest([moved])
    assert manifest.digest([SAMPLE]) != manifest.digest([relabelled])


def test_a_file_that_is_no_manifest_is_named(tmp_path):
    path = tmp_path / "m.parquet"
    path.write_text("id,label\n")
    with pytest.raises(DatasetError, match=r"m\.parquet"):
        list(manifest.read(path))
    predictions.write(path, [], {})
    with pytest.raises(DatasetError, match="no manifest"):
        list(manifest.read(path))


def test_predictions_keep_missing_scores_missing(tmp_path):
    rows = [
        predictions.Prediction(id="a", label=1, score=0.7, where=((0.0, 1.5, 0.9),)),
        predictions.Prediction(id="b", label=0, score=None, error="corrupt"),
        predictions.Prediction(id="c", label=0, score=0.1, frame=3, attributes={"age": "36"}),
    ]
    path = tmp_path / "p.parquet"
    assert predictions.write(path, rows, {"method": "npr", "seed": 1}) == 3
    assert list(predictions.read(path)) == rows
    assert tables.facts(path) == {"method": "npr", "seed": 1}
