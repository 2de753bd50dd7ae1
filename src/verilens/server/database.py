"""The database: its tables, and transactions that read or write.

SQLite (write-ahead log) or PostgreSQL, through the same statements. Times are seconds since 1970,
UTC; those that leases depend on are the database's own, so clocks of workers need not agree.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from verilens.errors import ConfigError, MissingExtra, StoreError

SCHEMA = 2
BUSY_S = 5.0  # how long a statement waits for others before it gives up
GONE = (OperationalError, InterfaceError, PoolTimeout)

tables = MetaData()


def _sorted(length: int) -> String:
    """Return the type of a text that is compared by its bytes, whatever language the base is in."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


meta = Table("verilens_server", tables, Column("schema", Integer, primary_key=True))

jobs = Table(
    "jobs",
    tables,
    Column("id", _sorted(36), primary_key=True),  # rises with time
    Column("name", Text, nullable=False),
    Column("source", String(8), nullable=False),
    Column("url", Text),
    Column("batch", String(36)),
    Column("owner", String(16), nullable=False),
    Column("question", Text, nullable=False),  # what is asked of the file, JSON
    Column("sha256", _sorted(64)),
    Column("size", BigInteger),
    Column("same", String(160)),  # content and question; unique while it answers for others
    Column("idempotency", Text),  # key and Idempotency-Key
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("state", String(8), nullable=False),
    Column("stage", String(16), nullable=False, default=""),
    Column("progress", Float, nullable=False, default=0.0),
    Column("version", Integer, nullable=False, default=0),  # rises with every change
    Column("attempts", Integer, nullable=False, default=0),
    Column("due", Float),  # when a worker may take it; None when it has ended
    Column("lease", String(36)),
    Column("worker", String(36)),
    Column("is_dead", Boolean, nullable=False, default=False),
    Column("error", Text),
    Column("kind", String(8)),
    Column("decision", String(16)),
    Column("probability", Float),
    Column("low", Float),
    Column("high", Float),
    Column("sentence", Text),
    Column("claim", String(16)),
    Column("provenance", String(16)),
    Column("maps", Text, nullable=False, default="[]"),
    Column("is_file_kept", Boolean, nullable=False, default=False),
    Column("preview", String(32)),  # its media type; "" when there is none; None: not made yet
    Index("jobs_due", "due"),
    Index("jobs_state", "state", "id"),
    Index("jobs_decision", "decision", "id"),
    Index("jobs_kind", "kind", "id"),
    Index("jobs_name", "name", "id"),
    Index("jobs_size", "size", "id"),
    Index("jobs_probability", "probability", "id"),
    Index("jobs_kept", "is_file_kept", "finished"),
    Index("jobs_dead", "is_dead", "id"),
    Index("jobs_sha256", "sha256"),
    Index("jobs_same", "same", unique=True),
    Index("jobs_idempotency", "idempotency", unique=True),
)

results = Table(
    "results",
    tables,
    Column("job", String(36), primary_key=True),
    Column("line", Text, nullable=False),
)

maps = Table(
    "maps",
    tables,
    Column("job", String(36), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("png", LargeBinary, nullable=False),
)

terms = Table(  # the words of a job's name, for the search
    "terms",
    tables,
    Column("term", _sorted(64), primary_key=True),
    Column("job", _sorted(36), primary_key=True),
    Index("terms_job", "job"),
)

batches = Table(
    "batches",
    tables,
    Column("id", String(36), primary_key=True),
    Column("created", Float, nullable=False),
    Column("owner", String(16), nullable=False),
    Column("idempotency", Text),  # key and Idempotency-Key
    Index("batches_idempotency", "idempotency", unique=True),
)

members = Table(  # of a batch: also jobs that answered it before it was sent
    "members",
    tables,
    Column("batch", String(36), primary_key=True),
    Column("job", _sorted(36), primary_key=True),
    Index("members_job", "job"),
)

uploads = Table(
    "uploads",
    tables,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64)),
    Column("offset", BigInteger, nullable=False),
    Column("owner", String(16), nullable=False),
    Column("expires", Float, nullable=False),
    Column("job", String(36)),  # what became of it, once it is complete
    Index("uploads_expires", "expires"),
)

