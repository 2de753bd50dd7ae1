"""Who did what with which job, and when: a table, and a log of one line of JSON each."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from verilens.server.database import Database, audit


class Audit:
    """The record of a server. It holds ids of keys, never a secret."""

    def __init__(self, database: Database, log: Path) -> None:
        self._database = database
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)

    def note(self, key: str, action: str, job: str | None = None, detail: str = "") -> None:
        """Write down one act. key: the id of the key, or "local"."""
        at = datetime.now(UTC)
        row = {"at": at.timestamp(), "key": key, "action": action, "job": job, "detail": detail}
        with self._database.writing() as db:
            db.execute(insert(audit).values(row))
        line = json.dumps({**row, "at": at.isoformat(timespec="milliseconds")}) + "\n"
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())  # one write: lines of two processes do not mix
        finally:
            os.close(descriptor)
