"""TOML into frozen dataclasses, strictly: an unknown or ill-typed field is an error.

Recipes hold values only: no class paths, no inheritance, no code.
"""

import dataclasses
import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from verilens.errors import ConfigError

T = TypeVar("T")


def load(cls: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """Return `cls` built from the TOML file at `path`, then from overrides such as "lr=1e-3"."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return build(cls, override(values, overrides), where=str(path))


def override(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return `values` with each "dotted.key=value" applied; values are read as TOML."""
    result = dict(values)
    for item in overrides:
        key, separator, text = item.partition("=")
        if not separator:
            raise ConfigError(f"--set {item}: write key=value")
        try:
            value = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            value = text
        target = result
        *parents, leaf = key.strip().split(".")
        for parent in parents:
            target[parent] = dict(target.get(parent, {}))
            target = target[parent]
        target[leaf] = value
    return result


def build(cls: type[T], values: Mapping[str, Any], where: str = "config") -> T:
    """Return dataclass `cls` from plain values; nested tables become nested dataclasses."""
    hints = get_type_hints(cls)
    fields = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if name not in fields:
            close = difflib.get_close_matches(name, fields, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; known: {sorted(fields)}"
            raise ConfigError(f"{where}: unknown field '{name}'{hint}")
        kind = _dataclass_of(hints[name])
        if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
            value = build(kind, value, where=f"{where}: {name}")  # type: ignore[arg-type]
        elif isinstance(value, list):
            value = _frozen(value)
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind in (int, float, bool, str) and type(value) is not kind:
            raise ConfigError(f"{where}: '{name}' must be {kind.__name__}, not {value!r}")
        if get_origin(kind) is Literal and value not in get_args(kind):
            choices = ", ".join(map(str, get_args(kind)))
            raise ConfigError(f"{where}: '{name}' must be one of {choices}, not {value!r}")
        arguments[name] = value
    try:
        return cls(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def _frozen(value: Any) -> Any:
    """Return lists as tuples, those within them too."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _dataclass_of(hint: Any) -> Any:
    """Return the dataclass in "dataclass | None"; any other annotation as it is."""
    inner = [part for part in get_args(hint) if dataclasses.is_dataclass(part)]
    return inner[0] if len(inner) == 1 else hint


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with `changes` laid over them, table by table."""
    result = dict(values)
    for key, value in changes.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return result


def dumps(values: Mapping[str, Any], table: str = "") -> str:
    """Return the values as TOML that `load` reads back; None is left out."""
    plain, nested = [], []
    for key, value in values.items():
        if isinstance(value, Mapping):
            nested.append((f"{table}.{key}" if table else key, value))
        elif value is not None:
            plain.append(f"{key} = {_toml(value)}\n")
    head = f"[{table}]\n" if table and plain else ""
    parts = [head + "".join(plain), *(dumps(inner, name) for name, inner in nested)]
    return "\n".join(part for part in parts if part)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML string too
    return repr(value)
