"""Answers on disk, so that no question is paid for twice.

One SQLite file; a row is keyed by a hash of the model, the whole question and the pixels shown. It
holds what models said, never a key. Failures are not kept. Several threads and processes may share
it.
"""

import dataclasses
import json
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from verilens.errors import StoreError
from verilens.records import Clip
from verilens.understand.answerer import Answer, Answerer, Asked, Question, key

BUSY_S = 30.0
TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT, at REAL)"


class Answers:
    """The answers kept in one file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. StoreError when it is damaged or cannot be written."""
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(TABLE)
            self._db.commit()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot keep answers in {path}: {error}; delete it") from error

    def find(self, key: str) -> Answer | None:
        """Return a kept answer, None when there is none or it cannot be read."""
        with self._lock:
            row = self._db.execute("SELECT answer FROM answers WHERE key = ?", [key]).fetchone()
        if row is None:
            return None
        try:
            return dataclasses.replace(Answer(**json.loads(row[0])), is_cached=True)
        except (ValueError, TypeError):  # of another version
            return None

    def add(self, key: str, answer: Answer) -> None:
        """Keep an answer."""
        row = [key, json.dumps(dataclasses.asdict(answer)), time.time()]
        with self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


class Cached(Answerer):
    """An answerer that is asked only what is not known yet."""

    def __init__(self, answerer: Answerer, answers: Answers) -> None:
        self.answerer = answerer
        self.answers = answers
        self.name, self.identity = answerer.name, answerer.identity
        self.batch, self.sees = answerer.batch, answerer.sees

    def answer(self, question: Question, clips: Sequence[Clip]) -> Answer:
        """Return the kept answer, else ask and keep what is said."""
        return self.together([Asked(question, tuple(clips))])[0]

    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Return the answers in order; only the unknown ones are asked for."""
        keys = [key(self.identity, one) for one in asked]
        found = {name: self.answers.find(name) for name in keys}
        unknown = {k: one for k, one in zip(keys, asked, strict=True) if found[k] is None}
        fresh = self.answerer.together(list(unknown.values())) if unknown else []
        for name, answer in zip(unknown, fresh, strict=True):
            found[name] = answer
            if answer.outcome != "failed":
                self.answers.add(name, answer)
        return [known for k in keys if (known := found[k]) is not None]

    def close(self) -> None:
        """Close the file of answers, and let go of what the model holds."""
        self.answers.close()
        self.answerer.close()
