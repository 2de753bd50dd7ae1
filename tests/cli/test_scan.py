"""`verilens scan` as a process: what it writes where, and how it ends."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import duckdb
import pytest

import scanning

SCAN = [sys.executable, "-m", "verilens", "scan", "--methods"]


def run(*arguments, cache, **settings):
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "120"}
    command = [*SCAN, scanning.npr(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("media")
    for n in range(3):
        scanning.picture(root / f"{n}.png", seed=n)
    return root


def test_one_file_is_explained_and_keeps_no_store(folder, tmp_path):
    done = run(folder / "0.png", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "probability" in done.stdout
    assert "npr" in done.stdout
    assert not any(tmp_path.iterdir())


def test_standard_output_holds_json_alone(folder, tmp_path):
    done = run(folder, "--json", "-", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [os.path.basename(line["path"]) for line in lines] == ["0.png", "1.png", "2.png"]
    assert "3 files" in done.stderr


def test_every_output_at_once_and_exit_3_for_an_unreadable_file(folder, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("text")
    names = ("o.jsonl", "o.csv", "o.parquet", "pages")
    jsonl, table, parquet, pages = (tmp_path / name for name in names)
    outputs = ["--json", jsonl, "--csv", table, "--parquet", parquet, "--html", pages]
    done = run(folder, bad, *outputs, cache=tmp_path)
    assert done.returncode == 3, done.stderr
    assert len(jsonl.read_text().splitlines()) == 4
    with table.open(encoding="utf-8") as stream:
        assert [row["error_type"] for row in csv.DictReader(stream)] == ["", "", "", "unsupported"]
    with duckdb.connect() as database:
        count = database.execute(f"SELECT count(*) FROM '{parquet}'").fetchall()
    assert count == [(4,)]
    assert len(list(pages.glob("*.html"))) == 5
    assert "not scanned" in done.stdout


def test_names_cannot_steer_the_terminal(folder, tmp_path):
    hostile = tmp_path / "\x1b[31m\u202egpj.exe\u2066\x9b2J"
    hostile.mkdir()
    scanning.picture(hostile / "\x1b]0;title\x07.png", seed=9)
    kept = hostile.with_name(hostile.name + "-kept")
    options = ("--html", kept / "pages", "--store", kept / "results.duckdb")
    done = run(hostile, *options, cache=tmp_path)
    assert done.returncode == 0, done.stderr
    for text in (done.stdout, done.stderr):
        assert "\\x1b[31m\\u202egpj.exe\\u2066\\x9b2J" in text
        assert all(c.isprintable() or c == "\n" for c in text)


def test_quiet_says_nothing(folder, tmp_path):
    done = run(folder, "--quiet", cache=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x.jpg", "--jobs", "0"], "jobs"),
        (["x.jpg", "--max-bytes", "many"], "such as 500M"),
        (["x.jpg", "--nonsense"], "nonsense"),
        (["x.jpg", "--methods", "nprr"], "did you mean 'npr'"),
        (["x.jpg", "--json", "/nowhere/o.jsonl"], "cannot write /nowhere/o.jsonl"),
        (["x.jpg", "--csv", "/nowhere/o.csv"], "there is no folder /nowhere"),
        ([], "PATHS"),
    ],
)
def test_wrong_use_is_exit_2_with_the_reason(tmp_path, arguments, says):
    done = run(*arguments, cache=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_weights_are_exit_1_with_the_fix(tmp_path):
    done = run("x.jpg", "--methods", "npr=/nowhere.safetensors", cache=tmp_path)
    assert done.returncode == 1
    assert "no weights file at /nowhere.safetensors" in done.stderr
    assert "bug" not in done.stderr


def test_a_damaged_store_is_exit_2_with_the_fix(folder, tmp_path):
    store = tmp_path / "s.duckdb"
    store.write_text("nonsense")
    done = run(folder, "--store", store, cache=tmp_path)
    assert done.returncode == 2
    assert "delete it" in done.stderr


def test_standard_input_is_a_file(folder, tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [*SCAN, scanning.npr(), "-", "--json", "-"]
    with (folder / "0.png").open("rb") as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, env=environment)
    assert json.loads(done.stdout)["path"] == "-"


def test_a_reader_that_goes_away_is_no_error_to_shout_about(folder, tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [*SCAN, scanning.npr(), str(folder), "--json", "-"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as scan:
        scan.stdout.close()
        errors = scan.stderr.read()
        assert scan.wait(timeout=60) == 141
    assert errors == b""


def heard() -> None:
    """Undo that jobs in the background ignore Ctrl-C, which their children inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminate"]
)
def test_a_stopped_scan_says_how_to_go_on(tmp_path, number, code):
    for n in range(60):
        scanning.picture(tmp_path / "many" / f"{n:02}.png", seed=n, side=256)
    lines = tmp_path / "o.jsonl"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    command = [*SCAN, scanning.npr(), str(tmp_path / "many"), "--json", str(lines), "-j", "1"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        preexec_fn=heard,
    ) as scan:
        while not lines.exists() or not lines.stat().st_size:
            time.sleep(0.05)
        scan.send_signal(number)
        errors = scan.stderr.read()
        assert scan.wait(timeout=60) == code
    assert "run the same command again to go on" in errors
    assert "Traceback" not in errors
