"""`verilens.Client` and `verilens scan --server` against the real server."""

import json
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("httpx", reason="the extra 'client' is not installed")
pytest.importorskip("fastapi", reason="the extra 'server' is not installed")

import httpx
import serving

import scanning
import verilens
from verilens.client import Client, Job, Question
from verilens.client import client as module
from verilens.client import wire as wires
from verilens.client.events import parsed
from verilens.errors import (
    ConfigError,
    MediaError,
    NoAccess,
    NotThere,
    Overloaded,
    ServerError,
    Unreachable,
)
from verilens.options import Options
from verilens.report.json import line
from verilens.server import keys
from verilens.server.worker import Worker


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return the folder of a server at a real port with a worker, and its address."""
    folder = tmp_path_factory.mktemp("serve")
    with serving.listening(folder, chunk_bytes=4096) as (daemon, _):
        worker = Worker(serving.settings(folder))
        thread = threading.Thread(target=worker.run, args=(lambda job: None,), daemon=True)
        thread.start()
        yield folder, daemon.url
        worker.stop()
        thread.join(20)
        worker.close()


@pytest.fixture
def client(place):
    with Client(place[1]) as opened:
        yield opened


def test_a_file_gets_the_report_of_a_scan(client, tmp_path):
    path = scanning.picture(tmp_path / "a.png", seed=1)
    found = client.scan(path)
    here = verilens.scan(path, Options(methods=(scanning.npr(),)))
    assert timeless(found) == timeless(here)


def test_progress_comes_by_events_and_ends_with_a_summary(client, tmp_path):
    path = scanning.picture(tmp_path / "a.png", seed=2)
    seen = []
    job = client.wait(client.submit(path, name="holiday/a.png"), seen.append, timeout_s=30)
    assert (job.state, job.name, job.kind) == ("done", "holiday/a.png", "image")
    assert seen[-1] == job and job.progress == 1.0
    assert job.summary and job.summary.interval[0] <= job.summary.probability
    assert client.wait(job) is job
    assert client.submit(path).id == job.id  # known by its content
    assert client.submit(path, Question(fresh=True)).id != job.id


def test_a_stream_that_breaks_is_followed_by_asking(client, tmp_path, monkeypatch):
    def broken(*arguments):
        raise httpx.ReadError("broken off")

    monkeypatch.setattr(client._wire, "stream", broken)
    monkeypatch.setattr("verilens.client.events.POLL_S", 0.05)
    job = client.wait(client.submit(scanning.picture(tmp_path / "a.png", seed=3)))
    assert job.state == "done"


def test_a_large_file_goes_in_pieces_and_on_after_a_break(client, tmp_path, monkeypatch):
    path = scanning.picture(tmp_path / "a.png", seed=4, side=96)
    size = path.stat().st_size
    monkeypatch.setattr(module, "AT_ONCE_BYTES", 1024)
    sent = []
    job = client.submit(path, sent=lambda *so_far: sent.append(so_far))
    assert sent[-1] == (size, size) and len(sent) == -(-size // 4096)
    assert client.wait(job).state == "done"

    upload = client.begin(path)
    first = path.read_bytes()[:4096]
    assert client._append(upload, first) == 4096
    assert client._append(upload, first) == 4096  # the server says where to go on
    assert client.resume(upload).offset == 4096
    assert client.complete(client.send(client.resume(upload), path)).id == job.id


def test_a_folder_is_a_batch_and_what_is_refused_is_named(client, tmp_path):
    scanning.picture(tmp_path / "in" / "a.png", seed=5)
    scanning.picture(tmp_path / "b.png", seed=6)
    (tmp_path / "c.jpg").write_text("text")
    (tmp_path / "d.png").touch()
    found = list(client.submit_folder(tmp_path))
    jobs = [each for each in found if isinstance(each, Job)]
    assert {job.name for job in jobs} == {"b.png", "in/a.png"}
    errors = [each.error.type for each in found if not isinstance(each, Job)]
    assert errors == ["unsupported", "empty"]
    listed = list(client.jobs(batch=jobs[0].batch, limit=1, sort="name"))
    assert [job.id for job in listed] == [job.id for job in sorted(jobs, key=lambda j: j.name)]


def test_reports_are_saved_and_jobs_deleted(client, tmp_path):
    job = client.wait(client.submit(scanning.picture(tmp_path / "a.png", seed=7)))
    saved = client.report(job, tmp_path / "a.json", "json")
    assert json.loads(saved.read_text())["sha256"] == job.sha256
    assert "<html" in client.report(job.id, tmp_path / "a.html").read_text()
    client.delete(job)
    with pytest.raises(NotThere) as caught:
        client.job(job)
    assert (caught.value.kind, caught.value.status) == ("not-found", 404)
    with pytest.raises(NotThere):
        client.report(job, tmp_path / "b.html")
    assert not (tmp_path / "b.html").exists()


def test_what_the_server_refuses_has_a_type(client, tmp_path):
    text = tmp_path / "a.jpg"
    text.write_text("text")
    with pytest.raises(ServerError) as caught:
        client.submit(text)
    assert (caught.value.kind, caught.value.status) == ("unsupported", 415)
    assert client.scan(text).error.type == "unsupported"
    with pytest.raises(ServerError, match="methods"):
        client.submit(scanning.picture(tmp_path / "a.png"), Question(methods=("nothing",)))
    with pytest.raises(MediaError, match="check the path"):
        client.submit(tmp_path / "absent.png")
    assert client.scan("http://127.0.0.1:1/a.png").error.type == "refused"


def test_keys_open_doors(tmp_path):
    with serving.listening(tmp_path, is_open=False) as (daemon, _):
        _, key = keys.create(daemon._app.state.service.database, "desk", ["submit"])
        for wrong in (None, "vl_000000000000_x"):
            with Client(daemon.url, wrong) as client, pytest.raises(NoAccess) as caught:
                client.page()
            assert caught.value.status == 401
        with Client(daemon.url, key) as client:
            assert client.about()["key"]["scopes"] == ["submit"]
            with pytest.raises(NoAccess, match="scope 'read'"):
                client.page()


class Moody(BaseHTTPRequestHandler):
    """Answers 503 twice, then as the server would; counts what it was asked."""

    asked: list[str]

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.asked.append(self.headers["idempotency-key"])
        body, status = b'{"type": "/problems/queue-full", "detail": "full"}', 503
        if len(self.asked) > 2:
            job = {"id": "1", "name": "a", "state": "queued", "progress": 0.0, "stage": ""}
            job |= dict.fromkeys(("created", "kind", "size", "sha256", "batch", "summary", "error"))
            body, status = json.dumps({**job, "maps": []}).encode(), 202
        self.send_response(status)
        self.send_header("Retry-After", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_a_busy_server_is_asked_again_when_it_says(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr(wires.time, "sleep", waits.append)
    Moody.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        path = scanning.picture(tmp_path / "a.png")
        with Client(url) as client:
            assert client.submit(path).state == "queued"
        assert len(waits) == 2 and len(set(Moody.asked)) == 1
        assert all(7 <= wait <= 7.7 for wait in waits)  # never sooner, and not all at once
        Moody.asked = []
        with Client(url, tries=2) as client, pytest.raises(Overloaded, match="full"):
            client.submit(path)
        server.shutdown()


def test_a_server_that_is_not_there_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(url, tries=1) as client, pytest.raises(Unreachable, match="does not answer"):
            client.about()


@pytest.mark.parametrize("address", ["localhost:8000", "ftp://localhost", ""])
def test_what_is_no_address_of_a_server_is_refused(address):
    with pytest.raises(ConfigError, match="http://"):
        Client(address)


def test_events_are_read_as_they_are_sent():
    text = ': still there\n\nid: 4\nevent: progress\ndata: {"a": 1}\n\nevent: end\ndata: {}'
    assert [tuple(event) for event in parsed(text.split("\n"))] == [("4", "progress", {"a": 1})]


def test_the_command_prints_what_a_local_scan_prints(place, tmp_path):
    media = tmp_path / "media"
    scanning.picture(media / "a.png", seed=8)
    scanning.picture(media / "b.png", seed=9)
    (media / "text.jpg").write_text("text")
    (media / "z.png").touch()
    (media / "link.png").symlink_to("absent")
    os.mkfifo(media / "pipe.png")
    there = command(media, "--server", place[1], out=tmp_path / "there.jsonl")
    here = command(media, "--methods", scanning.npr(), "--where", out=tmp_path / "here.jsonl")
    assert there == here
    assert not any((tmp_path / "cache").rglob("*-media-*"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--engine", "ray"], "not both"),
        (["--store", "a.duckdb"], "leave out --store"),
        (["--methods", "npr=a.safetensors"], "server's choice"),
        (["--key-file", "absent"], "cannot read a key"),
    ],
)
def test_the_command_says_what_cannot_be(options, says, tmp_path):
    arguments = ["--server", "http://127.0.0.1:9", *options]
    assert says in run(tmp_path / "a.png", *arguments, cache=tmp_path).stderr


def test_importing_the_package_imports_no_client():
    code = "import sys, verilens; assert 'httpx' not in sys.modules; verilens.Client"
    subprocess.run([sys.executable, "-c", code], check=True)


def command(media: Path, *options: object, out: Path) -> tuple[list[dict], list[str]]:
    """Scan by the command; return its lines without times, and what a person sees."""
    cache = out.with_suffix("")
    done = run(media, *options, "--json", out, cache=cache)
    assert done.returncode == 3, done.stderr
    found = [json.loads(text) for text in out.read_text().splitlines()]
    return [{**each, "seconds": None} for each in found], done.stdout.splitlines()


def run(*arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, "-m", "verilens", "scan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def timeless(report):
    return {**line(report), "seconds": None}
