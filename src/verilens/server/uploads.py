"""Bytes on their way in: hashed and counted as they come, in the staging folder until whole."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import ClientDisconnect, Request

from verilens.server import ids
from verilens.server.problems import Problem
from verilens.server.settings import Rules


@dataclass(frozen=True, kw_only=True)
class Received:
    """A whole file in the staging folder, with its first bytes."""

    path: Path
    name: str
    sha256: str
    size: int
    head: bytes

    def discard(self) -> None:
        """Delete the file, if it is still there."""
        self.path.unlink(missing_ok=True)


class Incoming:
    """A file that grows in the staging folder. Its methods block; call them in a thread."""

    def __init__(self, staging: Path, name: str, max_bytes: int, head_bytes: int) -> None:
        staging.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.size = 0
        self._path = staging / f"direct-{ids.new()}"
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._hash = hashlib.sha256()
        self._head = b""
        self._max_bytes = max_bytes
        self._head_bytes = head_bytes

    def write(self, piece: bytes) -> None:
        """Add a piece. Problem 413 beyond the limit, before anything of it is written."""
        self.size += len(piece)
        if self.size > self._max_bytes:
            raise too_large(self._max_bytes)
        if len(self._head) < self._head_bytes:
            self._head += piece[: self._head_bytes - len(self._head)]
        self._hash.update(piece)
        write_all(self._descriptor, piece)

    def finish(self) -> Received:
        """Return the whole file, safe on the disk: what is accepted outlives a power cut."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        digest = self._hash.hexdigest()
        return Received(
            path=self._path, name=self.name, sha256=digest, size=self.size, head=self._head
        )

    def discard(self) -> None:
        """Give the file up."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._path.unlink(missing_ok=True)


def write_all(descriptor: int, piece: bytes) -> None:
    """Write all of a piece, however little the system takes at once."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def too_large(max_bytes: int) -> Problem:
    """Return the problem of a body beyond the limit."""
    limit = f"{max_bytes / 2**20:g} MiB" if max_bytes >= 1 << 20 else f"{max_bytes} bytes"
    return Problem(
        413,
        "too-large",
        f"files of at most {limit} are taken; cut out the part in question",
        headers={"Connection": "close"},
    )


async def pieces(request: Request, rules: Rules, most: int) -> AsyncIterator[bytes]:
    """Yield the body as it comes.

    Problem 413 when it is, or says it is, longer than `most` bytes; 408 when it comes too slowly.
    """
    check_length(request, most)
    stream = request.stream()
    begun, size = time.monotonic(), 0
    while True:
        try:
            piece = await asyncio.wait_for(anext(stream), rules.idle_s)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _slow(f"nothing came for {rules.idle_s:g} s") from None
        except ClientDisconnect as error:
            raise Problem(400, "bad-request", "the connection broke") from error
        size += len(piece)
        if size > most:
            raise too_large(most)
        spent = time.monotonic() - begun
        if spent > rules.grace_s and size < rules.least_rate * spent:
            raise _slow(f"fewer than {rules.least_rate:g} bytes a second came")
        if piece:
            yield piece


def check_length(request: Request, most: int) -> None:
    """Refuse a body by what it says of its length, before a byte of it is read."""
    said = request.headers.get("content-length")
    if said is None:
        return
    if not said.isascii() or not said.isdigit():
        raise Problem(400, "bad-request", "Content-Length is no number")
    if int(said) > most:
        raise too_large(most)


def _slow(why: str) -> Problem:
    return Problem(
        408, "slow", f"{why}; send it faster, or in pieces", headers={"Connection": "close"}
    )
