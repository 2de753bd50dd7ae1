"""Addresses: fetched under the rules of the scan, never from inside the network."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import serving


class Site(BaseHTTPRequestHandler):
    """A site with one picture, and a way from it to anywhere."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        is_away = self.path.startswith("/to/")
        body = b"" if is_away else serving.png(7)
        self.send_response(302 if is_away else 200)
        if is_away:
            self.send_header("Location", self.path.removeprefix("/to/"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(stand, url):
    return stand.client.post("/v1/jobs", json={"url": url})


INSIDE = [
    "http://127.0.0.1/x.png",
    "http://localhost/x.png",
    "http://10.1.2.3/x.png",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/x.png",
    "http://[::ffff:127.0.0.1]/x.png",
    "http://[::ffff:7f00:1]/x.png",
    "http://[64:ff9b::7f00:1]/x.png",
    "http://2130706433/x.png",
    "http://0x7f000001/x.png",
    "http://0177.0.0.1/x.png",
    "http://127.1/x.png",
    "http://0/x.png",
    "file:///etc/passwd",
    "gopher://127.0.0.1:70/x",
    "http://user:secret@example.org/x.png",
    "http://exa\nmple.org/",
]


def test_addresses_inside_the_network_are_refused(tmp_path):
    with serving.stand(tmp_path) as stand:
        for url in INSIDE:
            answer = ask(stand, url)
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/refused"), url
        assert stand.client.get("/v1/jobs").json()["total"] == 0


def test_a_name_that_leads_inside_is_refused(tmp_path, monkeypatch):
    def resolve(host, port, **rest):
        inside = {"inside.example": "192.168.0.7", "mapped.example": "::ffff:10.0.0.1"}[host]
        family = socket.AF_INET6 if ":" in inside else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (inside, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with serving.stand(tmp_path) as stand:
        for host in ("inside.example", "mapped.example"):
            answer = ask(stand, f"http://{host}/x.png")
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/refused")


def test_a_name_that_changes_its_mind_is_refused_by_the_worker(tmp_path, monkeypatch, site):
    """DNS rebinding: public when the job is taken, loopback when it is fetched."""
    answers = ["93.184.216.34", "127.0.0.1"]

    def resolve(host, port, **rest):
        address = answers.pop(0) if answers else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    port = site.rpartition(":")[2]
    with serving.stand(tmp_path) as stand:
        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        answer = ask(stand, f"http://two-faced.example:{port}/x.png")
        assert answer.status_code == 202
        stand.worker.work_one()
        found = stand.job(answer.json()["id"])
    assert (found["state"], found["error"]["type"]) == ("failed", "/problems/refused")
    assert Site.asked == []


def test_a_redirect_to_loopback_is_not_followed(tmp_path, monkeypatch, site):
    """A site outside (its address is let through here) that leads to one inside."""
    from verilens.media import fetch

    public, port = fetch.is_public, site.rpartition(":")[2]
    monkeypatch.setattr(fetch, "is_public", lambda a: str(a) == "127.0.0.2" or public(a))
    server = ThreadingHTTPServer(("127.0.0.2", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    outside = f"http://127.0.0.2:{server.server_port}/to/http://127.0.0.1:{port}/secret"
    try:
        with serving.stand(tmp_path) as stand:
            answer = ask(stand, outside)
            assert answer.status_code == 202
            stand.worker.work_one()
            found = stand.job(answer.json()["id"])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (found["state"], found["error"]["type"]) == ("failed", "/problems/refused")
    assert len(Site.asked) == 1 and Site.asked[0].startswith("/to/")


def test_a_file_behind_an_address_is_scanned_as_if_it_was_sent(tmp_path, site):
    with serving.stand(tmp_path, allow_private=True) as stand:
        answer = ask(stand, f"{site}/a.png")
        assert (answer.status_code, answer.json()["sha256"]) == (202, None)
        stand.worker.work_one()
        found = stand.job(answer.json()["id"])
        assert (found["state"], found["source"], found["file_kept"]) == ("done", "url", True)
        assert found["name"] == f"{site}/a.png"
        sent = stand.submit(serving.png(7))
        assert sent["sha256"] == found["sha256"]
        assert stand.client.get(f"/v1/jobs/{found['id']}/preview").status_code == 200


def test_an_address_that_gives_too_much_is_refused(tmp_path, site):
    with serving.stand(tmp_path, allow_private=True, max_bytes=100) as stand:
        job = ask(stand, f"{site}/a.png").json()["id"]
        stand.worker.work_one()
        assert stand.job(job)["error"]["type"] == "/problems/too-large"
        assert stand.files() == []


def test_a_batch_of_addresses_takes_the_good_ones(tmp_path, site):
    with serving.stand(tmp_path, allow_private=True) as stand:
        urls = [f"{site}/a.png", "file:///etc/passwd"]
        found = stand.client.post("/v1/batches", json={"urls": urls}).json()
        assert [job["name"] for job in found["jobs"]] == urls[:1]
        assert [item["name"] for item in found["refused"]] == urls[1:]
