"""Addresses: where they may lead, how much they may send, how long they may take."""

import io
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from verilens.errors import MediaError
from verilens.media import fetch as fetching
from verilens.media.fetch import UrlRules, check, fetch, is_public, is_url

OPEN = UrlRules(allow_private=True, seconds=5, max_bytes=10_000)


class Server(BaseHTTPRequestHandler):
    """Answers by path; what it received last is kept in `seen`."""

    seen: dict[str, str]

    def do_GET(self) -> None:
        type(self).seen = {"path": self.path, "host": self.headers["Host"]}
        route = getattr(self, "route_" + self.path.split("/")[1].split("?")[0], None)
        if route is None:
            self.send_error(404)
        else:
            route()

    def route_file(self) -> None:
        self.answer(b"picture", {"Content-Type": "text/html"})

    def route_large(self) -> None:
        self.answer(bytes(20_000))

    def route_endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        while True:
            self.wfile.write(bytes(1000))

    def route_short(self) -> None:
        self.answer(b"half", {"Content-Length": "8"})

    def route_slow(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.05)

    def route_loris(self) -> None:
        for byte in b"HTTP/1.0 200 OK\r\n" + b"A: b\r\n" * 50:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(0.05)

    def route_loop(self) -> None:
        self.redirect("/loop")

    def route_to(self) -> None:
        self.redirect(self.path.removeprefix("/to/"))

    def redirect(self, where: str) -> None:
        self.answer(b"", {"Location": where}, 302)

    def answer(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments: object) -> None:
        pass  # clients that hang up are the point


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with QuietServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def body(url: str, rules: UrlRules = OPEN) -> bytes:
    file = io.BytesIO()
    fetch(url, file, rules)
    return file.getvalue()


def refused(url: str, rules: UrlRules = OPEN) -> MediaError:
    with pytest.raises(MediaError) as caught:
        body(url, rules)
    assert url.split("?")[0] in caught.value.message
    return caught.value


def test_a_file_is_fetched_whatever_its_stated_type(site):
    assert body(site + "/file/photo.jpg?a=b c#part") == b"picture"
    assert Server.seen["path"] == "/file/photo.jpg?a=b%20c"
    assert Server.seen["host"] == site.removeprefix("http://")


def test_redirects_are_followed_relative_and_absolute(site):
    assert body(site + "/to//file/a") == b"picture"
    assert body(f"{site}/to/{site}/to//file/a") == b"picture"


def test_redirect_loops_end(site):
    assert refused(site + "/loop").kind == "unreachable"


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://a/"])
def test_redirects_to_other_schemes_are_refused(site, where):
    with pytest.raises(MediaError) as caught:
        body(f"{site}/to/{where}")
    assert caught.value.kind == "refused"


def test_a_redirect_into_the_private_network_is_refused(site, monkeypatch):
    port = int(site.rpartition(":")[2])
    monkeypatch.setattr(
        fetching, "_resolve", lambda host, *_: {"public.example": ("8.8.8.8",)}.get(host, (host,))
    )
    monkeypatch.setattr(
        socket, "create_connection", _to_loopback(socket.create_connection, asked := [])
    )
    strict = UrlRules(seconds=5)
    assert body(f"http://public.example:{port}/file", strict) == b"picture"
    with pytest.raises(MediaError) as caught:
        body(f"http://public.example:{port}/to/{site}/file", strict)
    assert caught.value.kind == "refused"
    assert {address for address, _ in asked} == {"8.8.8.8"}


def _to_loopback(connect, asked):
    def connection(address, timeout):
        asked.append(address)
        return connect(("127.0.0.1", address[1]), timeout)

    return connection


def test_a_name_is_resolved_once_and_the_checked_address_is_used(site, monkeypatch):
    answers = iter([("127.0.0.1",), ("0.0.0.0",)])
    monkeypatch.setattr(fetching, "_resolve", lambda *_: next(answers))
    port = site.rpartition(":")[2]
    assert body(f"http://rebinding.example:{port}/file") == b"picture"
    assert Server.seen["host"] == f"rebinding.example:{port}"


@pytest.mark.parametrize("path", ["/large", "/endless"])
def test_size_is_limited_while_bytes_arrive(site, path):
    assert refused(site + path).kind == "too-large"


@pytest.mark.parametrize("path", ["/slow", "/loris"])
def test_time_is_limited_however_slowly_bytes_arrive(site, path):
    begun = time.monotonic()
    assert refused(site + path, UrlRules(allow_private=True, seconds=0.4)).kind == "timeout"
    assert time.monotonic() - begun < 2


def test_time_is_limited_while_a_secure_connection_is_made():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert refused(url, UrlRules(allow_private=True, seconds=0.3)).kind == "timeout"


def test_a_server_that_is_not_secure_is_not_asked(site):
    assert refused(site.replace("http:", "https:") + "/file").kind == "unreachable"


def test_what_does_not_answer(site):
    assert refused(site + "/absent").kind == "unreachable"
    assert refused(site + "/short").kind == "unreachable"
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert refused(f"http://127.0.0.1:{unused.getsockname()[1]}/").kind == "unreachable"
    assert refused("http://no-such-host.invalid/").kind == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://134744072/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:10.1.2.3]/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://240.0.0.1/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[ff02::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://user:word@example.org/",
        "http://@127.0.0.1/",
        "http:///path",
        "http://example.org:99999/",
        "ftp://example.org/",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(MediaError) as caught:
        check(url, UrlRules())
    assert caught.value.kind == "refused"


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1"])
def test_public_addresses(address):
    assert is_public(ipaddress.ip_address(address))


def test_one_private_address_among_public_ones_is_enough(monkeypatch):
    monkeypatch.setattr(fetching, "_resolve", lambda *_: ("8.8.8.8", "10.0.0.1"))
    with pytest.raises(MediaError, match=r"10\.0\.0\.1"):
        check("http://mixed.example/", UrlRules())


def test_line_breaks_do_not_reach_the_server(site):
    assert body(site + "/file/a\r\nX-Evil: 1") == b"picture"
    assert "\n" not in Server.seen["path"]


def test_is_url():
    assert is_url("https://a") and is_url("ftp://a")
    assert not is_url("C:\\a") and not is_url("a/b") and not is_url("http:/a")
