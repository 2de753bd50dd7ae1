"""What is known of a content already: found earlier, or being found out right now.

Files are told apart by the SHA-256 of their bytes. The first file of a content claims it and is
scored; copies that arrive meanwhile wait for its report, later ones are answered from the results.
"""

import hashlib
import os
import stat
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple, Protocol

from verilens.records import Report

PIECE = 1 << 20
NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # absent on Windows
RECENT = 1024  # reports kept in memory when there is no store


class FileState(NamedTuple):
    """A file at one moment; while `stamp` stays the same its content does too."""

    path: str  # ASCII, with escapes for what is not
    stamp: str


class Results(Protocol):
    """Where reports are kept by content, see `store.Store`; all methods are thread-safe."""

    def digest(self, state: FileState) -> str | None: ...
    def remember(self, state: FileState, sha256: str) -> None: ...
    def find(self, sha256: str, fingerprint: str) -> Report | None: ...
    def add(self, sha256: str, fingerprint: str, report: Report) -> None: ...


class Recent:
    """Results in memory, the oldest dropped first; for scans that keep no store."""

    def __init__(self) -> None:
        self._reports: OrderedDict[tuple[str, str], Report] = OrderedDict()

    def digest(self, state: FileState) -> str | None:
        return None

    def remember(self, state: FileState, sha256: str) -> None:
        pass

    def find(self, sha256: str, fingerprint: str) -> Report | None:
        return self._reports.get((sha256, fingerprint))

    def add(self, sha256: str, fingerprint: str, report: Report) -> None:
        self._reports[sha256, fingerprint] = report
        while len(self._reports) > RECENT:
            self._reports.popitem(last=False)


class Known:
    """The results of one fingerprint, with the contents that are being scored now."""

    def __init__(self, results: Results, fingerprint: str) -> None:
        self._results = results
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        self._claimed: dict[str, Future[Report]] = {}

    def identify(self, path: Path, max_bytes: int, seconds: float) -> str | None:
        """Return the content hash; None for a file that is unreadable, empty, too large or slow."""
        try:
            facts = path.stat()
            if not stat.S_ISREG(facts.st_mode) or not 0 < facts.st_size <= max_bytes:
                return None
            state = _state(path, facts)
            known = self._results.digest(state)
            if known is None:
                known = _digest(path, time.monotonic() + seconds)
                if known is not None:
                    self._results.remember(state, known)
            return known
        except OSError:
            return None

    def claim(self, sha256: str) -> Report | None:
        """Return this content's report, waiting if it is being made; None: the caller makes it."""
        with self._lock:
            report = self._results.find(sha256, self._fingerprint)
            if report is not None:
                return report
            under_way = self._claimed.get(sha256)
            if under_way is None:
                self._claimed[sha256] = Future()
                return None
        return under_way.result()

    def settle(self, sha256: str, report: Report, keep: bool) -> None:
        """Hand the report of a claimed content to whoever waits, and to the results if `keep`."""
        if keep:
            self._results.add(sha256, self._fingerprint, report)
        with self._lock:
            claimed = self._claimed.pop(sha256, None)
        if claimed is not None:
            claimed.set_result(report)

    def abandon(self, error: BaseException) -> None:
        """Let nobody wait any longer: whoever does gets `error`."""
        with self._lock:
            for under_way in self._claimed.values():
                under_way.set_exception(error)
            self._claimed.clear()


def _digest(path: Path, deadline: float) -> str | None:
    total = hashlib.sha256()
    # Not blocking, in case a FIFO took the file's place.
    with open(os.open(path, os.O_RDONLY | NONBLOCK), "rb") as file:
        while piece := file.read(PIECE):
            total.update(piece)
            if time.monotonic() > deadline:
                return None
    return total.hexdigest()


def _state(path: Path, facts: os.stat_result) -> FileState:
    # The change time cannot be set by hand, so a content that was swapped in does not go unseen.
    parts = (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_dev, facts.st_ino)
    return FileState(ascii(os.path.abspath(path)), ":".join(map(str, parts)))
