"""Methods are found without torch and loaded by name; a wrong name gets the nearest as answer."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from verilens import catalog
from verilens.card import Card
from verilens.errors import MissingWeights, UnknownName, VerilensError


def test_every_folder_of_a_family_is_a_method():
    assert {"npr", "patchcraft"} <= set(catalog.cards())
    for name, card in catalog.cards().items():
        assert card.name == name
        assert card.package in {f"verilens.{family}.{name}" for family in catalog.FAMILIES}


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'patchcraft'"):
        catalog.card("patchcarft")
    with pytest.raises(UnknownName, match="known: "):
        catalog.card("zzz")
    assert issubclass(UnknownName, VerilensError)


def test_loading_asks_for_weights_unless_told_otherwise():
    with pytest.raises(MissingWeights, match="no weights named 'nowhere'"):
        catalog.load("npr", "nowhere")
    assert not catalog.load("npr", weights=None).training


def test_other_packages_add_methods_but_replace_none(monkeypatch):
    card = Card(
        name="theirs",
        title="t",
        summary="s",
        tasks=("ai-image",),
        entry="model:M",
        paper="p",
        licence="l",
        limits=("x",),
    )
    for package, name in (("their_package", "theirs"), ("their_npr", "npr")):
        module = ModuleType(package)
        module.CARD = Card(**{**vars(card), "name": name})
        monkeypatch.setitem(sys.modules, package, module)
    entries = [
        EntryPoint(name, value, "verilens.methods")
        for name, value in (("theirs", "their_package"), ("npr", "their_npr"))
    ]
    monkeypatch.setattr(catalog, "entry_points", lambda group: entries)
    catalog.cards.cache_clear()
    try:
        assert catalog.card("theirs").package == "their_package"
        assert catalog.card("npr").package == "verilens.verify.npr"
    finally:
        catalog.cards.cache_clear()
