"""The process that makes previews: like the decoder process, but it writes a file.

Started by `Previewer` as `python -P -m verilens.media.preview.child`.
"""

import json
from pathlib import Path
from typing import BinaryIO

from verilens.errors import MediaError, VerilensError
from verilens.media import wire
from verilens.media.child import serve
from verilens.media.opened import Limits

MAX_WRITTEN_BYTES = 1 << 30


def main() -> None:
    """Make the previews that the parent asks for."""
    serve(_load, _answer, MAX_WRITTEN_BYTES)


def _load() -> None:
    import verilens.media.preview.encode  # noqa: F401


def _answer(line: bytes, answers: BinaryIO, limits: Limits) -> None:
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
