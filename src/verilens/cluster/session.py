"""A Ray to work on: one of our own that ends with us, or a cluster that is there already."""

import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import ModuleType

from verilens.errors import ConfigError, MissingExtra, VerilensError
from verilens.options import cores

OBJECTS_BYTES = 200 << 20  # names and lines of JSON pass through Ray, never pictures
# Set before Ray is imported: nothing is sent to its makers, and it keeps quiet.
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
CONNECT_S = 5.0
LOOPBACK = "127.0.0.1"
# Some ports of Ray listen everywhere, and who reaches them runs code: our own asks for a token.
GUARD = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a scan runs.

    address: None starts a Ray on this machine, reachable from it alone; "auto" is the cluster this
    machine belongs to, HOST:PORT another one. workers: files at a time; None: one a core.
    """

    address: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"workers must be at least 1, not {self.workers}")
        if self.address is not None and self.address.startswith("ray://"):
            raise ConfigError(
                "--address ray://... is a client outside the cluster; start the command on one of "
                "its nodes, with --address auto"
            )


@contextmanager
def started(place: Place) -> Iterator[int]:
    """Join or start Ray while the block runs; give the number of workers that fit."""
    if place.address not in (None, "auto"):
        _check_reachable(place.address)
    ray = imported(place)
    for name in ("ray", "ray.data", "ray.serve"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is raised, too
    with _own_signals():
        try:
            if place.address is None:
                ray.init(
                    address="local",
                    num_cpus=place.workers or cores(),
                    object_store_memory=OBJECTS_BYTES,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _node_ip_address=LOOPBACK,
                )
            else:
                ray.init(address=place.address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ConfigError(f"cannot use Ray at {place.address or LOOPBACK}: {error}") from error
    try:
        yield place.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise ConfigError for what is no HOST:PORT, or where nothing listens; Ray takes minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"--address must be auto or HOST:PORT, not '{address}'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except OSError as error:
        raise ConfigError(
            f"cannot use Ray at {address}: {error}; start it there with 'ray start --head'"
        ) from error


def imported(place: Place) -> ModuleType:
    """Return Ray, told where it will work before it is loaded; MissingExtra."""
    settings = ENVIRONMENT if place.address else ENVIRONMENT | GUARD
    if "ray" not in sys.modules:
        for name, value in settings.items():
            os.environ.setdefault(name, value)
    try:
        with _own_signals():
            import ray
            import ray.data
    except ImportError as error:
        raise MissingExtra(
            f"engine 'ray' needs {error.name}: pip install 'verilens[ray]'"
        ) from error
    found: ModuleType = ray
    return found


@contextmanager
def on_purpose() -> Iterator[None]:
    """Raise what an actor raised on purpose, without Ray's account of the way it took."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        cause = getattr(error, "cause", None)
        raise cause if isinstance(cause, VerilensError) else error from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our handler of SIGTERM, which Ray would replace."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with suppress(TypeError):  # one that was not set by Python
            signal.signal(signal.SIGTERM, before)
