"""verilens data: list, show, manifest, fake and query, in process."""

import json

import pytest
from typer.testing import CliRunner

from verilens import manifest
from verilens.cli import app
from verilens.cli.data import app as data
from verilens.datasets import datasets
from verilens.errors import ConfigError, DatasetError, UnknownName

runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})


def run(*arguments: object) -> str:
    """Return what a command prints; what it raises is raised."""
    done = runner.invoke(app, ["data", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def root(tmp_path):
    run("fake", "faceforensics", tmp_path / "ff")
    return tmp_path / "ff"


@pytest.mark.parametrize(
    "command", [c.name or c.callback.__name__ for c in data.registered_commands]
)
def test_every_command_explains_itself_with_an_example(command):
    shown = runner.invoke(app, ["data", command, "--help"])
    assert shown.exit_code == 0
    assert f"verilens data {command}" in shown.output


def test_all_data_sets_are_listed_and_shown():
    listed = run("list")
    assert all(name in listed for name in datasets())
    assert {card["name"] for card in json.loads(run("list", "--json"))} == set(datasets())
    for name, adapter in datasets().items():
        assert adapter.CARD.title in run("show", name)
    assert json.loads(run("show", "df40", "--json"))["year"] == 2024
    with pytest.raises(UnknownName, match="did you mean 'dfdc'"):
        run("show", "dfdcc")


def test_a_manifest_is_written_and_summed_up(root, tmp_path):
    out = tmp_path / "new" / "m.parquet"
    said = run("manifest", root, "--out", out)
    assert "20 rows of faceforensics" in said and "Deepfakes 6" in said
    assert len(list(manifest.read(out))) == 20
    facts = json.loads(run("manifest", root, "--out", out, "--split", "test", "--json"))
    assert (facts["rows"], facts["splits"]) == (6, {"test": {"genuine": 2, "fake": 4}})
    assert facts["generators"] == {"Deepfakes": 2, "NeuralTextures": 2}


def test_paths_are_moved(root, tmp_path):
    out = tmp_path / "m.parquet"
    run("manifest", root, "--out", out, "--map", f"{root}=/data/ff")
    assert all(sample.uri.startswith("/data/ff/") for sample in manifest.read(out))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--as", "celebdf"], UnknownName, "did you mean 'celeb-df'"),
        (["--as", "celeb-df"], DatasetError, "List_of_testing_videos"),
        (["--as", "uadfv"], DatasetError, "no samples; see 'verilens data show uadfv'"),
        (["--split", "dev"], ConfigError, "expected one of train, val, test"),
        (["--map", "here"], ConfigError, "OLD=NEW is expected"),
    ],
)
def test_wrong_use_is_refused_and_leaves_no_file(root, tmp_path, arguments, error, message):
    out = tmp_path / "m.parquet"
    with pytest.raises(error, match=message):
        run("manifest", root, "--out", out, *arguments)
    assert not out.exists()


def test_a_folder_that_is_not_there_or_cannot_be_written(root, tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        run("manifest", tmp_path / "none", "--out", tmp_path / "m.parquet")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        run("manifest", root, "--out", tmp_path / "file" / "m.parquet")


def test_a_miniature_goes_into_an_empty_folder_only(root):
    with pytest.raises(ConfigError, match="not an empty folder"):
        run("fake", "uadfv", root)


def test_questions_are_answered(root, tmp_path):
    out = tmp_path / "it's.parquet"
    run("manifest", root, "--out", out)
    sql = "select split, count(*) as n from samples where label = 1 group by split order by split"
    assert json.loads(run("query", out, sql, "--json")) == [
        {"split": "", "n": 1},
        {"split": "test", "n": 4},
        {"split": "train", "n": 4},
        {"split": "val", "n": 4},
    ]
    sql = "select distinct attributes['compression'] as c from samples"
    assert run("query", out, sql).split() == ["c", "c23"]
    with pytest.raises(ConfigError, match="the query failed"):
        run("query", out, "select nothing from samples")
    with pytest.raises(DatasetError, match="not a readable Parquet file"):
        run("query", root / "splits" / "test.json", "select 1")


def test_faces_are_filtered_and_what_each_filter_took_is_counted(tmp_path):
    measured = tmp_path / "measured.csv"
    measured.write_text(
        "id,prompt,face,style,accepted\na,0.9,0.95,photo,\nb,0.2,0.99,photo,yes\n"
        "c,0.8,,photo,\nd,0.8,0.95,anime,\ne,0.8,0.95,photo,no\n"
    )
    out = tmp_path / "kept.csv"
    run = CliRunner().invoke(app, ["data", "faces", str(measured), "--out", str(out), "--json"])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    assert found["kept"] == ["a"] and out.read_text() == "a\n"
    assert [(s["name"], s["kept"], s["unmeasured"]) for s in found["stages"]] == [
        ("prompt", 4, 0), ("face", 3, 1), ("style", 2, 0), ("hand", 1, 0),
    ]  # fmt: skip
    assert "4" in CliRunner().invoke(app, ["data", "faces", str(measured)]).output
