"""What tests of the server share: a small detector, the real application, a real worker."""

import contextlib
import dataclasses
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

import scanning
from verilens.server.app import create_app
from verilens.server.daemon import Daemon
from verilens.server.service import Service
from verilens.server.settings import Access, Places, Rules, Settings, Work
from verilens.server.worker import Worker


def settings(folder: Path, **changes: object) -> Settings:
    """Return the settings of a small open server below a folder.

    changes: fields of Rules, Work or Access by name, or database and blobs.
    """
    places = {name: changes.pop(name) for name in ("database", "blobs") if name in changes}
    parts = {
        "rules": Rules(),
        "work": Work(methods=(scanning.npr(),), slots=1, poll_s=0.05),
        "access": Access(is_open=True),
    }
    for name, value in changes.items():
        owner = next(key for key, part in parts.items() if name in part.__dataclass_fields__)
        parts[owner] = dataclasses.replace(parts[owner], **{name: value})
    return Settings(places=Places.below(folder, **places), **parts)


@dataclasses.dataclass
class Stand:
    """A server without a socket, and a worker that works when told."""

    client: TestClient
    worker: Worker
    settings: Settings

    @property
    def service(self) -> Service:
        return self.client.app.state.service

    def submit(self, data: bytes, name: str = "a.png", **fields: str) -> dict:
        """Submit a file and return its job."""
        answer = self.client.post("/v1/jobs", files={"file": (name, data)}, data=fields)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    def job(self, job: str) -> dict:
        return self.client.get(f"/v1/jobs/{job}").json()

    def files(self) -> list[str]:
        """Return the names of all files that are kept, staging included."""
        roots = [Path(self.settings.places.blobs), self.settings.places.staging]
        return sorted(p.name for root in roots for p in root.rglob("*") if p.is_file())


@contextmanager
def stand(folder: Path, **changes: object) -> Iterator[Stand]:
    """Give a server and a worker."""
    chosen = settings(folder, **changes)
    app = create_app(chosen)
    worker = Worker(chosen)
    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Stand(client, worker, chosen)
    finally:
        worker.close()


def png(seed: int = 0, side: int = 64) -> bytes:
    """Return a small picture of noise as a file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@contextmanager
def listening(folder: Path, **changes: object) -> Iterator[tuple[Daemon, int]]:
    """Give a server at a real port, without workers."""
    chosen = settings(folder, **{"port": 0, **changes})
    with Daemon(chosen, workers=0) as daemon:
        thread = threading.Thread(target=daemon.run)
        thread.start()
        port = int(daemon.url.rsplit(":", 1)[1].strip("/"))
        wait_for(lambda: httpx.get(f"{daemon.url}healthz").status_code == 200)
        try:
            yield daemon, port
        finally:
            daemon.stop()
            thread.join(20)


def wait_for(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if is_so():
                return
        time.sleep(0.02)
    raise AssertionError(f"not so after {seconds} s")
