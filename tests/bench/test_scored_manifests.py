"""Scoring a manifest: every sample gets a row, what failed is missing and not 0."""

import io

import numpy as np
import pytest
from PIL import Image

from verilens import tables
from verilens.bench import predictions, run
from verilens.errors import DatasetError
from verilens.media import packed
from verilens.options import Options
from verilens.records import Sample

NPR = Options(methods=("npr",), where=False)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (12, 40, 48, 3), np.uint8)
    frames = root / "video"
    frames.mkdir()
    for n, pixels in enumerate(pictures[:10]):
        Image.fromarray(pixels).save(frames / f"{n:03}.png")
    Image.fromarray(pictures[10]).save(root / "a.jpg", quality=83)
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    names = tuple(f"{n:03}.png" for n in range(10))
    return [
        Sample(id="a", uri=str(root / "a.jpg"), kind="image", label=0, source="camera"),
        Sample(id="b", uri=str(root / "broken.jpg"), kind="image", label=1, generator="G"),
        Sample(id="v", uri=str(frames), kind="frames", label=1, generator="G", frames=names),
    ]


@pytest.fixture(scope="module")
def written(samples, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    named = [("mine", sample) for sample in samples]
    assert len(list(run.run(named, out, NPR, run.Plan(), {"command": "test"}))) == 10
    return out


def test_each_method_and_the_verdict_get_a_file(written):
    assert [p.stem for p in run.methods_of(written)] == ["npr", "verdict"]
    facts = tables.facts(written / "npr.parquet")
    assert facts["method"] == "npr" and facts["command"] == "test"
    assert len(facts["weights"]["npr"]) == 64


def test_a_file_nobody_can_read_is_missing_not_zero(written):
    a, broken, *_ = predictions.read(written / "npr.parquet")
    assert 0 < a.score < 1 and a.source == "camera"
    assert broken.score is None and broken.error.startswith("corrupt")


def test_frames_are_spread_over_the_whole_video(written):
    rows = [p for p in predictions.read(written / "npr.parquet") if p.id == "v"]
    assert [p.frame for p in rows] == [0, 1, 3, 4, 5, 6, 8, 9]
    assert {p.generator for p in rows} == {"G"}


def test_rows_tell_what_an_audit_needs(written):
    first = next(predictions.read(written / "npr.parquet"))
    assert first.attributes["file.format"] == "JPEG"
    assert abs(int(first.attributes["file.jpeg_quality"]) - 83) <= 1
    assert first.attributes["file.width"] == "48"


def test_a_video_without_frames_is_refused(samples):
    empty = Sample(id="x", uri="/nowhere", kind="frames", label=1)
    with pytest.raises(DatasetError, match="x: a video of frames"):
        list(run.shots([("mine", empty)], run.Plan()))


def test_the_first_frames_are_read_when_a_release_did(samples):
    first = run.shots([("mine", samples[-1])], run.Plan(frames=3, first=True))
    assert [shot.frame for shot in first] == [0, 1, 2]


def test_a_folder_without_predictions_is_named(tmp_path):
    with pytest.raises(DatasetError, match="verilens bench run"):
        run.methods_of(tmp_path)


def test_pictures_in_a_database_are_scored(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(buffer, "PNG")
    with lmdb.open(str(tmp_path / "set_lmdb")) as store, store.begin(write=True) as writing:
        writing.put(b"set/video/000.png", buffer.getvalue())
    uri = packed.address(tmp_path / "set_lmdb", "set/video")
    video = Sample(id="v", uri=uri, kind="frames", label=0, frames=("000.png", "001.png"))
    shots = run.shots([("set", video)], run.Plan())
    found = [run.prediction(scored, "npr") for scored in run.score(shots, NPR)]
    assert found[0].score is not None and found[1].error.startswith("missing")
