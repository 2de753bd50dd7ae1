"""What nobody should send: each is refused in words, and nothing of it stays."""

import io
import resource
import socket
import struct
import time
import zipfile
import zlib

import pytest
import serving


@pytest.fixture
def stand(tmp_path):
    with serving.stand(tmp_path) as found:
        yield found


def post(stand, data, name="a.png", **fields):
    return stand.client.post("/v1/jobs", files={"file": (name, data)}, data=fields)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(20 << 20))
    return file.getvalue()


def huge_png(side: int) -> bytes:
    """Return a PNG of kilobytes that says it has side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 20), 9)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"<html><script>alert(1)</script></html>",
        b"%PDF-1.7 ...",
        b"#!/bin/sh\nrm -rf /",
        b"\x7fELF\x02\x01\x01" + bytes(100),
        zipped(),
    ],
)
def test_wrong_types_are_refused_whatever_they_are_called(stand, data):
    answer = post(stand, data, "holiday.jpg")
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported")
    assert answer.headers["content-type"] == "application/problem+json"
    assert stand.files() == []
    assert stand.client.get("/v1/jobs").json()["total"] == 0


def test_an_empty_file_is_refused(stand):
    answer = post(stand, b"")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/empty")
    assert stand.files() == []


def test_a_damaged_file_becomes_a_job_that_says_so(stand):
    job = stand.submit(serving.png(side=200)[:2000])
    stand.worker.work_one()
    found = stand.job(job["id"])
    assert (found["state"], found["attempts"]) == ("failed", 1)
    assert found["error"]["type"] == "/problems/corrupt"
    record = stand.client.get(f"/v1/jobs/{job['id']}/result").json()
    assert record["error"]["type"] == "corrupt"
    assert record["decision"] is None


def test_a_decompression_bomb_ends_in_its_job_and_costs_no_memory(stand):
    job = stand.submit(huge_png(60_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stand.worker.work_one()
    assert stand.job(job["id"])["error"]["type"] == "/problems/too-large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_a_compressed_body_is_not_unpacked(stand):
    body = zlib.compress(bytes(50 << 20))
    answer = stand.client.post(
        "/v1/jobs",
        content=body,
        headers={"Content-Encoding": "deflate", "Content-Type": "multipart/form-data; boundary=x"},
    )
    assert answer.status_code == 400


NAMES = (
    "../../../etc/passwd.png",
    "/etc/cron.d/x.png",
    "..\\..\\windows\\system32\\x.png",
    "line%0D%0Abreak: x.png",
    "a\x00b.png",
    "\u202egnp.exe",
    "CON.png",
    "x" * 1000,
    "",
)


def test_names_are_text_and_never_paths(stand, tmp_path):
    made = []
    for seed, name in enumerate(NAMES):
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        body = b"--form\r\n" + head.encode() + b"\r\n\r\n" + serving.png(seed) + b"\r\n--form--\r\n"
        kind = "multipart/form-data; boundary=form"
        answer = stand.client.post("/v1/jobs", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert job["name"].isprintable()
        assert 0 < len(job["name"]) <= 255
        made.append(job["id"])
    assert stand.worker.work_one()
    assert stand.job(made[0])["state"] == "done"
    report = stand.client.get(f"/v1/jobs/{made[0]}/report")
    assert report.headers["content-disposition"].startswith(
        'attachment; filename="verilens-passwd.html"'
    )
    kept = {p.name for p in tmp_path.rglob("*") if p.is_file() and "jobs.sqlite" not in p.name}
    assert kept == {*made, "audit.jsonl"}


def test_a_form_without_a_file_or_with_two_is_refused(stand):
    assert stand.client.post("/v1/jobs", data={"task": "x"}, files={}).status_code in (415, 422)
    two = [("file", ("a.png", serving.png(1))), ("file", ("b.png", serving.png(2)))]
    assert stand.client.post("/v1/jobs", files=two).status_code == 422
    assert stand.files() == []


def test_a_form_that_ends_in_the_middle_is_refused(stand):
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n\x89PNG'
    kind = "multipart/form-data; boundary=x"
    answer = stand.client.post("/v1/jobs", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert stand.files() == []


def test_a_method_or_a_task_that_is_not_served_is_refused(stand):
    answer = post(stand, serving.png(), methods="/etc/passwd=x")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "methods")
    assert post(stand, serving.png(), task="spoof").status_code == 422
    assert post(stand, serving.png(), methods="npr").status_code == 202
    assert stand.client.get("/v1/jobs").json()["total"] == 1


def test_a_body_over_the_limit_is_refused_while_it_comes(tmp_path):
    with serving.listening(tmp_path, max_bytes=1 << 20) as (_, port):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(
                b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
                b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            )
            head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            line.sendall(b"%x\r\n%s\r\n" % (len(head), head))
            sent, piece = 0, b"10000\r\n" + bytes(1 << 16) + b"\r\n"
            try:
                for _ in range((2 << 30) >> 16):  # as if it went on for 2 GiB
                    line.sendall(piece)
                    sent += 1 << 16
            except OSError:
                pass
            assert sent < 32 << 20
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10
        assert not list((tmp_path / "staging").iterdir())
        assert not list((tmp_path / "blobs" / "files").iterdir())


def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(tmp_path):
    head = (
        b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2147483648\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with serving.listening(tmp_path, max_bytes=1 << 20) as (_, port):
        said, after = raw(port, head, b"", 5.0, 5.0)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert after < 2.0


def raw(port: int, first: bytes, then: bytes, every: float, seconds: float) -> tuple[bytes, float]:
    """Send some bytes, then one more again and again; return what came back, and when."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=every) as line:
        line.sendall(first)
        while time.monotonic() - begun < seconds:
            try:
                said = line.recv(4096)
                return said, time.monotonic() - begun
            except TimeoutError:
                line.sendall(then)
    return b"", time.monotonic() - begun


