"""The decoder process: requests come on standard input, answers go to standard output.

Started by `verilens.media.sandbox` as `python -P -m verilens.media.child`. It binds itself to
limits before it touches a file, imports no torch, and dies with its parent. Other processes of the
sandbox differ in what they answer alone, see `serve`.
"""

import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from verilens.errors import MediaError
from verilens.media import wire
from verilens.media.opened import Limits

_MAX_WRITTEN_BYTES = 1 << 20
_KEPT_BYTES = 256 << 20  # above it, what a large file left free goes back
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Decode what the parent asks for."""
    serve(_load, _answer)


def _load() -> None:
    import verilens.media.read  # noqa: F401


def serve(
    load: Callable[[], None],
    answer: Callable[[bytes, BinaryIO, Limits], None],
    written_bytes: int = _MAX_WRITTEN_BYTES,
) -> None:
    """Answer until the parent closes the pipe. Arguments: the parent's pid, limits as JSON.

    load: imports the decoders, before memory is bound. answer: one request; it raises nothing.
    written_bytes: how large a file may become.
    """
    parent, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not talk to the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(parent)
    load()
    gc.collect()
    gc.freeze()
    bind_memory(limits.memory_bytes, written_bytes)
    while line := sys.stdin.buffer.readline():
        bind_time(limits.seconds)
        answer(line, answers, limits)
        tidy()


def _answer(line: bytes, answers: BinaryIO, limits: Limits) -> None:
    """Answer one request; whatever a damaged file makes a decoder raise ends here."""
    from verilens.media.read import read

    path, name, views, examined = wire.parse_request(line)
    try:
        opened = read(Path(path), views, limits, name, examined)
    except MediaError as error:
        wire.send_error(answers, error)
    except MemoryError:
        message = f"{name}: decoding it needs more memory than allowed; scale it down"
        wire.send_error(answers, MediaError("too-large", message))
    except Exception as error:
        message = f"{name}: cannot be decoded ({type(error).__name__})"
        wire.send_error(answers, MediaError("corrupt", message))
    else:
        wire.send(answers, opened)


def die_with(parent: int) -> None:
    """End this process when its parent ends, at once if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(os, "getppid") and os.getppid() != parent:
        os._exit(0)


def tidy() -> None:
    """Free what a file left; hand it back to the system where it is much (glibc only)."""
    gc.collect()  # containers and their frames hold each other
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None and resident_bytes(os.getpid()) > _KEPT_BYTES:
        trim(0)


def resident_bytes(pid: int) -> int:
    """Return what a process keeps in memory; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def bind_memory(memory_bytes: int, written_bytes: int = _MAX_WRITTEN_BYTES) -> None:
    """Allow so much private memory, files of so many bytes, and no core dump."""
    with contextlib.suppress(ImportError):
        import resource

        _lower(resource.RLIMIT_CORE, 0)
        _lower(resource.RLIMIT_FSIZE, written_bytes)
        if sys.platform == "linux":
            _lower(resource.RLIMIT_DATA, memory_bytes)
            _lower(resource.RLIMIT_AS, memory_bytes + (2 << 30))


def bind_time(seconds: float) -> None:
    """Allow `seconds` more of processor time, then the kernel ends the process."""
    with contextlib.suppress(ImportError):
        import resource

        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 2, hard))


def _lower(what: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(what)[1]
    limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main()
