"""How a path is shown to a person."""

import os
from pathlib import Path


def shown(path: Path | str) -> str:
    """Return a path as one printable line, whatever bytes are in it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in os.fspath(path))
