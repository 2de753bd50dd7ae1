"""Requests that are sent until they are answered: retries, Retry-After, problems as exceptions."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from verilens.client.records import kind_of
from verilens.errors import (
    ConfigError,
    MissingExtra,
    NoAccess,
    NotThere,
    Overloaded,
    ServerError,
    Unreachable,
)

try:
    import httpx
except ImportError as error:
    raise MissingExtra("the client needs httpx: pip install 'verilens[client]'") from error

TRIES = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
AGAIN = (429, 502, 503, 504)
SILENCE_S = 45.0  # three heartbeats of a stream of events
Content = Callable[[], Mapping[str, Any]]


class Wire:
    """A connection to one server. Safe to share between threads."""

    def __init__(self, base_url: str, key: str | None, timeout_s: float, tries: int) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"a server's address begins with http:// or https://, not '{base_url}'"
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._tries = tries
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers=headers,
            timeout=timeout_s,
            follow_redirects=False,  # a key is for one server
        )
        self.url = str(self._http.base_url)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, method: str, path: str, content: Content = dict, *, once: bool = False
    ) -> httpx.Response:
        """Return the answer to a request; ServerError unless it is a success.

        content: makes the arguments of httpx for each try anew, such as opened files. once: not
        sent again after a connection broke, when it may have been heard.
        """
        wait = FIRST_WAIT_S
        for left in reversed(range(self._tries)):
            try:
                with ExitStack() as opened:
                    answer = self._http.request(method, path, **_entered(content(), opened))
            except httpx.TransportError as error:
                was_heard = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if left == 0 or (once and was_heard):
                    raise unreachable(self.url, error) from error
                delay = wait
            else:
                if answer.is_success:
                    return answer
                if answer.status_code not in AGAIN or left == 0:
                    raise problem(answer)
                delay = retry_after(answer, wait)
            time.sleep(delay * random.uniform(1.0, 1.1))
            wait = min(LONGEST_WAIT_S, 2 * wait)
        raise AssertionError("the last try returns or raises")

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Give an answer while it comes. ServerError, httpx.TransportError."""
        silence = httpx.Timeout(SILENCE_S)
        with self._http.stream("GET", path, headers=dict(headers), timeout=silence) as answer:
            if not answer.is_success:
                answer.read()
                raise problem(answer)
            yield answer

    def save(self, path: str, target: Path) -> None:
        """Write an answer to a file, which is there only when all of it came."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self.stream(path, {}) as answer, part.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        except httpx.TransportError as error:
            part.unlink(missing_ok=True)
            raise unreachable(self.url, error) from error
        part.replace(target)


def problem(answer: httpx.Response) -> ServerError:
    """Return the exception for an answer that is no success."""
    status = answer.status_code
    try:
        found = answer.json()
        kind, detail = kind_of(found["type"]), found["detail"]
        fields = "; ".join(f"{e['field']}: {e['detail']}" for e in found.get("errors") or ())
    except (ValueError, KeyError, TypeError):  # a proxy in between, most likely
        kind, detail, fields = "http", f"the server answered {status}", ""
    message = f"{detail} ({fields})" if fields else str(detail)
    types = {401: NoAccess, 403: NoAccess, 404: NotThere, 410: NotThere}
    types |= dict.fromkeys(AGAIN, Overloaded)
    return types.get(status, ServerError)(kind, message, status)


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return the exception for a server that does not answer."""
    said = str(error) or type(error).__name__
    return Unreachable("unreachable", f"{url} does not answer: {said}", None)


def retry_after(answer: httpx.Response, otherwise: float) -> float:
    """Return how long the server asks to wait, in seconds."""
    text = answer.headers.get("retry-after", "")
    return min(LONGEST_WAIT_S, float(text)) if text.isdecimal() else otherwise


def _entered(arguments: Mapping[str, Any], opened: ExitStack) -> dict[str, Any]:
    """Return arguments of httpx whose files are closed with `opened`."""
    for _, file in (arguments.get("files") or {}).values():
        opened.enter_context(file)
    return dict(arguments)
