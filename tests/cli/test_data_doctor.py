"""verilens data doctor: from a folder or a manifest to findings and an exit code."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from verilens.cli import app
from verilens.datasets import dataset
from verilens.errors import DatasetError

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(*arguments):
    return runner.invoke(app, ["data", "doctor", *map(str, arguments)])


@pytest.fixture
def celeb(tmp_path):
    root = tmp_path / "Celeb-DF-v2"
    dataset("celeb-df").fake(root)
    return root


def test_a_folder_and_its_manifest_give_the_same_findings(celeb, tmp_path):
    runner.invoke(app, ["data", "manifest", str(celeb), "--out", str(tmp_path / "m.parquet")])
    whole, listed = run(celeb, "--json"), run(tmp_path / "m.parquet", "--json")
    assert json.loads(whole.stdout) == json.loads(listed.stdout)
    found = {f["kind"] for f in json.loads(whole.stdout)["findings"]}
    assert not found & {"missing", "unreadable", "leak-file", "label-against-folder"}


def test_what_is_broken_is_named_and_the_second_run_sees_it_again(celeb, cache):
    films = sorted(celeb.rglob("*.mp4"))
    films[0].write_bytes(films[0].read_bytes()[:300])
    shutil.copy(films[1], films[2])
    films[3].unlink()
    for _ in range(2):
        done = run(celeb, "-j", 2)
        assert done.exit_code == 3, done.output
        for said in ("unreadable: 1", "duplicate: 1"):
            assert said in done.output
        assert films[0].relative_to(celeb).as_posix() in done.output
    assert len(list((cache / "verilens" / "doctor").iterdir())) == 1


def test_a_root_that_is_none_is_an_error(tmp_path):
    done = run(tmp_path / "absent")
    assert isinstance(done.exception, DatasetError)
    assert "no such folder or manifest" in str(done.exception)
