"""Posts of data sets become files that a scan reads, with the truth where no scan looks."""

import json

import pytest
from typer.testing import CliRunner

from verilens.cli import app
from verilens.datasets import dataset
from verilens.errors import DatasetError
from verilens.media import post
from verilens.post_files import fields, write
from verilens.records import Sample

SETS = ("dgm4", "mdsm", "fakesv", "fakett")


@pytest.mark.parametrize("name", SETS)
def test_posts_of_every_set_are_read_back(tmp_path, name):
    adapter = dataset(name)
    adapter.fake(tmp_path / "set")
    samples = [s for s in adapter.samples(tmp_path / "set", "test") if s.kind == "post"]
    files = list(write(samples, tmp_path / "posts"))
    assert len(files) == len(samples) > 0
    sources = list(post.sources([str(tmp_path / "posts")]))
    assert [source.error for source in sources] == [None] * len(samples)
    for sample, source, file in zip(samples, sources, files, strict=True):
        assert source.post.text == sample.text and source.path.is_file()
        facts = json.loads(file.read_text("utf-8"))
        assert facts["x-label"] == sample.label and facts["x-id"] == sample.id
        assert facts.get("x-box") == sample.attributes.get("box")
        assert source.post.ocr == sample.attributes.get("ocr", "")
    with pytest.raises(DatasetError, match="not empty"):
        next(write(samples, tmp_path / "posts"))


def test_what_a_post_may_not_hold_is_cut_or_moved():
    said = {"comments": '["a", "", "b", 3]', "published": "1669800000", "ocr": "x" * 200_000}
    sample = Sample(id="1", uri="a.mp4", kind="post", label=1, text="t", attributes=said)
    found = fields(sample)
    assert found["comments"] == ["a", "b"] and found["x-published"] == "1669800000"
    assert len(found["ocr"]) == post.LONGEST["ocr"] and "time" not in found
    dated = Sample(**{**vars(sample), "attributes": {"published": "2022-11-30", "comments": "one"}})
    assert fields(dated)["time"] == "2022-11-30" and fields(dated)["comments"] == ["one"]


def test_media_that_are_missing_are_named(tmp_path):
    sample = Sample(id="1", uri=str(tmp_path / "gone.jpg"), kind="post", label=0, text="t")
    with pytest.raises(DatasetError, match=r"gone\.jpg are missing"):
        list(write([sample], tmp_path / "posts"))


def test_the_command_writes_them(tmp_path):
    dataset("dgm4").fake(tmp_path / "set")
    command = ["data", "posts", str(tmp_path / "set"), str(tmp_path / "posts")]
    run = CliRunner().invoke(app, [*command, "--split", "test", "--limit", "2"])
    assert run.exit_code == 0 and "2 posts" in run.output
    assert len(list((tmp_path / "posts").glob("*/post.json"))) == 2
    wrong = CliRunner().invoke(app, [*command, "--split", "dev"])
    assert wrong.exit_code != 0
