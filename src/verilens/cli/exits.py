"""How a command ends: messages instead of tracebacks, and an exit code that says what happened."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

BUG = 1  # or a damaged installation
USAGE = 2
UNREADABLE = 3
INTERRUPTED = 130
BROKEN_PIPE = 141
TERMINATED = 143
ISSUES = "the project's issue tracker"


class Terminated(BaseException):
    """SIGTERM arrived."""


@contextmanager
def exits() -> Iterator[None]:
    """Turn what a command raises into a message on standard error and an exit code."""
    from verilens.errors import (
        ConfigError,
        MediaError,
        StoreError,
        UnknownName,
        VerilensError,
    )

    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
        sys.stdout.flush()
    except (UnknownName, ConfigError, StoreError) as error:
        _leave(str(error), USAGE)
    except MediaError as error:
        _leave(str(error), UNREADABLE)
    except VerilensError as error:
        _leave(str(error), BUG)
    except BrokenPipeError:
        sys.exit(reader_gone())
    except KeyboardInterrupt:
        _leave("stopped", INTERRUPTED)
    except Terminated:
        _leave("stopped", TERMINATED)
    except Exception as error:
        if os.environ.get("VERILENS_DEBUG") == "1":
            traceback.print_exc()
        _leave(
            f"internal error: {type(error).__name__}: {error}\n"
            f"This is a bug in verilens; please report it in {ISSUES} with the output of "
            "'verilens doctor'. VERILENS_DEBUG=1 shows where it happened.",
            BUG,
        )
    finally:
        signal.signal(signal.SIGTERM, before)


def reader_gone() -> int:
    """Return the exit code for output that nobody reads any more, and let the rest go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _leave(message: str, code: int) -> None:
    from verilens.report.escape import visible

    plain = "\n".join(visible(line) for line in message.split("\n"))
    print(f"verilens: {plain}", file=sys.stderr)
    sys.exit(code)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated
