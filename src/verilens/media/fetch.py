"""Downloads a file named by an http(s) address, without being led where it must not go.

A name is resolved once, every address it has is checked, and the connection goes to the checked
address: a name that answers differently a second time gains nothing. Each redirect is checked like
the first address. Size and time are limited while the bytes arrive; what the server says of them
is not believed. Proxies of the environment are not used.
"""

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from verilens.errors import MediaError, MediaErrorKind
from verilens.media.names import shown

_PIECE = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_NUMERIC_HOST = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+))*\.?", re.IGNORECASE)
_EMBEDDING = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64: the IPv4 address is in the last 32 bits
    (ipaddress.IPv6Network("64:ff9b:1::/48"), 0),
    (ipaddress.IPv6Network("::/96"), 0),  # IPv4-compatible
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class UrlRules:
    """What an address may cost and where it may lead.

    allow_private: also loopback, private, link-local and other addresses of no public host.
    seconds: for everything, from the first name look-up to the last byte.
    max_bytes: of the file; also the limit of standard input.
    """

    allow_private: bool = False
    max_bytes: int = 1 << 30
    seconds: float = 60.0
    max_redirects: int = 5


class Target(NamedTuple):
    """One checked hop: where to connect to, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]


def is_url(text: str) -> bool:
    """Return whether the text is an address ("scheme://...") and no path."""
    return re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text) is not None


def fetch(url: str, file: BinaryIO, rules: UrlRules) -> None:
    """Write what `url` gives to `file`.

    Raises MediaError "refused", "unreachable", "too-large" or "timeout".
    """
    deadline = time.monotonic() + rules.seconds
    here = url
    for _ in range(rules.max_redirects + 1):
        target = check(here, rules)
        there = _get(target, file, rules, deadline, shown(url))
        if there is None:
            return
        here = urllib.parse.urljoin(here, there)
    raise MediaError(
        "unreachable",
        f"{shown(url)}: redirected more than {rules.max_redirects} times; use the final address",
    )


def check(url: str, rules: UrlRules) -> Target:
    """Return where this address leads. Raises MediaError "refused" or "unreachable"."""
    name = shown(url)
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if ":" in host else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise MediaError("refused", f"{name}: not a valid address; check its spelling") from error
    if parts.scheme.lower() not in ("http", "https"):
        raise MediaError("refused", f"{name}: only http and https addresses are fetched")
    if not host or parts.username is not None or parts.password is not None:
        raise MediaError("refused", f"{name}: an address with no host or with a password in it")
    port = port or (443 if parts.scheme.lower() == "https" else 80)
    addresses = _resolve(host, port, name)
    if not rules.allow_private:
        _refuse_private(host, addresses, name)
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if parts.query:
        path += "?" + urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=~-._?[]{}|")
    return Target(parts.scheme.lower(), host, port, path, addresses)


def is_public(address: Address) -> bool:
    """Return whether an address belongs to a host on the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo or address.is_site_local:
            return False
        for network, shift in _EMBEDDING:
            if address in network:
                inner = ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _refuse_private(host: str, addresses: Sequence[str], name: str) -> None:
    odd = _NUMERIC_HOST.fullmatch(host) and not _is_dotted_quad(host)
    inside = [a for a in addresses if not is_public(ipaddress.ip_address(a.partition("%")[0]))]
    if odd or inside:
        why = "is a disguised number" if odd else f"leads to {inside[0]}, no public address"
        raise MediaError(
            "refused", f"{name}: {host} {why}; --allow-private fetches it if you trust it"
        )


def _is_dotted_quad(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _resolve(host: str, port: int, name: str) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MediaError(
            "unreachable", f"{name}: no such host '{host}'; check the address and the network"
        ) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _get(target: Target, file: BinaryIO, rules: UrlRules, deadline: float, name: str) -> str | None:
    """Write the body of one answer to `file`, or return where it redirects to."""
    try:
        with _connection(target, deadline) as connection:
            connection.request("GET", target.path, headers=_headers())
            with connection.getresponse() as answer:
                if answer.status in _REDIRECTS and answer.headers.get("Location"):
                    return answer.headers["Location"]
                if answer.status != 200:
                    raise MediaError("unreachable", f"{name}: the server answered {answer.status}")
                _store(answer, file, rules, name)
            if time.monotonic() >= deadline:
                raise TimeoutError  # the cut looks like the end of the file
            return None
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise _late(name, rules) from error
        said = str(error) or type(error).__name__
        raise MediaError(
            "unreachable", f"{name}: {shown(said)}; try again or download it yourself"
        ) from error


def _store(answer: http.client.HTTPResponse, file: BinaryIO, rules: UrlRules, name: str) -> None:
    promised = answer.length
    size = 0
    while piece := answer.read(_PIECE):
        size += len(piece)
        if size > rules.max_bytes:
            raise MediaError(
                "too-large",
                f"{name}: over the limit of {rules.max_bytes / 2**20:g} MiB; download it yourself",
            )
        file.write(piece)
    if promised is not None and size < promised:
        raise http.client.IncompleteRead(b"", promised - size)


@contextlib.contextmanager
def _connection(target: Target, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """Connect to a checked address; at the deadline the connection is cut, whatever it does."""
    open_sockets = [_connect(target, deadline)]
    connection = http.client.HTTPConnection(target.host, target.port)
    clock = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (open_sockets,))
    clock.daemon = True
    clock.start()
    try:
        if target.scheme == "https":
            secured = ssl.create_default_context().wrap_socket(
                open_sockets[0], server_hostname=target.host, do_handshake_on_connect=False
            )
            open_sockets.append(secured)  # before the handshake, so that the clock can cut it
            secured.do_handshake()
        connection.sock = open_sockets[-1]
        yield connection
    finally:
        clock.cancel()
        connection.close()
        for used in open_sockets:
            used.close()


def _connect(target: Target, deadline: float) -> socket.socket:
    failure: OSError | None = None
    for address in target.addresses:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            break
        try:
            return socket.create_connection((address, target.port), timeout=seconds)
        except OSError as error:
            failure = error
    raise failure or TimeoutError("no time left")


def _cut(open_sockets: Sequence[socket.socket]) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(open_sockets[-1], socket.SHUT_RDWR)  # not TLS's polite farewell


def _headers() -> dict[str, str]:
    return {
        "User-Agent": "verilens",
        "Accept": "image/*,video/*,*/*",
        "Accept-Encoding": "identity",
    }


def _late(name: str, rules: UrlRules) -> MediaError:
    kind: MediaErrorKind = "timeout"
    return MediaError(
        kind, f"{name}: not downloaded within {rules.seconds:g} s; download it yourself"
    )