keys = Table(
    "keys",
    tables,
    Column("id", String(16), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", String(32), nullable=False),
    Column("rate", Float),
    Column("max_bytes", BigInteger),
    Column("created", Float, nullable=False),
    Column("last_used", Float),
)

audit = Table(
    "audit",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("key", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("job", String(36)),
    Column("detail", Text, nullable=False, default=""),
    Index("audit_at", "at"),
)

workers = Table(
    "workers",
    tables,
    Column("id", String(36), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started", Float, nullable=False),
    Column("seen", Float, nullable=False),
)


class Database:
    """An open database. Safe to share between threads, not between processes."""

    def __init__(self, url: str, is_durable: bool = True) -> None:
        """Open the database, making its tables. ConfigError, MissingExtra or StoreError.

        is_durable: what is written outlives a power cut. Without, the last writes may be undone by
            one (SQLite): enough for workers, as a job is then only done again.
        """
        self.engine = _engine(url, is_durable)
        self._writer = self.engine.execution_options(verilens_writes=True)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        try:
            self._prepare()
        except GONE as error:
            shown = make_url(url).render_as_string(hide_password=True)
            raise StoreError(f"cannot open the database {shown}: {error.orig}") from error  # type: ignore[union-attr]

    def _prepare(self) -> None:
        with self.writing() as db:
            if not self.is_sqlite:
                db.execute(text("SELECT pg_advisory_xact_lock(827364)"))
            tables.create_all(db)
            found = db.execute(select(meta.c.schema)).scalar()
            if found is None:
                db.execute(insert(meta).values(schema=SCHEMA))
            elif found != SCHEMA:
                raise StoreError(
                    f"the database is of another version of verilens (layout {found}); "
                    "name another with --database"
                )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection whose reads agree with each other."""
        with self.engine.begin() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection for changes; they are kept, all of them, when the block ends well."""
        with self._writer.begin() as db:
            yield db

    def now(self, db: Connection) -> float:
        """Return the database's time in seconds since 1970."""
        if self.is_sqlite:
            return time.time()
        found: Any = db.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
        return float(found)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def is_gone(error: BaseException) -> bool:
    """Tell whether an error means that the database cannot be reached, or not now."""
    return isinstance(error, GONE) or (
        isinstance(error, DBAPIError) and bool(error.connection_invalidated)
    )


def is_full(error: BaseException) -> bool:
    """Tell whether an error means that the database's disk is full."""
    said = str(getattr(error, "orig", "")).lower()
    return isinstance(error, GONE) and ("is full" in said or "no space left" in said)


def _engine(url: str, is_durable: bool) -> Engine:
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"--database: {url!r} is no database URL; try sqlite:///FILE") from error
    if parts.drivername in ("postgresql", "postgres"):
        parts = parts.set(drivername="postgresql+psycopg")
    backend = parts.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parts.database or "", parts.render_as_string(), is_durable)
    if backend != "postgresql":
        raise ConfigError(f"--database: sqlite and postgresql are known, not {backend}")
    try:
        return create_engine(
            parts,
            pool_size=10,
            max_overflow=30,
            pool_timeout=BUSY_S,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 3},
        )
    except ModuleNotFoundError as error:
        raise MissingExtra("PostgreSQL needs: pip install 'verilens[server]'") from error


def _sqlite(path: str, url: str, is_durable: bool) -> Engine:
    if not path or path == ":memory:":
        raise ConfigError("--database: SQLite needs a file that processes share, sqlite:///FILE")
    engine = create_engine(
        url, pool_size=10, max_overflow=30, pool_timeout=BUSY_S, connect_args={"timeout": BUSY_S}
    )
    event.listen(engine, "connect", partial(_tune, "FULL" if is_durable else "NORMAL"))
    event.listen(engine, "begin", _begin)
    return engine


def _tune(synchronous: str, connection: Any, record: object) -> None:
    """Leave transactions to us, and let readers and one writer work side by side."""
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between.
    is_write = connection.get_execution_options().get("verilens_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
