"""What `verilens serve` does once its options are read: check, start, show."""

import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from verilens.allocator import keep_freed_memory
from verilens.errors import ConfigError, MissingExtra

BELOW = 5  # workers give way to the process that answers

if TYPE_CHECKING:
    from verilens.server.database import Database
    from verilens.server.keys import Key
    from verilens.server.settings import Access, Places, Settings, Work
    from verilens.server.worker import Worker


def places(data: Path | None, database: str | None, blobs: str | None) -> "Places":
    """Return where things lie, their folder made."""
    _require()
    from verilens.server.settings import Places, data_folder

    folder = (data or data_folder()).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"cannot keep anything in {folder}: {error.strerror}") from error
    return Places.below(folder, database, blobs)


def work(
    methods: str | None, timeout: float, jobs: int | None, attempts: int, allow_private: bool
) -> "Work":
    """Return how workers work."""
    from verilens.cli import run
    from verilens.server.settings import Work

    return Work(
        methods=run.named(methods),
        timeout_s=timeout,
        slots=jobs,
        attempts=attempts,
        allow_private=allow_private,
    )


@contextmanager
def database(data: Path | None, url: str | None) -> "Iterator[Database]":
    """Give the database of a server."""
    where = places(data, url, None).database
    from verilens.server.database import Database

    with closing(Database(where)) as opened:
        yield opened


def serve(settings: "Settings", workers: int, auth: bool | None) -> None:
    """Serve until told to stop."""
    from verilens.server.daemon import Daemon

    settings = dataclasses.replace(settings, access=_access(settings, auth))
    os.umask(0o077)  # what is kept is for this user alone
    keep_freed_memory()
    with Daemon(settings, workers) as daemon:
        _greet(settings, daemon.url)
        daemon.run()


def serve_on_ray(
    settings: "Settings", auth: bool | None, size: tuple[int, int], address: str | None
) -> None:
    """Serve on Ray until told to stop. size: workers, replicas."""
    from verilens.cluster.serve import Size, serving

    settings = dataclasses.replace(settings, access=_access(settings, auth))
    workers, replicas = size
    with serving(settings, Size(workers=workers, replicas=replicas), address) as url:
        _greet(settings, url)
        threading.Event().wait()


def _greet(settings: "Settings", url: str) -> None:
    typer.echo(f"verilens serves at {url}  (stop with Ctrl-C)")
    if settings.access.is_open:
        typer.echo("open to everybody on this machine; see 'verilens serve keys create'")
    sys.stdout.flush()


def _access(settings: "Settings", auth: bool | None) -> "Access":
    """Return who may talk to the server. ConfigError where that would be everybody."""
    from verilens.server import keys
    from verilens.server.database import Database
    from verilens.server.settings import LOOPBACK

    access = settings.access
    is_local = access.host in LOOPBACK and not access.hosts
    with closing(Database(settings.places.database)) as opened:
        has_keys = bool(keys.listed(opened))
    if auth is False and not is_local:
        raise ConfigError("--no-auth is for loopback only; make a key and leave it out")
    is_open = is_local and not has_keys if auth is None else not auth
    if not is_open and not has_keys:
        raise ConfigError(
            "there is no key yet, so nobody could get in; make one first: "
            "verilens serve keys create NAME --scope admin"
        )
    names = (*LOOPBACK, *access.hosts) if access.host in LOOPBACK else access.hosts
    return dataclasses.replace(access, is_open=is_open, hosts=names)


def work_here(settings: "Settings") -> None:
    """Be a worker until told to stop, or until whoever started us is gone."""
    from verilens.server.worker import Worker

    os.umask(0o077)
    keep_freed_memory()
    worker = Worker(settings, os.environ.get("VERILENS_WORKER"))

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    is_ours = os.environ.get("VERILENS_WORKER") is not None
    if is_ours:
        os.nice(BELOW)
        threading.Thread(target=_listen, args=(worker,), daemon=True).start()
    else:
        typer.echo(f"worker {worker.name}: {worker.slots} files at a time (stop with Ctrl-C)")
    worker.run(_tell if is_ours else lambda job: None)
    sys.stdout.flush()
    os._exit(0)  # threads may be deep inside a network; their leases are given back


def _listen(worker: "Worker") -> None:
    """Wake the worker with every byte of standard input; stop it at its end."""
    while os.read(0, 4096):
        worker.wake()
    worker.stop()


def _tell(job: str) -> None:
    """Tell whoever started us that a job has ended, or has a preview."""
    try:
        os.write(1, job.encode() + b"\n")
    except OSError:
        return


def row(key: "Key") -> dict[str, object]:
    """Return a key as plain values."""
    from verilens.server.schemas import key_out

    return key_out(key).model_dump()


def show(found: "Sequence[Key]") -> None:
    """Print keys as a table."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("id", "name", "scopes", "last used", box=None, pad_edge=False)
    for key in found:
        facts = row(key)
        cells = (key.id, key.name, " ".join(key.scopes), str(facts["last_used"] or "never"))
        table.add_row(*(escape(cell) for cell in cells))
    Console(highlight=False).print(table)


def _require() -> None:
    try:
        import fastapi
        import fsspec
        import prometheus_client
        import python_multipart
        import sqlalchemy
        import uvicorn

        del fastapi, fsspec, prometheus_client, python_multipart, sqlalchemy, uvicorn
    except ImportError as error:
        raise MissingExtra(
            f"the server needs {error.name}: pip install 'verilens[server]'"
        ) from error
