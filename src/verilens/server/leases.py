"""The queue as workers see it: lease a job, stay alive, hand in what was found.

A job is a worker's while its lease lasts. Whoever hands something in shows the lease; after it went
to another worker, or the job was deleted, nothing is written. `due` is the one clock: a waiting job
is due when it may begin, a running one when its lease ends, an ended one never.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.engine import CursorResult

from verilens.records import Report
from verilens.server.database import Database, jobs, maps, results, workers
from verilens.server.jobs import COLUMNS, Job, of_row
from verilens.server.problems import described

BACKOFF_S = 2.0  # before a job that failed is tried again, times the attempts so far


class Leased(NamedTuple):
    """A job and the token that shows whose it is now."""

    job: Job
    lease: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a file. Either report, with its line of JSON, or error, or both.

    maps: heat maps as PNG by name. is_lasting: another try would not change it. sha256, size: of a
    file that came from an address.
    """

    report: Report | None = None
    line: str | None = None
    error: Mapping[str, object] | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    is_lasting: bool = True
    sha256: str | None = None
    size: int | None = None
    is_file_kept: bool | None = None


class Queue:
    """The jobs of a database, for one worker. Safe to share between threads."""

    def __init__(self, database: Database, worker: str, lease_s: float, attempts: int) -> None:
        self.database = database
        self.worker = worker
        self.lease_s = lease_s
        self.attempts = attempts

    def claim(self) -> Leased | None:
        """Return a job that is due, now ours; None when there is none."""
        with self.database.reading() as db:  # costs others nothing
            now = self.database.now(db)
            if db.execute(select(jobs.c.id).where(jobs.c.due <= now).limit(1)).first() is None:
                return None
        while True:
            with self.database.writing() as db:
                now = self.database.now(db)
                job = _next(db, now)
                if job is None:
                    return None
                if job.attempts < self.attempts:
                    return self._lease(db, job, now)
                self._bury(db, job, now)

    def _lease(self, db: Connection, job: Job, now: float) -> Leased:
        lease = str(uuid.uuid4())
        changed = {
            "state": "running",
            "stage": "fetching" if job.source == "url" else "reading",
            "progress": 0.05,
            "started": now,
            "lease": lease,
            "worker": self.worker,
            "attempts": job.attempts + 1,
            "due": now + self.lease_s,
            "version": jobs.c.version + 1,
        }
        row = db.execute(
            update(jobs).where(jobs.c.id == job.id).values(changed).returning(*COLUMNS)
        ).mappings()
        return Leased(of_row(row.one()), lease)

    def _bury(self, db: Connection, job: Job, now: float) -> None:
        """End a job whose workers died as often as it may be tried."""
        said = f"its worker died {job.attempts} times; look for it in the dead letters"
        error = json.dumps(described("worker-lost", said, 500))
        db.execute(update(jobs).where(jobs.c.id == job.id).values(_ended("failed", now, error)))

    def extend(self, leases: Sequence[str]) -> int:
        """Keep jobs ours for another while; return how many still are."""
        if not leases:
            return 0
        with self.database.writing() as db:
            due = self.database.now(db) + self.lease_s
            found = db.execute(update(jobs).where(jobs.c.lease.in_(leases)).values(due=due))
            return _count(found)

    def progress(self, lease: str, stage: str, share: float) -> None:
        """Tell how far a job is."""
        changed = {"stage": stage, "progress": share, "version": jobs.c.version + 1}
        with self.database.writing() as db:
            db.execute(update(jobs).where(jobs.c.lease == lease).values(changed))

    def finish(self, leased: Leased, outcome: Outcome) -> bool:
        """Write what was found; False, and nothing written, when the job is no longer ours.

        What another try may change is tried again, as often as is allowed.
        """
        with self.database.writing() as db:
            now = self.database.now(db)
            if not outcome.is_lasting and leased.job.attempts < self.attempts:
                changed = _again(now + BACKOFF_S * leased.job.attempts)
            else:
                changed = _final(outcome, now)
            ours = (jobs.c.id == leased.job.id) & (jobs.c.lease == leased.lease)
            if _count(db.execute(update(jobs).where(ours).values(changed))) == 0:
                return False
            if changed["state"] != "queued":
                _keep(db, leased.job.id, outcome)
            return True

    def release(self, worker: str) -> int:
        """Give up the leases of a worker that is known to be dead; return how many it had."""
        with self.database.writing() as db:
            theirs = (jobs.c.worker == worker) & (jobs.c.state == "running")
            due = self.database.now(db)
            released = {"due": due, "lease": str(uuid.uuid4())}  # a late write finds no lease
            db.execute(delete(workers).where(workers.c.id == worker))
            return _count(db.execute(update(jobs).where(theirs).values(released)))

    def give_back(self, leased: Leased) -> None:
        """Put a job back into the queue as if it had not been begun."""
        with self.database.writing() as db:
            changed = _again(self.database.now(db)) | {"attempts": leased.job.attempts - 1}
            db.execute(update(jobs).where(jobs.c.lease == leased.lease).values(changed))

    def seen(self, facts: Mapping[str, object]) -> None:
        """Tell that this worker lives. facts: host, pid, slots, version."""
        with self.database.writing() as db:
            now = self.database.now(db)
            mine = workers.c.id == self.worker
            if _count(db.execute(update(workers).where(mine).values(seen=now))) == 0:
                row = {"id": self.worker, "started": now, "seen": now, **facts}
                db.execute(insert(workers).values(row))

    def gone(self) -> None:
        """Tell that this worker ends."""
        with self.database.writing() as db:
            db.execute(delete(workers).where(workers.c.id == self.worker))


