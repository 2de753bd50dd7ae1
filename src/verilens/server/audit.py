"""Who did what with which job, and when: a table, and a log of one line of JSON each."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import time

from sqlalchemy import Connection, insert

from verilens.server.database import Database, audit


@dataclass(frozen=True, kw_only=True)
class Act:
    """What somebody did. key: the id of the key, or "local"; never a secret."""

    key: str
    action: str
    job: str | None = None
    detail: str = ""
    at: float = field(default_factory=time)

    def keep(self, db: Connection) -> None:
        """Write it into the table, within a transaction of the caller."""
        db.execute(insert(audit).values(asdict(self)))


class Audit:
    """The record of a server."""

    def __init__(self, database: Database, log: Path) -> None:
        self._database = database
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)

    def note(self, act: Act) -> None:
        """Write down an act."""
        with self._database.writing() as db:
            act.keep(db)
        self.log(act)

    def log(self, act: Act) -> None:
        """Add an act that the table holds already to the log."""
        at = datetime.fromtimestamp(act.at, UTC).isoformat(timespec="milliseconds")
        line = json.dumps({**asdict(act), "at": at}) + "\n"
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())  # one write: lines of two processes do not mix
        finally:
            os.close(descriptor)
