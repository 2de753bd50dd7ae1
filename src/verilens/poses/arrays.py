"""Arrays out of .npz files from strangers: no pickles, and never more memory than is there."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.make import MAX_VALUES

MAX_ARRAYS = 100_000
MAX_BYTES = MAX_VALUES * 8


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file by name; an array of objects is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > MAX_ARRAYS or size > MAX_BYTES:
                raise MediaError("too-large", f"{path}: {len(members)} arrays of {size:,} bytes")
            return {m.filename.removesuffix(".npy"): _array(archive, m, path) for m in members}
    except FileNotFoundError as error:
        raise MediaError("missing", f"{path}: no such file") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise MediaError("corrupt", f"{path}: no readable .npz file ({error})") from error
    except (ValueError, NotImplementedError, SyntaxError, TypeError, KeyError) as error:
        raise MediaError("corrupt", f"{path}: an array in it is damaged ({error})") from error


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
