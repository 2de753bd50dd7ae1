"""`verilens serve` on Ray: the application as a Ray Serve deployment, workers as actors.

    clients -> [Ray Serve's proxy] -> [replica of the application] -> database <- [workers]

The application and the workers are those of the local engine; they meet in the database, where
jobs are leased, so a worker or a replica that dies loses nothing. Ray starts them again, on
whatever node has room.
"""

import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from verilens.cluster.session import Place, imported, on_purpose, started
from verilens.cluster.worker import check_alike
from verilens.errors import ConfigError, MissingExtra
from verilens.options import Options, cores, fingerprint
from verilens.server.settings import Settings

NAME = "verilens"
REQUESTS = 1000  # at once in a replica; streams of events are long ones
STOP_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is started. workers: scan workers. replicas: of the application."""

    workers: int = 1
    replicas: int = 1


class ServeWorker:
    """A worker of the server that works from its first to its last moment; an actor."""

    def __init__(self, settings: Settings, expected: str) -> None:
        """expected: the fingerprint of the node of the command."""
        from verilens.allocator import keep_freed_memory
        from verilens.server.worker import Worker

        keep_freed_memory()
        self._trouble: ConfigError | None = None
        try:
            check_alike(_options(settings), expected)
        except ConfigError as error:
            self._trouble = error
            return
        self._worker = Worker(settings)
        self._thread = threading.Thread(target=self._worker.run, daemon=True)
        self._thread.start()

    def name(self) -> str:
        """Return the name it is known by in the database; ConfigError for one that cannot work."""
        if self._trouble is not None:
            raise self._trouble
        return self._worker.name

    def stop(self) -> None:
        """Give back what is under way."""
        if self._trouble is not None:
            return
        self._worker.stop()
        self._thread.join(STOP_S)


@contextmanager
def serving(settings: Settings, size: Size, address: str | None = None) -> Iterator[str]:
    """Serve while the block runs; give the address of the page. ConfigError."""
    slots = settings.work.slots or cores()
    work = dataclasses.replace(settings.work, slots=slots)
    settings = dataclasses.replace(settings, work=work)
    expected = fingerprint(_options(settings))
    place = Place(address=address, workers=max(1, size.workers * slots))
    ray, serve = imported(place), _serve()
    with started(place):
        _check_database(settings, sum(node["Alive"] for node in ray.nodes()))
        actor = ray.remote(ServeWorker).options(num_cpus=slots, max_restarts=-1)
        workers = [actor.remote(settings, expected) for _ in range(size.workers)]
        try:
            with on_purpose():
                ray.get([worker.name.remote() for worker in workers])
            yield _deployed(serve, settings, size.replicas)
        finally:
            with suppress(ray.exceptions.RayError):
                ray.get([worker.stop.remote() for worker in workers], timeout=STOP_S)
            serve.shutdown()


def _deployed(serve: Any, settings: Settings, replicas: int) -> str:
    """Deploy the application; return its address."""
    access = settings.access
    port = access.port or _free_port(access.host)
    serve.start(http_options={"host": access.host, "port": port}, logging_config={"log_level": 40})
    deployment = serve.deployment(
        name=NAME,
        num_replicas=replicas,
        max_ongoing_requests=REQUESTS,
        ray_actor_options={"num_cpus": 0},
    )
    application = deployment(serve.ingress(_builder(settings))())
    serve.run(application.bind(), name=NAME, route_prefix="/")
    host = "127.0.0.1" if access.host == "0.0.0.0" else access.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def _builder(settings: Settings) -> Callable[[], Any]:
    """Return what makes the application in a replica."""

    def build() -> Any:
        from verilens.server.app import create_app

        return create_app(settings)

    return build


def _check_database(settings: Settings, nodes: int) -> None:
    if nodes > 1 and settings.places.database.startswith("sqlite"):
        raise ConfigError(
            f"SQLite is for one machine and this cluster has {nodes} nodes: give --database "
            "postgresql://... and --blobs in a place that all of them see"
        )


def _options(settings: Settings) -> Options:
    return Options(methods=settings.work.methods)


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _serve() -> Any:
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtra(
            f"serving on Ray needs {error.name}: pip install 'verilens[ray]'"
        ) from error
    return serve
