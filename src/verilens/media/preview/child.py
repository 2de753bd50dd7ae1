"""The process that makes previews: like the decoder process, but it writes a file.

Started by `Previewer` as `python -P -m verilens.media.preview.child`.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path
from typing import BinaryIO

from verilens.errors import MediaError, VerilensError
from verilens.media import wire
from verilens.media.child import bind_memory, bind_time, die_with
from verilens.media.opened import Limits

MAX_WRITTEN_BYTES = 1 << 30


def main() -> None:
    """Serve until the parent closes the pipe. Arguments: the parent's pid, limits as JSON."""
    parent, limits = int(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not talk to the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(parent)
    import verilens.media.preview.encode  # noqa: F401  (loads the decoders before memory is bound)

    bind_memory(limits.memory_bytes, MAX_WRITTEN_BYTES)
    while line := sys.stdin.buffer.readline():
        bind_time(limits.seconds)
        _serve(line, answers, limits)
        gc.collect()


def _serve(line: bytes, answers: BinaryIO, limits: Limits) -> None:
    from verilens.media.preview.encode import preview

    asked = json.loads(line)
    name = asked["name"]
    try:
        facts = preview(
            Path(asked["source"]), name, Path(asked["target"]), asked["budget_s"], limits
        )
    except MediaError as error:
        wire.send_error(answers, error)
    except VerilensError as error:
        wire.send_error(answers, MediaError("unsupported", f"{name}: {error}"))
    except MemoryError:
        message = f"{name}: showing it needs more memory than allowed"
        wire.send_error(answers, MediaError("too-large", message))
    except Exception as error:
        message = f"{name}: cannot be shown ({type(error).__name__})"
        wire.send_error(answers, MediaError("corrupt", message))
    else:
        wire.send_facts(answers, facts)


if __name__ == "__main__":
    main()