def test_a_slow_head_is_given_up(tmp_path):
    with serving.listening(tmp_path, header_s=0.5) as (_, port):
        said, after = raw(port, b"GET /healthz HTTP/1.1\r\nX: ", b"a", 0.1, 5.0)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.4 < after < 2.0


UPLOAD = (
    b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
)


def test_an_upload_that_stops_is_given_up(tmp_path):
    with serving.listening(tmp_path, idle_s=0.5) as (_, port):
        said, after = raw(port, UPLOAD, b"", 5.0, 5.0)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.4 < after < 2.0
    assert not list((tmp_path / "staging").iterdir())


def test_an_upload_that_trickles_is_given_up(tmp_path):
    with serving.listening(tmp_path, idle_s=5.0, grace_s=0.5, least_rate=1000.0) as (_, port):
        said, after = raw(port, UPLOAD, b"a", 0.1, 5.0)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert 0.4 < after < 2.0
    assert not list((tmp_path / "staging").iterdir())


def test_a_small_body_that_stops_is_given_up(tmp_path):
    head = b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with serving.listening(tmp_path, idle_s=0.5) as (_, port):
        said, after = raw(port, head + b"Content-Length: 100\r\n\r\n{", b"", 5.0, 5.0)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert 0.4 < after < 2.0
        body = b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + bytes(1 << 17)
        said, after = raw(port, head + body, b"", 5.0, 5.0)
        assert said.startswith(b"HTTP/1.1 413 ")


def test_slow_clients_do_not_keep_others_waiting(tmp_path):
    import httpx

    with serving.listening(tmp_path, header_s=5.0) as (daemon, port):
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\n")
        begun = time.monotonic()
        assert httpx.get(f"{daemon.url}healthz").status_code == 200
        assert time.monotonic() - begun < 1.0
        for line in lines:
            line.close()
