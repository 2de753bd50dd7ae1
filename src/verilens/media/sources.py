"""From what a person typed to the files it means, one at a time.

    photo.jpg  a folder  'holiday/*.jpg'  @list.txt  -  https://example.org/photo.jpg

Lazy: a folder of a million files costs the names of one of its folders at a time. Whatever cannot
be reached becomes a source with an error, so that every argument is accounted for.
"""

import atexit
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from verilens.errors import MediaError, MediaErrorKind
from verilens.media.fetch import UrlRules, fetch, is_url
from verilens.media.names import shown
from verilens.records import Pose, Post

__all__ = ["Source", "UrlRules", "expand", "fetched"]

_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file to open. Either `path` or `error` is set; neither for an address not fetched yet.

    name: what the person typed, or the path found under it. temporary: the file is ours (from
    standard input or an address); call `discard` when it is no longer needed.
    post: the words that the file was published with; then `name` is that of the post.
    poses: how the persons in the film move, where that was given.
    """

    name: str
    path: Path | None = None
    error: MediaError | None = None
    temporary: bool = False
    post: Post | None = None
    poses: tuple[Pose, ...] = ()

    def discard(self) -> None:
        """Delete the file if it is temporary; what is forgotten goes when the program ends."""
        if self.temporary and self.path is not None:
            self.path.unlink(missing_ok=True)


def expand(
    arguments: Sequence[str], *, urls: UrlRules | None = None, fetching: bool = True
) -> Iterator[Source]:
    """Yield the files that the arguments mean, in their order; folders sorted by name.

    fetching: False leaves addresses to whoever opens them, with `fetched`.

    Hidden files and folders inside a folder are skipped, links to folders are not followed. A line
    of a list that is empty or starts with "#" is skipped; its paths are relative to the current
    folder.
    """
    rules = urls or UrlRules()
    for argument in arguments:
        if argument.startswith("@") and not os.path.lexists(argument):
            yield from _listed(argument[1:], rules, fetching)
        elif argument == "-":
            yield _standard_input(sys.stdin.buffer, rules)
        else:
            yield from _expand_one(argument, rules, fetching)


def _expand_one(argument: str, rules: UrlRules, fetching: bool) -> Iterator[Source]:
    """Yield what an address, a folder, a pattern or a path means."""
    if is_url(argument):
        yield fetched(argument, rules) if fetching else Source(name=argument)
    elif os.path.isdir(argument):
        yield from _folder(argument)
    elif not os.path.lexists(argument) and glob.has_magic(argument):
        yield from _matches(argument)
    else:
        yield Source(name=argument, path=Path(argument))


def _folder(folder: str) -> Iterator[Source]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in found
                if not entry.name.startswith(".")
            )
    except OSError as error:
        message = f"{shown(folder)}: the folder cannot be listed; check its mode"
        yield Source(name=folder, error=MediaError(_kind(error), message))
        return
    for name, is_folder in entries:
        path = os.path.join(folder, name)
        if is_folder:
            yield from _folder(path)
        elif not os.path.isdir(path):
            yield Source(name=path, path=Path(path))


def _matches(pattern: str) -> Iterator[Source]:
    found = sorted(glob.iglob(pattern, recursive=True))
    if not found:
        message = f"{shown(pattern)}: no file matches this pattern; check it, and quote it"
        yield Source(name=pattern, error=MediaError("missing", message))
    for path in found:
        if not os.path.isdir(path):
            yield Source(name=path, path=Path(path))
        elif "**" not in pattern:
            yield from _folder(path)


def _listed(list_path: str, rules: UrlRules, fetching: bool) -> Iterator[Source]:
    try:
        with open(list_path, "rb") as lines:
            for number, line in enumerate(lines):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
                entry = os.fsdecode(text.rstrip(b"\r\n"))
                if entry.strip() and not entry.startswith("#") and "\0" not in entry:
                    yield from _expand_one(entry, rules, fetching)
    except OSError as error:
        message = f"{shown(list_path)}: the list cannot be read ({error.strerror}); check the path"
        yield Source(name="@" + list_path, error=MediaError(_kind(error), message))


def _kind(error: OSError) -> MediaErrorKind:
    return "permission" if isinstance(error, PermissionError) else "missing"


def _standard_input(stream: BinaryIO, rules: UrlRules) -> Source:
    """Return the bytes of standard input as a private temporary file."""
    path = _temporary()
    size = 0
    with open(path, "wb") as file:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > rules.max_bytes:
                path.unlink()
                limit = f"{rules.max_bytes / 2**20:g} MiB"
                message = f"-: standard input goes on beyond {limit}; save it to a file first"
                return Source(name="-", error=MediaError("too-large", message))
            file.write(piece)
    return Source(name="-", path=path, temporary=True)


def fetched(url: str, rules: UrlRules) -> Source:
    """Return what lies at an address as a private temporary file."""
    path = _temporary()
    try:
        with open(path, "wb") as file:
            fetch(url, file, rules)
    except MediaError as error:
        path.unlink(missing_ok=True)
        return Source(name=url, error=error)
    return Source(name=url, path=path, temporary=True)


def _temporary() -> Path:
    """Return a new empty file that only we can read, in a folder that goes when we go."""
    global _room
    if _room is None or not os.path.isdir(_room):
        _room = tempfile.mkdtemp(prefix="verilens-")
        atexit.register(shutil.rmtree, _room, ignore_errors=True)
    descriptor, path = tempfile.mkstemp(dir=_room)
    os.close(descriptor)
    return Path(path)


_room: str | None = None
