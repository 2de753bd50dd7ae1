"""Pictures packed in an LMDB database, as DeepfakeBench ships them: one key a file.

A packed place is written "lmdb:<folder of the database>!<key of the folder in it>", so that it fits
where a path is expected. Keys may join their parts with / or with \\, depending on the system they
were packed on; either is found.
"""

import os
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from verilens.errors import DatasetError, MediaError, MissingExtra

PREFIX = "lmdb:"
_OPENING = Lock()  # LMDB refuses to open what another thread of the process is opening


def address(store: Path, below: str) -> str:
    """Return the place of `below` (parts joined with /) in the database in folder `store`."""
    return f"{PREFIX}{store}!{below}"


def is_packed(place: str) -> bool:
    """Return whether a place lies in a database."""
    return place.startswith(PREFIX)


def read(place: str, name: str = "") -> bytes:
    """Return the bytes of the file `name` below a packed place; MediaError when it is not there."""
    store, _, below = place.removeprefix(PREFIX).partition("!")
    parts = [part for part in f"{below}/{name}".split("/") if part]
    with _OPENING:
        database = _opened(store, os.getpid())
    with database.begin() as reading:
        for key in _keys(parts):
            found = reading.get(key.encode())
            if found is not None:
                return bytes(found)
    raise MediaError("missing", f"{store}: no file '{'/'.join(parts)}' in the database")


def _keys(parts: list[str]) -> tuple[str, ...]:
    """Return the ways one path may be spelled: the set's name is joined with \\ on every system."""
    return "/".join(parts), "\\".join(parts), f"{parts[0]}\\{'/'.join(parts[1:])}"


@lru_cache(maxsize=32)
def _opened(store: str, process: int) -> Any:
    """Return the database; a forked process must not share its parent's."""
    try:
        import lmdb
    except ImportError as error:
        raise MissingExtra("packed data sets need lmdb: pip install 'verilens[bench]'") from error
    try:
        return lmdb.open(store, readonly=True, create=False, lock=False, max_readers=512)
    except lmdb.Error as error:
        raise DatasetError(f"{store}: no readable LMDB database ({error})") from error
