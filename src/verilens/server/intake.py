"""Taking jobs in: once for each content and question, once for each Idempotency-Key."""

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from verilens.server import ids
from verilens.server.audit import Act
from verilens.server.database import Database, batches, jobs, members, terms
from verilens.server.jobs import COLUMNS, Job, Question, find, of_row, words
from verilens.server.problems import Problem, not_found


@dataclass(frozen=True, kw_only=True)
class Order:
    """A job to be made. id: also the name of its file, which is in place already.

    sha256, size: of an upload. is_fresh: scan it although its answer may be known. idempotency: the
    client's own key of this request. is_private: who sends it may not read the jobs of others.
    """

    id: str
    name: str
    source: Literal["upload", "url"]
    owner: str
    question: Question
    url: str | None = None
    sha256: str | None = None
    size: int | None = None
    batch: str | None = None
    is_fresh: bool = False
    idempotency: str | None = None
    is_private: bool = False

    @property
    def same(self) -> str | None:
        """What jobs with the same answer share: content and question."""
        if self.sha256 is None:
            return None
        shared = f"{self.sha256}:{self.question.fingerprint}"
        return f"{shared}:{self.owner}" if self.is_private else shared

    @property
    def unique(self) -> str | None:
        """The client's key of the request, apart for each owner."""
        return unique(self.owner, self.idempotency)


class Taken(NamedTuple):
    """A job, whether it was made just now, and what was written down of it."""

    job: Job
    is_new: bool
    act: Act | None = None

    @property
    def action(self) -> str:
        """What it is called in the audit."""
        return "submit" if self.is_new else "submit-known"


def unique(owner: str, key: str | None) -> str | None:
    """Return what an Idempotency-Key is kept as, apart for each owner; None without one."""
    return None if key is None else f"{owner}:{hashlib.sha256(key.encode()).hexdigest()}"


def take(database: Database, order: Order) -> Taken:
    """Return the job of an order: a new one, or the one that answers it already.

    Problem 422 when the Idempotency-Key stands for another request.
    """
    for _ in range(3):
        try:
            with database.writing() as db:
                taken = _taken(db, database.now(db), order)
                act = Act(key=order.owner, action=taken.action, job=taken.job.id)
                act.keep(db)
                return taken._replace(act=act)
        except IntegrityError:  # another took the same in between; now it is there
            continue
    raise Problem(503, "unavailable", "too many of the same at once; try again", retry_after=1)


def known(database: Database, order: Order) -> Job | None:
    """Return the job that answers an order already."""
    with database.reading() as db:
        return _answering(db, order)


def waiting(database: Database, most: int) -> int:
    """Return how many jobs wait, counted up to `most`."""
    few = select(jobs.c.id).where(jobs.c.state == "queued").limit(most).subquery()
    with database.reading() as db:
        return int(db.execute(select(func.count()).select_from(few)).scalar_one())


def new_batch(database: Database, owner: str, key: str | None = None) -> str:
    """Return the id of a new batch, or of the one that the same Idempotency-Key began."""
    once = unique(owner, key)
    with database.writing() as db:
        if once is not None:
            asked = select(batches.c.id).where(batches.c.idempotency == once)
            if (found := db.execute(asked).scalar()) is not None:
                return str(found)
        row = {"id": ids.new(), "owner": owner, "created": database.now(db), "idempotency": once}
        db.execute(insert(batches).values(row))
    return str(row["id"])


def _taken(db: Connection, now: float, order: Order) -> Taken:
    found = _answering(db, order)
    if found is not None:
        _join(db, order.batch, found.id)
        return Taken(found, False)
    if order.same is not None:  # from now on this one answers
        db.execute(update(jobs).where(jobs.c.same == order.same).values(same=None))
    db.execute(
        insert(jobs).values(
            id=order.id,
            name=order.name,
            source=order.source,
            url=order.url,
            batch=order.batch,
            owner=order.owner,
            question=order.question.dumps(),
            sha256=order.sha256,
            size=order.size,
            same=order.same,
            idempotency=order.unique,
            created=now,
            due=now,
            state="queued",
            is_file_kept=order.source == "upload",
        )
    )
    rows = [{"term": word, "job": order.id} for word in words(order.name)]
    if rows:
        db.execute(insert(terms), rows)
    _join(db, order.batch, order.id)
    made = find(db, order.id)
    assert made is not None
    return Taken(made, True)


def _join(db: Connection, batch: str | None, job: str) -> None:
    """Make a job a member of a batch, once."""
    if batch is None:
        return
    is_member = (members.c.batch == batch) & (members.c.job == job)
    if db.execute(select(members.c.job).where(is_member)).first() is None:
        db.execute(insert(members).values(batch=batch, job=job))


def _answering(db: Connection, order: Order) -> Job | None:
    if order.unique is not None:
        condition = jobs.c.idempotency == order.unique
        row = db.execute(select(*COLUMNS).where(condition)).mappings().first()
        if row is not None:
            return _checked(of_row(row), order)
    if order.same is None or order.is_fresh:
        return None
    row = db.execute(select(*COLUMNS).where(jobs.c.same == order.same)).mappings().first()
    return of_row(row) if row else None


def _checked(job: Job, order: Order) -> Job:
    """Return the job if it was made for the same request."""
    is_same = job.question == order.question.dumps() and (
        job.url == order.url if order.source == "url" else job.sha256 == order.sha256
    )
    if is_same:
        return job
    detail = "this Idempotency-Key was sent before with another file or question; take a new one"
    raise Problem(422, "idempotency", detail)


def retry(database: Database, job: str) -> Job:
    """Put a job that failed back into the queue, its tries counted anew. Problem 404 or 409."""
    with database.writing() as db:
        found = find(db, job)
        if found is None:
            raise not_found("job")
        if found.state != "failed":
            raise Problem(409, "not-done", f"the job is {found.state}; a failed one is retried")
        if found.source == "upload" and not found.is_file_kept:
            raise Problem(409, "no-file", "its file is deleted already; send it again")
        changed = {
            "state": "queued",
            "due": database.now(db),
            "attempts": 0,
            "progress": 0.0,
            "finished": None,
            "error": None,
            "is_dead": False,
            "version": jobs.c.version + 1,
        }
        db.execute(update(jobs).where(jobs.c.id == job).values(changed))
        again = find(db, job)
    assert again is not None
    return again
