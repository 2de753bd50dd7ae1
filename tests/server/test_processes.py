"""Real processes: a server and its workers, killed and started again."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import serving

import scanning


class Served:
    """A running `verilens serve`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        command = [sys.executable, "-P", "-m", "verilens", "serve", "--data", str(folder)]
        command += ["--port", "0", "--methods", scanning.npr(), "--jobs", "1", *options]
        self.log = (folder.parent / f"log-{time.monotonic_ns()}").open("w+")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        serving.wait_for(lambda: "verilens serves at" in self.said() or self.process.poll())
        self.url = self.said().split("verilens serves at ")[1].split()[0]
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()

    def submit(self, data: bytes, name: str = "a.png") -> dict:
        answer = self.client.post("v1/jobs", files={"file": (name, data)})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def job(self, job: str) -> dict:
        return self.client.get(f"v1/jobs/{job}").json()

    def workers(self) -> list[int]:
        with contextlib.closing(sqlite3.connect(self.folder / "jobs.sqlite")) as db:
            return [pid for (pid,) in db.execute("SELECT pid FROM workers")]

    def end(self, how: int = signal.SIGTERM) -> None:
        self.client.close()
        self.process.send_signal(how)
        self.process.wait(20)
        self.log.close()


@contextlib.contextmanager
def served(folder: Path, *options: str) -> Iterator[Served]:
    found = Served(folder, *options)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.end()


def test_a_killed_worker_s_job_is_taken_up_again_exactly_once(tmp_path):
    with served(tmp_path / "data") as server:
        serving.wait_for(lambda: bool(server.workers()))
        (before,) = server.workers()
        large = server.submit(serving.png(0, side=1600))["id"]
        others = [server.submit(serving.png(n))["id"] for n in range(1, 4)]
        serving.wait_for(lambda: server.job(large)["state"] == "running")
        os.kill(before, signal.SIGKILL)
        serving.wait_for(lambda: server.job(large)["state"] == "done", 60)
        serving.wait_for(lambda: all(server.job(job)["state"] == "done" for job in others))
        assert server.job(large)["attempts"] == 2
        assert [server.job(job)["attempts"] for job in others] == [1, 1, 1]
        (after,) = server.workers()
        assert after != before
    assert not Path(f"/proc/{after}").exists()  # no worker outlives the server


@pytest.mark.slow
def test_nothing_accepted_is_lost_when_the_server_is_killed(tmp_path):
    data = tmp_path / "data"
    with served(data, "--workers", "0") as server:
        jobs = [server.submit(serving.png(n))["id"] for n in range(3)]
        server.end(signal.SIGKILL)
    with served(data) as server:
        for job in jobs:
            serving.wait_for(lambda job=job: server.job(job)["state"] == "done")
        assert {server.job(job)["attempts"] for job in jobs} == {1}
        for what in ("preview", "report?format=html", "report?format=pdf", "maps/npr"):
            server.client.get(f"v1/jobs/{jobs[0]}/{what}")
        libraries = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "libtorch" not in libraries  # the web process needs no network
        assert "site-packages/av/" not in libraries  # and decodes nothing itself


def test_a_server_that_is_killed_in_the_middle_of_an_upload(tmp_path):
    """A plain upload is not there afterwards; a resumable one goes on where it was."""
    data, body = tmp_path / "data", serving.png(side=1000)
    with served(data, "--workers", "0") as server:
        asked = {"name": "a.png", "size": len(body)}
        upload = server.client.post("v1/uploads", json=asked).json()["id"]
        headers = {"Upload-Offset": "0"}
        server.client.patch(f"v1/uploads/{upload}", content=body[:100_000], headers=headers)
        port = int(server.url.rsplit(":", 1)[1].strip("/"))
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(
            f"PATCH /v1/uploads/{upload} HTTP/1.1\r\nHost: localhost\r\nUpload-Offset: 100000\r\n"
            f"Content-Length: {len(body) - 100_000}\r\n\r\n".encode()
        )
        line.sendall(body[100_000:800_000])
        plain = socket.create_connection(("127.0.0.1", port))
        plain.sendall(
            b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        )
        plain.sendall(body[:700_000])
        staging = data / "staging"
        serving.wait_for(lambda: any(p.stat().st_size > 1e5 for p in staging.glob("direct-*")))
        server.end(signal.SIGKILL)
        line.close()
        plain.close()
    with served(data, "--workers", "0") as server:
        assert server.client.get("v1/jobs").json()["total"] == 0
        offset = server.client.head(f"v1/uploads/{upload}").headers["upload-offset"]
        assert int(offset) >= 100_000  # what was acknowledged is there
        rest = body[int(offset) :]
        headers = {"Upload-Offset": offset}
        server.client.patch(f"v1/uploads/{upload}", content=rest, headers=headers)
        answer = server.client.post(f"v1/uploads/{upload}/complete", json={})
        assert answer.status_code == 202, answer.text
        import hashlib

        assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.slow
def test_a_worker_can_be_started_apart(tmp_path):
    data = tmp_path / "data"
    with served(data, "--workers", "0") as server:
        job = server.submit(serving.png())["id"]
        assert server.client.get("readyz").status_code == 503
        command = [sys.executable, "-P", "-m", "verilens", "serve", "worker", "--jobs", "1"]
        command += ["--data", str(data), "--methods", scanning.npr()]
        worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        serving.wait_for(lambda: server.job(job)["state"] == "done")
        assert server.client.get("readyz").status_code == 200
        worker.terminate()
        assert worker.wait(20) == 0
        assert server.workers() == []


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_gives_its_jobs_back(tmp_path, how):
    with served(tmp_path / "data") as server:
        serving.wait_for(lambda: bool(server.workers()))
        job = server.submit(serving.png(0, side=2400))["id"]
        serving.wait_for(lambda: server.job(job)["state"] == "running")
        server.end(how)
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "jobs.sqlite")) as db:
            found = db.execute("SELECT state, attempts FROM jobs").fetchone()
        assert found == ("queued", 0)
