"""The running server: a socket, uvicorn, and the workers of this machine."""

import asyncio
import logging
import socket
from types import TracebackType
from typing import Self

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from verilens.errors import ConfigError
from verilens.server.app import create_app
from verilens.server.service import Service
from verilens.server.settings import Settings
from verilens.server.workers import Workers

HEAD_BYTES = 32 << 10
BACKLOG = 512
GRACE_S = 10  # for requests under way when the server stops


class PatientProtocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for the head of a request."""

    header_s: float = 15.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._await_head()  # the beginning of another head on the same connection
        elif self.conn.their_state is not h11.IDLE:
            self._forget_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.header_s, self._give_up)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
            self.transport.close()


class Daemon:
    """A server that listens once it is entered, and works while `run` does."""

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._workers = Workers(settings, workers, self._told)
        self._app = create_app(settings, self._workers.wake)
        self._server: uvicorn.Server | None = None
        self._socket = _listening(settings.access.host, settings.access.port)

    def __enter__(self) -> Self:
        self._workers.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._workers.stop()
        self._socket.close()

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self._socket.getsockname()[:2]
        host = "127.0.0.1" if host == "0.0.0.0" else "[::1]" if host == "::" else host
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}/"

    def run(self) -> None:
        """Answer until a signal says stop."""
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        PatientProtocol.header_s = self._settings.rules.header_s
        config = uvicorn.Config(
            self._app,
            http=PatientProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let `run` end, from another thread."""
        if self._server is not None:
            self._server.should_exit = True

    def _told(self, job: str) -> None:
        service: Service = self._app.state.service
        service.watcher.tell(job)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen at {host}:{port} ({error.strerror}); take another --port"
        ) from error
    return listener
