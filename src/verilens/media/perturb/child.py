"""The perturbing process: like the decoder process (`verilens.media.child`), but it writes a file.

Started by `Perturber` as `python -P -m verilens.media.perturb.child`. Requests come on standard
input as one line of JSON, facts of the written file go to standard output.
"""

import json
from pathlib import Path
from typing import BinaryIO

from verilens.errors import ConfigError, MediaError, VerilensError
from verilens.media import wire
from verilens.media.child import serve
from verilens.media.opened import Limits

_MAX_WRITTEN_BYTES = 64 << 30


def main() -> None:
    """Perturb what the parent asks for."""
    serve(_load, _answer, _MAX_WRITTEN_BYTES)


def _load() -> None:
    import cv2

    import verilens.media.perturb.stream  # noqa: F401

    cv2.setNumThreads(1)


def _answer(line: bytes, answers: BinaryIO, limits: Limits) -> None:
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
