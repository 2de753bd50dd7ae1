"""The results store: what was found in which content, so that a long scan can go on.

One DuckDB file. `results` holds a line of JSON for each pair of content hash and fingerprint (what
scored it: version, methods, weights, settings), `files` remembers the hash of files that have not
changed. Lines are committed in small batches: killed at any moment, a scan loses a few files at
most. One process writes a store at a time.
"""

import json
import os
import threading
import time
from pathlib import Path

import duckdb

from verilens.errors import StoreError
from verilens.known import FileState
from verilens.records import Report
from verilens.report.json import dumps, parse

SCHEMA = 1
BATCH = 16  # results a commit
DELAY_S = 2.0  # a result waits at most about this long for its commit
SETTINGS = {"threads": 1, "memory_limit": "256MB"}
TABLES = f"""
CREATE TABLE verilens_store (schema INTEGER);
INSERT INTO verilens_store VALUES ({SCHEMA});
CREATE TABLE results (
    sha256 VARCHAR, fingerprint VARCHAR, line VARCHAR, PRIMARY KEY (sha256, fingerprint)
);
CREATE TABLE files (path VARCHAR PRIMARY KEY, stamp VARCHAR, sha256 VARCHAR);
"""


class Store:
    """A results store, open until `close`. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`, or make one. StoreError when it is damaged, foreign or busy."""
        self.path = path
        self._lock = threading.Lock()
        self._lines: dict[tuple[str, str], str] = {}  # found, not yet committed
        self._files: dict[str, tuple[str, str]] = {}
        self._committed_at = time.monotonic()
        self._db = _connect(path)

    def digest(self, state: FileState) -> str | None:
        """Return the content hash of a file that has not changed since it was remembered."""
        with self._lock:
            row = self._db.execute(
                "SELECT sha256 FROM files WHERE path = ? AND stamp = ?", [state.path, state.stamp]
            ).fetchone()
        return row[0] if row else None

    def find(self, sha256: str, fingerprint: str) -> Report | None:
        """Return what is known of this content, under the path it was scanned at."""
        with self._lock:
            line = self._lines.get((sha256, fingerprint))
            if line is None:
                row = self._db.execute(
                    "SELECT line FROM results WHERE sha256 = ? AND fingerprint = ?",
                    [sha256, fingerprint],
                ).fetchone()
                line = row[0] if row else None
        return parse(json.loads(line)) if line else None

    def remember(self, state: FileState, sha256: str) -> None:
        """Keep the content hash of a file."""
        with self._lock:
            self._files[state.path] = (state.stamp, sha256)

    def add(self, sha256: str, fingerprint: str, report: Report) -> None:
        """Keep what was found in this content."""
        line = dumps(report)
        with self._lock:
            self._lines[sha256, fingerprint] = line
            due = time.monotonic() - self._committed_at > DELAY_S
            if due or len(self._lines) >= BATCH:
                self._commit()

    def forget(self, fingerprint: str) -> None:
        """Drop every result of this fingerprint."""
        with self._lock:
            self._commit()
            self._db.execute("DELETE FROM results WHERE fingerprint = ?", [fingerprint])

    def close(self) -> None:
        """Commit what waits and let other processes in."""
        with self._lock:
            self._commit()
            self._db.close()

    def _commit(self) -> None:
        """Write what waits, each table in one statement. The caller holds the lock."""
        self._committed_at = time.monotonic()
        if self._lines:
            rows = [(*key, line) for key, line in self._lines.items()]
            self._insert("results", rows)
            self._lines.clear()
        if self._files:
            self._insert("files", [(path, *known) for path, known in self._files.items()])
            self._files.clear()

    def _insert(self, table: str, rows: list[tuple[str, str, str]]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        parts = ", ".join(["unnest(?::VARCHAR[])"] * len(columns))
        self._db.execute(f"INSERT OR REPLACE INTO {table} SELECT {parts}", columns)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        database = duckdb.connect(str(path), config=SETTINGS)
    except (OSError, duckdb.Error) as error:
        raise StoreError(_explain(path, str(error))) from error
    try:
        row = database.execute("SELECT schema FROM verilens_store").fetchone()
    except duckdb.Error as error:
        database.close()
        raise StoreError(
            f"{path} is a database, but not a results store of verilens; name another with --store"
        ) from error
    if row != (SCHEMA,):
        database.close()
        raise StoreError(
            f"{path} was written by another version of verilens (layout {row}); "
            "delete it, or name another with --store"
        )
    return database


def _make(path: Path) -> None:
    """Put an empty store at `path` in one step, so that a kill never leaves half of one."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with duckdb.connect(str(fresh), config=SETTINGS) as database:
        database.execute(TABLES)
    fresh.rename(path)


def _explain(path: Path, reason: str) -> str:
    if "lock" in reason.lower():
        return (
            f"another process is using the results store {path}; wait until it ends, "
            "or name another with --store"
        )
    if "not a valid" in reason.lower() or "corrupt" in reason.lower():
        return f"{path} is no results store, or it is damaged; delete it, or name another: --store"
    return f"cannot open the results store {path}: {reason}"