def _next(db: Connection, now: float) -> Job | None:
    found = db.execute(
        select(*COLUMNS)
        .where(jobs.c.due <= now)
        .order_by(jobs.c.due)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer at a time anyway
    ).mappings()
    row = found.first()
    return of_row(row) if row else None


def _again(due: float) -> dict[str, object]:
    return {
        "state": "queued",
        "stage": "",
        "progress": 0.0,
        "lease": None,
        "worker": None,
        "due": due,
        "version": jobs.c.version + 1,
    }


def _ended(state: str, now: float, error: str | None, is_dead: bool = True) -> dict[str, object]:
    return {
        "state": state,
        "stage": "",
        "progress": 1.0,
        "finished": now,
        "due": None,
        "lease": None,
        "error": error,
        "is_dead": is_dead,
        "version": jobs.c.version + 1,
    } | ({"same": None} if is_dead else {})


def _final(outcome: Outcome, now: float) -> dict[str, object]:
    error = json.dumps(outcome.error) if outcome.error else None
    is_dead = error is not None and not outcome.is_lasting
    changed = _ended("failed" if error else "done", now, error, is_dead)
    changed["maps"] = json.dumps(list(outcome.maps))
    for name in ("sha256", "size", "is_file_kept"):
        if (value := getattr(outcome, name)) is not None:
            changed[name] = value
    return changed | (_summary(outcome.report) if outcome.report else {})


def _summary(report: Report) -> dict[str, object]:
    media, verdict = report.media, report.verdict
    found: dict[str, object] = {}
    if media is not None:
        found |= {"kind": media.kind, "provenance": media.provenance.state}
    if verdict is not None:
        low, high = verdict.interval
        found |= {
            "decision": verdict.decision,
            "probability": float(verdict.probability),
            "low": float(low),
            "high": float(high),
            "sentence": verdict.sentence,
            "claim": verdict.claim,
        }
    return found


def _keep(db: Connection, job: str, outcome: Outcome) -> None:
    db.execute(delete(results).where(results.c.job == job))
    db.execute(delete(maps).where(maps.c.job == job))
    if outcome.line is not None:
        db.execute(insert(results).values(job=job, line=outcome.line))
    rows = [{"job": job, "name": name, "png": png} for name, png in outcome.maps.items()]
    if rows:
        db.execute(insert(maps), rows)


def _count(result: "CursorResult[Any]") -> int:
    return int(result.rowcount)
