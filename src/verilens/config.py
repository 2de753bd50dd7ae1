"""TOML into frozen dataclasses, strictly: an unknown or ill-typed field is an error.

Recipes hold values only: no class paths, no inheritance, no code.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

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
        kind = hints[name]
        if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
            value = build(kind, value, where=f"{where}: {name}")  # type: ignore[arg-type]
        elif isinstance(value, list):
            value = tuple(value)
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind in (int, float, bool, str) and type(value) is not kind:
            raise ConfigError(f"{where}: '{name}' must be {kind.__name__}, not {value!r}")
        arguments[name] = value
    try:
        return cls(**arguments)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error
