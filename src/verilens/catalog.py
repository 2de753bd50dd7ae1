"""Which methods exist, found without importing torch, and how to load one.

Built-in methods are the folders of the family packages whose `__init__.py` defines `CARD`; other
packages add theirs through the entry point group `verilens.methods`.
"""

import dataclasses
import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from verilens import config
from verilens.card import Card
from verilens.errors import UnknownName

if TYPE_CHECKING:
    from verilens.method import Method

FAMILIES = ("verify", "motion")


@cache
def cards() -> dict[str, Card]:
    """Return every installed method's card by name, built-in ones first."""
    found: dict[str, Card] = {}
    for family in FAMILIES:
        package = importlib.import_module(f"verilens.{family}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            if module.ispkg:
                _add(found, f"verilens.{family}.{module.name}")
    for entry in entry_points(group="verilens.methods"):
        _add(found, entry.value)
    return found


def _add(found: dict[str, Card], package: str) -> None:
    card = dataclasses.replace(importlib.import_module(package).CARD, package=package)
    found.setdefault(card.name, card)


def card(name: str) -> Card:
    """Return the card of method `name`; UnknownName suggests the nearest."""
    if name in cards():
        return cards()[name]
    close = difflib.get_close_matches(name, cards(), n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(cards())}"
    raise UnknownName(f"no method '{name}'; {hint} List them with 'verilens methods'.")


def load(name: str, weights: str | None = "starter") -> "Method[Any]":
    """Return method `name` in evaluation mode with the named weights.

    weights: name of a weights card in the method's folder, or a path to a .safetensors file, whose
        metadata may say how the network was configured. None gives an untrained network, for
        training and tests only; scanning never asks for that.
    """
    from verilens import weights as store

    if weights is None:
        return build(name)
    path = store.find(card(name), weights)
    method = build(name, store.config_of(path, name))
    store.load_into(method, path)
    return method


def build(name: str, changes: Mapping[str, Any] | None = None) -> "Method[Any]":
    """Return method `name` untrained, in evaluation mode.

    changes: fields of its Config that differ from the defaults; ConfigError when there is no such
        field.
    """
    entry = card(name)
    module_name, _, class_name = entry.entry.partition(":")
    module = importlib.import_module(f"{entry.package}.{module_name}")
    cls: type[Method[Any]] = getattr(module, class_name)
    method = cls(settings(name, changes)) if changes else cls()  # type: ignore[call-arg]
    return method.eval()


def settings(name: str, changes: Mapping[str, Any] | None = None) -> Any:
    """Return the `Config` of method `name`, its defaults changed; imports no torch."""
    cls = importlib.import_module(f"{card(name).package}.config").Config
    values = config.merged(dataclasses.asdict(cls()), changes or {})
    return config.build(cls, values, where=f"{name}: config")
