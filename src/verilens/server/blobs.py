"""Where files lie while they are needed: a folder, or a store that fsspec reads, such as S3.

Names are ours (`files/<id>`), never a user's. A blob appears whole or not at all.
"""

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from verilens.errors import ConfigError, MissingExtra

FULL = (errno.ENOSPC, errno.EDQUOT)


class Gone(FileNotFoundError):
    """A blob that is not in its store."""


def opened(where: str, staging: Path) -> "Blobs":
    """Return the store at `where`. ConfigError, MissingExtra."""
    if "://" in where:
        return Remote(where, staging)
    return Folder(Path(where))


class Folder:
    """Blobs as files below a folder. OSError where it fails, Gone for what is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            for kind in ("files", "previews"):
                (root / kind).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot keep files in {root}: {error.strerror}") from error

    def put(self, local: Path, name: str) -> None:
        """Keep a local file; it is moved, or copied and deleted."""
        target = self._path(name)
        try:
            os.replace(local, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(local, target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name too, before anybody is told
        finally:
            os.close(folder)

    def _copy(self, local: Path, target: Path) -> None:
        partial = target.with_suffix(".part")
        try:
            with local.open("rb") as source, partial.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
                copy.flush()
                os.fsync(copy.fileno())
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
        local.unlink(missing_ok=True)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Give a path at which the blob can be read."""
        path = self._path(name)
        if not path.exists():
            raise Gone(name)
        yield path

    def read(self, name: str, start: int, length: int) -> bytes:
        with self._path(name).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def size(self, name: str) -> int:
        return self._path(name).stat().st_size

    def delete(self, name: str) -> None:
        """Delete a blob, if it is there."""
        self._path(name).unlink(missing_ok=True)

    def older(self, folder: str, seconds: float) -> list[str]:
        """Return the names of a folder's blobs that have not changed for so long."""
        limit = time.time() - seconds
        found = []
        with os.scandir(self.root / folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.stat().st_mtime < limit:
                        found.append(f"{folder}/{entry.name}")
        return found

    def check(self) -> None:
        """Raise OSError when nothing can be kept here now."""
        if not os.access(self.root / "files", os.W_OK):
            raise PermissionError(f"{self.root} cannot be written")

    def _path(self, name: str) -> Path:
        return self.root / name


class Remote:
    """Blobs in what fsspec opens by URL. Reading one brings it to the staging folder first."""

    def __init__(self, url: str, staging: Path) -> None:
        self._fs, self._root = _filesystem(url)
        self._staging = staging

    def put(self, local: Path, name: str) -> None:
        self._fs.put_file(str(local), self._path(name))
        local.unlink(missing_ok=True)

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        self._staging.mkdir(parents=True, exist_ok=True)
        descriptor, path = tempfile.mkstemp(prefix="blob-", dir=self._staging)
        os.close(descriptor)
        try:
            try:
                self._fs.get_file(self._path(name), path)
            except FileNotFoundError as error:
                raise Gone(name) from error
            yield Path(path)
        finally:
            Path(path).unlink(missing_ok=True)

    def read(self, name: str, start: int, length: int) -> bytes:
        return bytes(self._fs.cat_file(self._path(name), start=start, end=start + length))

    def size(self, name: str) -> int:
        return int(self._fs.size(self._path(name)))

    def delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def older(self, folder: str, seconds: float) -> list[str]:
        return []  # a lifecycle rule of the bucket does that, without listing it

    def check(self) -> None:
        self._fs.exists(self._path("files"))

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(url)
    except ValueError as error:
        raise ConfigError(f"--blobs: {url!r} is no store that fsspec knows ({error})") from error
    except ImportError as error:
        raise MissingExtra(f"--blobs {url}: {error}") from error
    return filesystem, root


Blobs = Folder | Remote
