"""The perturbing process: like the decoder process (`verilens.media.child`), but it writes a file.

Started by `Perturber` as `python -P -m verilens.media.perturb.child`. Requests come on standard
input as one line of JSON, facts of the written file go to standard output.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from verilens.errors import ConfigError, MediaError, VerilensError
from verilens.media import wire
from verilens.media.child import bind_memory, bind_time, die_with, tidy
from verilens.media.opened import Limits

_MAX_WRITTEN_BYTES = 64 << 30


def main() -> None:
    """Serve until the parent closes the pipe. Arguments: the parent's pid, limits as JSON."""
    parent, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not talk to the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(parent)
    import cv2

    import verilens.media.perturb.stream  # noqa: F401  (loads the decoders before memory is bound)

    cv2.setNumThreads(1)
    bind_memory(limits.memory_bytes, _MAX_WRITTEN_BYTES)
    while line := sys.stdin.buffer.readline():
        bind_time(limits.seconds)
        _serve(line, answers, limits)
        tidy()


def _serve(line: bytes, answers: BinaryIO, limits: Limits) -> None:
    from verilens.media.perturb.stream import Job, perturb_one
    from verilens.media.still import said

    asked = json.loads(line)
    name = asked["name"]
    try:
        job = Job(**asked["job"])
        facts = perturb_one(Path(asked["source"]), name, Path(asked["target"]), job, limits)
    except MediaError as error:
        wire.send_error(answers, error)
    except ConfigError as error:
        wire.send_error(answers, MediaError("too-small", f"{name}: {error}"))
    except VerilensError as error:
        wire.send_error(answers, MediaError("unsupported", f"{name}: {error}"))
    except MemoryError:
        message = f"{name}: perturbing it needs more memory than allowed; scale it down"
        wire.send_error(answers, MediaError("too-large", message))
    except Exception as error:
        message = f"{name}: cannot be perturbed ({type(error).__name__}: {said(error)})"
        wire.send_error(answers, MediaError("corrupt", message))
    else:
        wire.send_facts(answers, facts)


if __name__ == "__main__":
    main()
