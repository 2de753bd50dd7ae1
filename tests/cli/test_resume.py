"""Killed with kill -9 and started again, a scan ends with the results of an uninterrupted one."""

import json
import os
import subprocess
import sys
import time

import scanning

FILES = 40


def start(folder, store, lines):
    arguments = ["--methods", scanning.npr(), "--store", store, "--json", lines, "--jobs", 2]
    command = [sys.executable, "-m", "verilens", "scan", folder, *arguments, "--quiet"]
    return subprocess.Popen([*map(str, command)], env=os.environ)


def read(lines):
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    return [{**line, "seconds": None} for line in found]


def test_a_killed_scan_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "folder"
    for n in range(FILES):
        scanning.picture(folder / f"{n:02}.png", seed=n, side=192)
    (folder / "bad.jpg").write_text("text")
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    assert start(folder, tmp_path / "whole.duckdb", whole).wait(timeout=120) == 3

    scan = start(folder, tmp_path / "killed.duckdb", killed)
    while not killed.exists() or killed.read_text().count("\n") < FILES // 2:
        time.sleep(0.02)
    scan.kill()
    scan.wait()
    first = {line["path"]: line for line in _complete(killed)}

    assert start(folder, tmp_path / "killed.duckdb", killed).wait(timeout=120) == 3
    assert read(killed) == read(whole)
    # A report that was kept has the seconds of its first scan.
    again = [json.loads(line) for line in killed.read_text().splitlines()]
    kept = [line for line in again if line == first.get(line["path"])]
    assert len(kept) >= len(first) - 16 - 2


def _complete(lines):
    return [json.loads(t) for t in lines.read_text().splitlines(keepends=True) if t.endswith("\n")]
