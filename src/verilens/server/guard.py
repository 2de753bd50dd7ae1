"""What stands before every route: who is addressed, where a page comes from, and safe headers."""

import asyncio
import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from verilens.server.answers import bug, problem_response
from verilens.server.measures import Measures
from verilens.server.problems import Problem
from verilens.server.settings import Access

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
SAFE = ("GET", "HEAD", "OPTIONS")
PROBES = ("/healthz", "/readyz")  # asked by number, from inside a cluster
SMALL_BYTES = 64 << 10  # of a body that is read as a whole
# What reads its body piece by piece, under the rules of uploads.
_STREAMS = re.compile(r"POST /v1/(jobs|batches)|PATCH /v1/uploads/[^/]+")


class Guard:
    """Refuses what is addressed to another host (DNS rebinding) or sent by another site's page."""

    def __init__(self, app: ASGIApp, access: Access, body_s: float, measures: Measures) -> None:
        """body_s: seconds that a body which is no upload may take."""
        self.app = app
        self.hosts = frozenset(host.lower() for host in access.hosts)
        self.origins: Sequence[str] = access.origins
        self.body_s = body_s
        self.measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, has_begun = time.perf_counter(), False

        async def guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _protect(MutableHeaders(scope=message), bool(self.origins))
                self.measures.answered(_method(scope), _route(scope), message["status"], begun)
            await send(message)

        problem = self._refusal(scope["method"], Headers(scope=scope))
        if problem is not None and scope["path"] not in PROBES:
            await problem_response(problem)(scope, receive, guarded)
            return
        if _STREAMS.fullmatch(f"{scope['method']} {scope['path']}") is None:
            receive = _small(receive, self.body_s)
        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            if has_begun:  # too late for an answer; the connection is cut
                raise
            await bug(error)(scope, receive, guarded)

    def _refusal(self, method: str, headers: Headers) -> Problem | None:
        host = headers.get("host", "")
        if self.hosts and _hostname(host) not in self.hosts:
            detail = "this server does not answer to that name; start it with --trust-host"
            return Problem(421, "forbidden", detail)
        origin = headers.get("origin")
        if method in SAFE or origin is None or origin in self.origins:
            return None
        if urlsplit(origin).netloc.lower() != host.lower():
            return Problem(403, "forbidden", "pages of other sites may not send anything here")
        return None


def _small(receive: Receive, seconds: float) -> Receive:
    """Return what gives the same body as long as it is small and comes soon."""
    size, deadline = 0, time.monotonic() + seconds
    is_whole = False

    async def limited() -> Message:
        nonlocal size, is_whole
        if is_whole:  # what comes now is the end of the connection
            return await receive()
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, "the body came too slowly") from error
        size += len(message.get("body", b""))
        if size > SMALL_BYTES:
            raise HTTPException(413, f"at most {SMALL_BYTES} bytes are read here")
        is_whole = not message.get("more_body", False)
        return message

    return limited


def _protect(headers: MutableHeaders, has_origins: bool) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if has_origins:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers.setdefault("Content-Security-Policy", NOTHING)
    headers.setdefault("Cache-Control", "no-store")


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _method(scope: Scope) -> str:
    known = (*SAFE, "POST", "PUT", "PATCH", "DELETE")
    return str(scope["method"]) if scope["method"] in known else "other"


def _route(scope: Scope) -> str:
    """Return the route's pattern, so that ids do not make a series each."""
    return str(getattr(scope.get("route"), "path", "none"))
