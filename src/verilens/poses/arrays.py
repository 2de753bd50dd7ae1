"""Arrays out of .npz files from strangers: no pickles, and never more memory than is there."""

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.make import MAX_VALUES

MAX_ARRAYS = 100_000
MAX_BYTES = MAX_VALUES * 8
DAMAGE = (
    *(ValueError, NotImplementedError, SyntaxError, TypeError, KeyError, RuntimeError),
    *(AttributeError, IndexError, OverflowError, MemoryError, struct.error, tokenize.TokenError),
)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name; an array of objects is refused."""
    with _archive(path) as archive:
        return {_name(member): _array(archive, member, path) for member in archive.infolist()}


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays of an .npz file."""
    with _archive(path) as archive:
        return [_name(member) for member in archive.infolist()]


def read_objects(path: Path, name: str, unpickle: Callable[[bytes], Any]) -> Any:
    """Return an array of objects, whose pickle `unpickle` reads; None when it is not there."""
    with _archive(path) as archive:
        for member in archive.infolist():
            if _name(member) == name:
                with archive.open(member) as file:
                    if not _header(file)[2].hasobject:
                        raise MediaError("corrupt", f"{path}: {name} holds no objects")
                    return unpickle(file.read())
    return None


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an .npz file of bounded size; whatever is wrong in it becomes a MediaError."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            count = len(archive.infolist())
            if count > MAX_ARRAYS or size > MAX_BYTES:
                raise MediaError("too-large", f"{path}: {count} arrays of {size:,} bytes")
            yield archive
    except FileNotFoundError as error:
        raise MediaError("missing", f"{path}: no such file") from error
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise MediaError("corrupt", f"{path}: no readable .npz file ({error})") from error
    except DAMAGE as error:
        raise MediaError("corrupt", f"{path}: an array in it is damaged ({error})") from error


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy")


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    with archive.open(member) as file:
        shape, fortran, dtype = _header(file)
        if dtype.hasobject:
            raise MediaError("refused", f"{path}: {member.filename} is a pickle, which is not read")
        count = 1
        for side in shape:
            count *= int(side)
        if count < 0 or count * dtype.itemsize > member.file_size:
            raise MediaError("corrupt", f"{path}: {member.filename} is shorter than it says")
        values = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return values.reshape(shape, order="F" if fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    raise ValueError(f"version {version} of the array format")
