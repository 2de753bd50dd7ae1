"""Decodes files in a process of its own, so that a hostile file can only harm that process.

The child has no torch, a memory limit, a processor-time limit and no core dumps; the parent keeps
a wall clock, kills it when it is late and starts another. Where a system lacks one of these limits
(memory on macOS, all but the clock on Windows) the others still hold. On Linux the child dies
with the thread that started it; the next `open` then starts another.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self, TypeVar

from verilens.errors import MediaError
from verilens.media import wire
from verilens.media.child import resident_bytes
from verilens.media.names import shown
from verilens.media.opened import Limits, Opened
from verilens.records import View

__all__ = ["Decoder", "Limits", "Opened", "Sandbox"]

_PIPE_BYTES = 1 << 20
_START_SECONDS = 30.0
_SWOLLEN_BYTES = 400 << 20  # kept after a file: the process is replaced
_TIDY_SECONDS = 0.1  # what it may take to free a file

Answer = TypeVar("Answer")


class Sandbox:
    """Owns one limited process, replaced when it dies or is late. Not for two threads at once.

    Use it as a context manager; the process starts on entry and ends on exit. `module` is what the
    process runs: it answers one request line after the other (see `wire`).
    """

    module: ClassVar[str]

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._fresh = True
        self._is_ended = False
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._starting:
            self._is_ended = True  # a thread that is still at work must not start another
        self.close()

    def ask(self, path: Path, request: bytes, receive: Callable[[wire.Read], Answer]) -> Answer:
        """Return what `receive` makes of the answer to one request about a file.

        Raises MediaError; after "timeout" and "crashed" the next call has a new process.
        """
        process = self._start()
        late = threading.Event()
        seconds = self.limits.seconds + (_START_SECONDS if self._fresh else 0.0)
        clock = threading.Timer(seconds, _stop, (process, late))
        clock.start()
        try:
            assert process.stdin and process.stdout
            process.stdin.write(request)
            process.stdin.flush()
            answer = receive(_filler(process.stdout))
            self._fresh = False
            return answer
        except MediaError:
            self._fresh = False
            raise
        except (OSError, EOFError, wire.WireError) as error:
            clock.cancel()
            raise self._failure(path, late.is_set(), error) from error
        except BaseException:
            self._kill()
            raise
        finally:
            clock.cancel()

    def close(self) -> None:
        """End the process; the next `open` starts another."""
        process = self._process
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1.0)
        self._kill()

    def abort(self) -> None:
        """Kill the process, from any thread; an `ask` that waits raises MediaError "crashed"."""
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None:
            if not _is_swollen(process.pid):
                return process
            self.close()
        with self._starting:
            if self._is_ended:
                raise MediaError("crashed", "the decoder was closed; open another")
            return self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        self._kill()
        limits = json.dumps(asdict(self.limits))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", self.module, str(os.getpid()), limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            env=_environment(),
        )
        _widen(self._process.stdout)
        self._fresh = True
        return self._process

    def _failure(self, path: Path, late: bool, error: Exception) -> MediaError:
        name = shown(path)
        process = self._process
        if isinstance(error, wire.WireError):
            self._kill()
            return MediaError("crashed", f"{name}: the decoder answered nonsense ({error})")
        code = _exit_code(process) if process else 0
        last = self._last_words()
        self._kill()
        if late or code == -getattr(signal, "SIGXCPU", 0):
            return MediaError(
                "timeout", f"{name}: not decoded within {self.limits.seconds:g} s; cut it shorter"
            )
        return MediaError("crashed", f"{name}: the decoder died ({_cause(code)}{last})")

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        lines = self._errors.read(1 << 20).decode("utf-8", "replace").strip().splitlines()
        return f"; {lines[-1][:200]}" if lines else ""

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    stream.close()
        if self._errors is not None:
            self._errors.close()
        self._process = self._errors = None


class Decoder(Sandbox):
    """A process that decodes files."""

    module = "verilens.media.child"

    def open(self, path: Path, views: Sequence[View], examined: bool = True) -> Opened:
        """Return the file's facts and one clip per view that is for its kind.

        examined: also hash the file and look at its provenance and quality.

        Raises MediaError; after "timeout" and "crashed" the next call has a new process. A view of
        faces may raise MissingExtra.
        """
        views = tuple(dict.fromkeys(views))
        if any(view.fit == "face" for view in views):
            from verilens.media import faces

            faces.require()
        asked = wire.Request(os.path.abspath(path), shown(path), views, examined)
        return self.ask(
            path,
            wire.request(asked),
            lambda read: wire.receive(read, os.fspath(path), views, self.limits),
        )


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    """Return how a process ended that closed its pipe; one that stays is killed."""
    try:
        return process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _stop(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _filler(stream: IO[bytes]) -> wire.Read:
    def fill(buffer: memoryview) -> None:
        done = 0
        while done < len(buffer):
            count = stream.readinto(buffer[done:])  # type: ignore[attr-defined]
            if not count:
                raise EOFError("the decoder closed the pipe")
            done += count

    return fill


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _environment() -> dict[str, str]:
    """Return the environment with one thread per numeric library: cores are shared by files.

    glibc keeps freed memory for the next picture, instead of faulting it in again every time.
    """
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    single |= {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
    return {**os.environ, **single}


def _is_swollen(pid: int) -> bool:
    """Return whether a process keeps too much memory, given the time to free its last file."""
    end = time.monotonic() + _TIDY_SECONDS
    while resident_bytes(pid) > _SWOLLEN_BYTES:
        if time.monotonic() > end:
            return True
        time.sleep(0.005)
    return False


def _widen(stream: IO[bytes] | None) -> None:
    """Ask for a pipe that holds more than 64 KiB, where the system can."""
    try:
        from fcntl import F_SETPIPE_SZ, fcntl
    except ImportError:
        return
    if stream is not None:
        try:
            fcntl(stream.fileno(), F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            return
