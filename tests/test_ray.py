"""`verilens scan --engine ray`: the decisions of the local engine, whatever dies on the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scanning
from verilens.cluster import files
from verilens.cluster import scan as cluster_scan
from verilens.cluster.files import Numbered, packed, unpacked
from verilens.cluster.keeper import Keeper
from verilens.cluster.session import Place, started
from verilens.errors import ConfigError, MediaError
from verilens.media.sources import Source
from verilens.options import Options
from verilens.report.json import line
from verilens.scanner import scan_many

OPTIONS = Options(methods=(scanning.npr(),), where=False)
DECISIVE = ("decision", "probability", "interval", "sentence", "conflicts", "not_checked")


@pytest.fixture
def folder(tmp_path):
    """Return a folder of seven files: stills, a film, a copy, and two that cannot be read."""
    root = tmp_path / "media"
    for n in range(3):
        scanning.picture(root / f"{n}.png", seed=n)
    (root / "copy.png").write_bytes((root / "0.png").read_bytes())
    scanning.animation(root / "film.gif", frames=8)
    (root / "text.jpg").write_text("text")
    (root / "empty.png").touch()
    return root


def test_decisions_equal_those_of_the_local_engine(folder, tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    store = tmp_path / "results.duckdb"
    whole = scan(folder, "--engine", "ray", "--workers", "2", store=store, out=tmp_path / "1.jsonl")
    local = [line(report) for report in scan_many([folder], OPTIONS)]
    assert [text(each, DECISIVE) for each in whole] == [text(each, DECISIVE) for each in local]
    assert [timeless(each) for each in whole] == [timeless(each) for each in local]

    resumed = scan(folder, store=store, out=tmp_path / "2.jsonl")  # by the local engine
    again = {each["path"]: each["seconds"] for each in resumed if each["sha256"]}
    first = {each["path"]: each["seconds"] for each in whole if each["sha256"]}
    assert len(again) == 5 and again == first  # what is known keeps the seconds of its first scan


def scan(folder, *options, store, out, environment=None):
    """Scan by the command; return its lines."""
    arguments = ["--methods", scanning.npr(), "--store", store, "--json", out, "--quiet", *options]
    command = [sys.executable, "-m", "verilens", "scan", folder, *arguments]
    settings = {"capture_output": True, "text": True, "env": environment}
    done = subprocess.run(list(map(str, command)), check=False, **settings)
    assert done.returncode == 3, done.stderr
    return [json.loads(each) for each in out.read_text().splitlines()]


def text(found, names):
    return json.dumps({name: found[name] for name in names})


def timeless(found):
    return {**found, "seconds": None}


def test_posts_are_read_as_by_the_local_engine(tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    root = tmp_path / "posts"
    scanning.picture(root / "bridge.png", seed=1)
    good = {"media": "bridge.png", "text": "The bridge opened today", "author": "@news"}
    bad = {"media": "gone.png", "text": "Nobody saw it"}
    for name, facts in {"good": good, "bad": bad}.items():
        (root / f"{name}.json").write_text(json.dumps(facts))
    options = ("--task", "post")
    ray = ("--engine", "ray", "--workers", "1")
    there = scan(root, *options, *ray, store=tmp_path / "1.duckdb", out=tmp_path / "1.jsonl")
    local = scan(root, *options, store=tmp_path / "2.duckdb", out=tmp_path / "2.jsonl")
    assert [timeless(each) for each in there] == [timeless(each) for each in local]
    assert [each["post"]["text"] for each in local] == [bad["text"], good["text"]]
    assert [each["error"] is None for each in local] == [False, True]


def test_names_travel_as_they_are():
    group = [
        Numbered(0, Source(name="a/\udcff.png", path=Path("a/\udcff.png"))),
        Numbered(1, Source(name="https://example.org/a.png")),
        Numbered(7, Source(name="x*", error=MediaError("missing", "x*: no file matches"))),
    ]
    found = unpacked(packed(group))
    assert [each.number for each in found] == [0, 1, 7]
    assert [each.source.name for each in found] == [each.source.name for each in group]
    assert found[0].source.path == group[0].source.path and found[1].source.path is None
    error = found[2].source.error
    assert error and (error.kind, error.message) == ("missing", "x*: no file matches")


def test_files_are_listed_in_groups_and_addresses_are_left_alone(folder, monkeypatch):
    pytest.importorskip("pyarrow", reason="the extra 'ray' is not installed")
    tables = files.groups(["media", "https://example.org/a.png"], str(folder.parent))
    groups = [unpacked(table[files.COLUMN][0].as_py()) for table in tables]
    assert [len(group) for group in groups] == [4, 4]
    names = [source.name for group in groups for _, source in group]
    assert names == [
        *(f"media/{name}" for name in ("0.png", "1.png", "2.png", "copy.png")),
        *(f"media/{name}" for name in ("empty.png", "film.gif", "text.jpg")),
        "https://example.org/a.png",
    ]


def test_a_keeper_counts_what_was_begun_and_keeps_results(tmp_path):
    keeper = Keeper()
    keeper.open(tmp_path / "results.duckdb")
    assert [keeper.begin(3), keeper.begin(3), keeper.tries([2, 3])] == [0, 1, 2]
    keeper.end(3)
    assert keeper.tries([2, 3]) == 0
    assert keeper.find("0" * 64, "f") is None
    keeper.close()


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"workers": 0}, "at least 1"), ({"address": "ray://head:10001"}, "--address auto")],
)
def test_places_that_cannot_be_are_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        Place(**changes)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "ray start --head"),
        ("head", "auto or HOST:PORT"),
        ("head:99999", "auto or HOST:PORT"),
        (":6379", "auto or HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_named_at_once(address, says):
    with pytest.raises(ConfigError, match=says), started(Place(address=address)):
        pytest.fail("no cluster")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--engine", "spark"], "local or ray"),
        (["--workers", "2"], "--engine ray"),
        (["--address", "auto"], "--engine ray"),
        (["--engine", "ray", "--jobs", "2"], "--workers"),
    ],
)
def test_options_of_another_engine_are_refused(options, says, tmp_path):
    command = [sys.executable, "-m", "verilens", "scan", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.slow
def test_a_file_that_kills_its_worker_is_left_out_and_the_rest_is_scanned(folder, tmp_path):
    """Looking at the file stops the process, as running out of memory would."""
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    deadly = {**os.environ, "PYTHONPATH": path, "DEADLY": str(folder / "1.png")}
    out, store = tmp_path / "1.jsonl", tmp_path / "results.duckdb"
    whole = scan(
        folder, "--engine", "ray", "--workers", "1", store=store, out=out, environment=deadly
    )
    local = [line(report) for report in scan_many([folder], OPTIONS)]
    assert [each["path"] for each in whole] == [each["path"] for each in local]
    for found, expected in zip(whole, local, strict=True):
        if found["path"] == deadly["DEADLY"]:
            assert found["error"]["type"] == "crashed"
        else:
            assert timeless(found) == timeless(expected)


DEADLY = """
import os, pathlib, sys

stat = pathlib.Path.stat

def deadly(self, **options):
    if str(self) == os.environ["DEADLY"] and "default_worker" in " ".join(sys.orig_argv):
        os.kill(os.getpid(), 9)
    return stat(self, **options)

pathlib.Path.stat = deadly
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Ray's own; elsewhere it runs in a process of its own
def test_nodes_that_would_answer_otherwise_are_refused(folder, monkeypatch):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    monkeypatch.setattr(cluster_scan, "fingerprint", lambda options: "of another version")
    with pytest.raises(ConfigError, match="another version or other weights"):
        list(cluster_scan.scan_many([str(folder)], OPTIONS, place=Place(workers=1)))
