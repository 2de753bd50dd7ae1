"""A job as the database holds it, and the question it asks of a file."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, select
from sqlalchemy.engine import RowMapping

from verilens.server.database import jobs

State = Literal["queued", "running", "done", "failed"]
NAME = 255  # letters of a name that are kept
WORDS = 16


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a file: by which methods (None: all), and the hash of all that decides."""

    methods: tuple[str, ...] | None
    fingerprint: str

    def dumps(self) -> str:
        """Return the question as text."""
        return json.dumps({"methods": self.methods, "fingerprint": self.fingerprint})


def parsed(question: str) -> Question:
    """Return the question that `dumps` wrote."""
    found = json.loads(question)
    methods = found["methods"]
    return Question(
        methods=None if methods is None else tuple(methods), fingerprint=found["fingerprint"]
    )


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file to look at, and what became of it. Times in seconds since 1970."""

    id: str
    name: str
    source: Literal["upload", "url"]
    url: str | None
    batch: str | None
    owner: str
    question: str
    sha256: str | None
    size: int | None
    created: float
    started: float | None
    finished: float | None
    state: State
    stage: str
    progress: float
    version: int
    attempts: int
    lease: str | None
    is_dead: bool
    error: dict[str, object] | None
    kind: Literal["image", "video"] | None
    decision: str | None
    probability: float | None
    low: float | None
    high: float | None
    sentence: str | None
    claim: str | None
    provenance: str | None
    maps: list[str] = field(default_factory=list)
    is_file_kept: bool = False
    preview: str | None = None


COLUMNS = tuple(jobs.c[name] for name in Job.__dataclass_fields__)


def of_row(row: RowMapping) -> Job:
    """Return the job that a row of `COLUMNS` holds."""
    facts: dict[str, Any] = dict(row)
    facts["error"] = json.loads(facts["error"]) if facts["error"] else None
    facts["maps"] = json.loads(facts["maps"])
    return Job(**facts)


def find(db: Connection, job: str) -> Job | None:
    """Return a job by its id."""
    row = db.execute(select(*COLUMNS).where(jobs.c.id == job)).mappings().first()
    return of_row(row) if row else None


def words(text: str) -> list[str]:
    """Return the words of a text that the search knows it by."""
    found = re.findall(r"\w+", text.lower())
    return list(dict.fromkeys(word[:64] for word in found))[:WORDS]
