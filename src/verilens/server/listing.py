"""Lists of jobs, page by page. Every order has an index: a page costs the same in a large table."""

import base64
import json
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from verilens.server.database import Database, jobs, members, terms
from verilens.server.jobs import COLUMNS, Job, of_row, words
from verilens.server.problems import Problem
from verilens.server.schemas import Counts, Filters

COUNTED = 10_000  # matches are counted up to here
HASH = 8  # letters from which a word may be the start of a SHA-256


class Page(NamedTuple):
    """Some jobs, and where the next ones begin."""

    jobs: list[Job]
    next: str | None
    total: int


def page(database: Database, filters: Filters, only_dead: bool = False) -> Page:
    """Return a page of the jobs that match. Problem 422 for a cursor that is none of ours."""
    matching = _conditions(filters)
    if only_dead:
        matching.append(jobs.c.is_dead.is_(True))
    is_down, column = filters.sort.startswith("-"), _column(filters.sort)
    if column is jobs.c.probability:
        matching.append(jobs.c.probability.is_not(None))
    after = [] if filters.cursor is None else [_after(filters.cursor, column, is_down)]
    query = select(*COLUMNS).where(*matching, *after).limit(filters.limit + 1)
    with database.reading() as db:
        rows = db.execute(_ordered(query, column, is_down)).mappings().all()
        total = _total(db, matching)
    found = [of_row(row) for row in rows[: filters.limit]]
    more = len(rows) > filters.limit
    return Page(found, _cursor(found[-1], column) if more else None, total)


def counts(database: Database, batch: str) -> Counts:
    """Return how many jobs of a batch are in each state."""
    query = select(jobs.c.state, func.count()).where(_in_batch(batch)).group_by(jobs.c.state)
    with database.reading() as db:
        return Counts(**{row[0]: row[1] for row in db.execute(query)})


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found = [
        jobs.c[name] == value
        for name in ("state", "decision", "kind")
        if (value := getattr(filters, name)) is not None
    ]
    if filters.batch is not None:
        found.append(_in_batch(filters.batch))
    if filters.since is not None:
        found.append(jobs.c.id >= _first_id(filters.since.timestamp()))
    if filters.until is not None:
        found.append(jobs.c.id < _first_id(filters.until.timestamp()))
    return found + [_mentions(word) for word in words(filters.q)]


def _in_batch(batch: str) -> ColumnElement[bool]:
    return jobs.c.id.in_(select(members.c.job).where(members.c.batch == batch))


def _mentions(word: str) -> ColumnElement[bool]:
    """Match jobs with a word that starts so in their name, or such a SHA-256."""
    begins = and_(terms.c.term >= word, terms.c.term < word + "\U0010ffff")
    in_name = jobs.c.id.in_(select(terms.c.job).where(begins))
    if len(word) >= HASH and set(word) <= set("0123456789abcdef"):
        return or_(in_name, and_(jobs.c.sha256 >= word, jobs.c.sha256 < word + "g"))
    return in_name


def _first_id(at: float) -> str:
    """Return what ids of that moment start with: ids are made of time."""
    digits = f"{min(max(0, round(at * 1000)), (1 << 48) - 1):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _column(sort: str) -> ColumnElement[Any]:
    name = sort.removeprefix("-")
    return jobs.c.id if name == "created" else jobs.c[name]


def _ordered(query: Select[Any], column: ColumnElement[Any], is_down: bool) -> Select[Any]:
    columns = [column] if column is jobs.c.id else [column, jobs.c.id]
    return query.order_by(*(c.desc() if is_down else c.asc() for c in columns))


def _cursor(job: Job, column: ColumnElement[Any]) -> str:
    value = getattr(job, str(column.key))
    return base64.urlsafe_b64encode(json.dumps([value, job.id]).encode()).decode().rstrip("=")


def _after(cursor: str, column: ColumnElement[Any], is_down: bool) -> ColumnElement[bool]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        value, job = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        kind = str if column is jobs.c.id or column is jobs.c.name else (int, float)
        is_wild = "\0" in f"{value}{job}" or (kind is not str and not abs(value) < 1 << 62)
        if not isinstance(job, str) or not isinstance(value, kind) or is_wild:
            raise ValueError
    except (ValueError, TypeError, RecursionError) as error:
        raise Problem(422, "invalid", "this cursor is none of ours; start without one") from error
    if column is jobs.c.id:
        return jobs.c.id < job if is_down else jobs.c.id > job
    beyond = column < value if is_down else column > value
    return or_(beyond, and_(column == value, jobs.c.id < job if is_down else jobs.c.id > job))


def _total(db: Connection, matching: list[ColumnElement[bool]]) -> int:
    few = select(jobs.c.id).where(*matching).limit(COUNTED).subquery()
    return int(db.execute(select(func.count()).select_from(few)).scalar_one())
