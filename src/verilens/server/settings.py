"""Where a server keeps things, what it allows, and how its workers work."""

import os
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def data_folder() -> Path:
    """Return the folder of a server that was told none: $XDG_DATA_HOME/verilens."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "verilens" / "serve"


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things lie.

    database: an SQLAlchemy URL, sqlite:///FILE or postgresql://... blobs: a folder, or what fsspec
    reads, e.g. s3://bucket/prefix. staging: a local folder for files on their way in. audit: the
    log of who did what, a line of JSON each.
    """

    database: str
    blobs: str
    staging: Path
    audit: Path

    @classmethod
    def below(cls, data: Path, database: str | None = None, blobs: str | None = None) -> "Places":
        """Return the places below one folder, the database and the blobs elsewhere if told so."""
        return cls(
            database=database or f"sqlite:///{data / 'jobs.sqlite'}",
            blobs=blobs or str(data / "blobs"),
            staging=data / "staging",
            audit=data / "audit.jsonl",
        )


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the server takes in and keeps.

    max_bytes: of one file. chunk_bytes: of one piece of a resumable upload. batch_files: in one
    request. queue: jobs that may wait. rate: requests a minute and key; None: any number.
    uploads_per_key, uploads: requests with a body at once. idle_s: silence after which an upload
    is given up; after grace_s it must also have come at least_rate bytes a second. header_s: for
    the head of a request. retention_h: hours a file stays after its job ended. upload_h: hours an
    unfinished upload stays.
    """

    max_bytes: int = 4 << 30
    chunk_bytes: int = 8 * MIB
    batch_files: int = 100
    queue: int = 10_000
    rate: float | None = 1200.0
    uploads_per_key: int = 16
    uploads: int = 256
    idle_s: float = 20.0
    grace_s: float = 20.0
    least_rate: float = 1024.0
    header_s: float = 15.0
    retention_h: float = 24.0
    upload_h: float = 24.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """How workers work.

    methods, backend, timeout_s, allow_private: as of `options.Options`. slots: files at a time in
    one worker; None: one a core. attempts: how often a job is tried. lease_s: after this long
    without a sign of life of its worker a job is anybody's. preview_s: seconds of work a preview
    may cost.
    """

    methods: tuple[str, ...] | None = None
    timeout_s: float = 60.0
    allow_private: bool = False
    slots: int | None = None
    attempts: int = 3
    lease_s: float = 30.0
    poll_s: float = 0.2
    preview_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may talk to the server.

    is_open: without keys; only ever on loopback. hosts: names a request may be addressed to, empty
    for any. origins: pages of other sites that may call.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    is_open: bool = False
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a server is told."""

    places: Places
    rules: Rules = field(default_factory=Rules)
    work: Work = field(default_factory=Work)
    access: Access = field(default_factory=Access)
