"""Pickles from strangers, read without running anything in them.

Motion sets are published as pickles of arrays, dicts, lists, text and numbers. Only these are made
here: a name that a pickle asks for becomes a stand-in that holds data, never the thing named, and
arrays are built from their bytes by us. Anything else is refused.
"""

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError
from verilens.poses.make import MAX_VALUES

MAX_DEPTH = 64
ARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
DAMAGE = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(AttributeError, OverflowError, struct.error, MemoryError, RecursionError, AssertionError),
)


def unpickle(data: bytes) -> Any:
    """Return what a pickle holds; MediaError "refused" when it asks for more than plain data."""
    try:
        return _plain(_Unpickler(io.BytesIO(data)).load(), {}, 0)
    except DAMAGE as error:
        raise MediaError(
            "corrupt", f"no readable pickle ({error or type(error).__name__})"
        ) from error


class _Unpickler(pickle._Unpickler):
    """Python's own reader in Python: the one in C takes memory for a number that a file names."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise MediaError("refused", f"the pickle asks for {module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise MediaError("refused", "the pickle asks for an object outside of it")

    def get_extension(self, code: int) -> Any:
        raise MediaError("refused", "the pickle asks for a registered object")


class _Type:
    """Stands for numpy.dtype: remembers its code and byte order."""

    def __init__(self, code: str, align: bool = False, copy: bool = True) -> None:
        self.code, self.order = str(code), "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = str(state[1])

    def dtype(self) -> "np.dtype[Any]":
        found = np.dtype(self.code)
        if found.kind not in "fiubSUO" or found.subdtype or found.names:
            raise ValueError(f"an array of {self.code}")
        return found if self.order in "|=" else found.newbyteorder(self.order)  # type: ignore[arg-type]


class _Array:
    """Stands for numpy.ndarray: remembers its state."""

    def __init__(self) -> None:
        self.state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> tuple[NDArray[Any] | None, list[Any], tuple[int, ...]]:
        """Return the array; or, for objects, None with their list and shape."""
        _, shape, kind, fortran, data = self.state
        dtype = kind.dtype()
        shape = tuple(int(side) for side in shape)
        count = 1
        for side in shape:
            count *= side
        if any(side < 0 for side in shape) or count > MAX_VALUES or len(shape) > 8:
            raise ValueError(f"an array of shape {shape}")
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) != count:
                raise ValueError("an array of objects without them")
            return None, data, shape
        raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        if len(raw) != count * dtype.itemsize:
            raise ValueError(f"an array of {count} numbers in {len(raw)} bytes")
        order = "F" if fortran else "C"
        return np.frombuffer(raw, dtype).reshape(shape, order=order), [], shape  # type: ignore[call-overload]


class _Scalar:
    """Stands for a numpy number."""

    def __init__(self, kind: _Type, data: Any = b"") -> None:
        self.kind, self.data = kind, data

    def value(self) -> Any:
        raw = self.data.encode("latin-1") if isinstance(self.data, str) else bytes(self.data)
        (value,) = np.frombuffer(raw, self.kind.dtype()).tolist()
        return value


def _reconstruct(subtype: Any, shape: Any, kind: Any) -> _Array:
    return _Array()


def _from_buffer(data: Any, kind: _Type, shape: Any, order: str) -> _Array:
    array = _Array()
    array.state = (1, shape, kind, order == "F", data)
    return array


def _encoded(text: str, encoding: str) -> bytes:
    """Return bytes that protocol 2 wrote as text."""
    return text.encode("latin-1")


def _ordered(*pairs: Any) -> dict[Any, Any]:
    return dict(*pairs)


ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encoded,
    ("collections", "OrderedDict"): _ordered,
    **{(module, "_reconstruct"): _reconstruct for module in ARRAY},
    **{(module, "scalar"): _Scalar for module in ARRAY},
    **{(module, "_frombuffer"): _from_buffer for module in NUMERIC},
}


def _plain(value: Any, done: dict[int, Any], depth: int) -> Any:
    """Return the value with real arrays in place of what stands for them, each made once."""
    if depth > MAX_DEPTH:
        raise ValueError("it is nested too deeply")
    if isinstance(value, str | bytes | int | float | bool | type(None)):
        return value
    if id(value) in done:
        return done[id(value)]
    made: Any
    if isinstance(value, dict):
        made = done[id(value)] = {}
        made.update((_key(k, done), _plain(v, done, depth + 1)) for k, v in value.items())
    elif isinstance(value, list):
        made = done[id(value)] = []
        made.extend(_plain(item, done, depth + 1) for item in value)
    elif isinstance(value, tuple | set | frozenset):
        made = done[id(value)] = tuple(_plain(item, done, depth + 1) for item in value)
    elif isinstance(value, _Scalar):
        made = done[id(value)] = value.value()
    elif isinstance(value, _Array):
        made = done[id(value)] = _array(value, done, depth)
    else:
        raise MediaError("refused", f"the pickle holds a {type(value).__name__.strip('_').lower()}")
    return made


def _key(key: Any, done: dict[int, Any]) -> Any:
    return _plain(key, done, MAX_DEPTH - 4)


def _array(value: _Array, done: dict[int, Any], depth: int) -> Any:
    array, items, shape = value.array()
    if array is not None:
        return array
    objects = [_plain(item, done, depth + 1) for item in items]
    return objects[0] if shape == () else objects  # numpy stores a lone object without a shape
