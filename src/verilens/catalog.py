"""Which methods exist, found without importing torch, and how to load one.

Built-in methods are the folders of the family packages whose `__init__.py` defines `CARD`; other
packages add theirs through the entry point group `verilens.methods`.
"""

import dataclasses
import difflib
import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from verilens.card import Card
from verilens.errors import UnknownName

if TYPE_CHECKING:
    from verilens.method import Method

FAMILIES = ("verify",)


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


def load(name: str, weights: str | None = "starter") -> "Method":
    """Return method `name` in evaluation mode with the named weights.

    weights: name of a weights card in the method's folder, or a path to a .safetensors file. None
        gives an untrained network, for training and tests only; scanning never asks for that.
    """
    from verilens import weights as store

    entry = card(name)
    module_name, _, class_name = entry.entry.partition(":")
    module = importlib.import_module(f"{entry.package}.{module_name}")
    method: Method = getattr(module, class_name)()
    if weights is not None:
        store.load_into(method, store.find(entry, weights))
    return method.eval()
