import dataclasses
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from verilens.errors import StoreError
from verilens.known import FileState
from verilens.records import ErrorRecord, Report
from verilens.store import Store

REPORT = Report(path="a.jpg", version="1", seconds=0.5, error=ErrorRecord(type="empty", message=""))


def test_a_report_comes_back_before_and_after_its_commit(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    store.add("aa", "f", REPORT)
    assert store.find("aa", "f") == REPORT
    store.close()
    again = Store(tmp_path / "s.duckdb")
    assert again.find("aa", "f") == REPORT
    assert again.find("aa", "other") is None
    assert again.find("bb", "f") is None
    again.close()


def test_a_later_report_replaces_an_earlier_one(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    for seconds in (1.0, 2.0, 3.0):
        store.add("aa", "f", dataclasses.replace(REPORT, seconds=seconds))
        store.close()
        store = Store(tmp_path / "s.duckdb")
    assert store.find("aa", "f").seconds == 3.0
    store.close()


def test_forgetting_leaves_other_fingerprints(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    store.add("aa", "f", REPORT)
    store.add("aa", "g", REPORT)
    store.forget("f")
    assert store.find("aa", "f") is None
    assert store.find("aa", "g") == REPORT
    store.close()


def test_a_hash_is_known_while_the_file_is_unchanged(tmp_path):
    store = Store(tmp_path / "s.duckdb")
    store.remember(FileState("p", "1"), "aa")
    store.close()
    store = Store(tmp_path / "s.duckdb")
    assert store.digest(FileState("p", "1")) == "aa"
    assert store.digest(FileState("p", "2")) is None
    store.close()


def test_a_killed_process_loses_at_most_the_last_batch(tmp_path):
    path = tmp_path / "s.duckdb"
    code = f"""
import os, signal
from verilens.store import Store, BATCH
from verilens.records import ErrorRecord, Report
from pathlib import Path
store = Store(Path({str(path)!r}))
for n in range(5 * BATCH + 3):
    error = ErrorRecord(type="empty", message="")
    store.add(str(n), "f", Report(path=str(n), version="1", seconds=0, error=error))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    store = Store(path)
    assert sum(store.find(str(n), "f") is not None for n in range(83)) >= 80
    store.close()


def test_a_damaged_file_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "s.duckdb"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="delete it"):
        Store(path)


def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "s.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE results (x INTEGER)")
    with pytest.raises(StoreError, match="not a results store"):
        Store(path)
    with duckdb.connect(str(path)) as database:
        assert database.execute("SHOW TABLES").fetchall() == [("results",)]


def test_two_processes_cannot_share_a_store(tmp_path):
    path = tmp_path / "s.duckdb"
    store = Store(path)
    code = f"from verilens.store import Store; from pathlib import Path; Store(Path({str(path)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    store.close()
    assert "another process is using the results store" in other.stderr


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Store(Path(tmp_path / "file" / "s.duckdb"))
