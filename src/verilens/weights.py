"""Weights by name, checked by hash before anything is scored.

A method's folder may hold `<name>.safetensors` with `<name>.json` beside it (a WeightsCard). A file
elsewhere is used by its path. Only safetensors are read: they cannot carry code.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verilens.card import Card, WeightsCard
from verilens.errors import MissingWeights

if TYPE_CHECKING:
    from verilens.method import Method

KEY = "verilens"  # of the metadata that says what the tensors are
STARTING_POINT = "pretrained"  # field of a Config: a local file or folder to start training from
REINSTALL = "reinstall with 'pip install --force-reinstall --no-deps verilens'"


def available(card: Card) -> dict[str, WeightsCard]:
    """Return the weights cards that lie in the method's folder, by name."""
    folder = Path(str(files(card.package)))
    return {path.stem: WeightsCard.read(path) for path in sorted(folder.glob("*.json"))}


def is_shipped(card: Card, path: Path) -> bool:
    """Return whether a weights file is one of those that come with the method."""
    return any(path == known.file for known in available(card).values())


def find(card: Card, name: str) -> Path:
    """Return the checked file of weights `name`: a card in the method's folder, or a path."""
    if name.endswith(".safetensors"):
        path = Path(name)
        if not path.is_file():
            raise MissingWeights(f"{card.name}: no weights file at {path}")
        return path
    known = available(card)
    if name not in known:
        raise MissingWeights(
            f"{card.name}: no weights named '{name}' (known: {', '.join(known) or 'none'}); "
            f"train them or give a path to a .safetensors file, or {REINSTALL}"
        )
    return _checked(card.name, known[name].file, known[name].sha256)


@cache
def _checked(method: str, path: Path, expected: str) -> Path:
    if not path.is_file():
        raise MissingWeights(f"{method}: {path} is missing; {REINSTALL}")
    actual = sha256(path)
    if actual != expected:
        raise MissingWeights(
            f"{method}: {path} was altered (sha256 {actual[:12]}, expected {expected[:12]}); "
            f"{REINSTALL}"
        )
    return path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def metadata(method: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Return what a safetensors file says of the network whose tensors it holds.

    Where its training began is left out: another machine has no such file, and needs none.
    """
    network = _without(config, STARTING_POINT)
    return {KEY: json.dumps({"method": method, "config": network}, sort_keys=True)}


def _without(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {
        key: _without(value, name) if isinstance(value, Mapping) else value
        for key, value in config.items()
        if key != name
    }


def config_of(path: Path, method: str) -> dict[str, Any]:
    """Return the configuration in a file's metadata, empty when it has none.

    MissingWeights when the file is another method's.
    """
    facts = _facts(path)
    if facts.get("method", method) != method:
        raise MissingWeights(f"{path}: these are weights of {facts['method']}, not of {method}")
    config: dict[str, Any] = facts.get("config", {})
    return config


def method_of(path: Path) -> str:
    """Return whose weights a file holds, by its metadata; MissingWeights when it does not say."""
    facts = _facts(path)
    if "method" not in facts:
        raise MissingWeights(f"{path}: does not say whose weights it holds: not written here")
    return str(facts["method"])


def _facts(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            found = json.loads((file.metadata() or {}).get(KEY, "{}"))
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise MissingWeights(f"{path}: not a readable safetensors file ({error})") from error
    return found if isinstance(found, dict) else {}


def load_into(method: "Method[Any]", path: Path, but: tuple[str, ...] = ()) -> None:
    """Copy the tensors at `path` into `method`; every one must be there and fit.

    but: beginnings of names that stay as they are in `method`, whatever the file holds.
    """
    from safetensors.torch import load_file

    try:
        state = {name: tensor.float() for name, tensor in load_file(path).items()}
        if but:
            own = method.state_dict().items()
            state = {name: t for name, t in state.items() if not name.startswith(but)}
            state |= {name: tensor for name, tensor in own if name.startswith(but)}
        method.load_state_dict(state)
    except Exception as error:
        raise MissingWeights(f"{path}: does not fit {type(method).__name__}: {error}") from error
