"""What every method promises, whatever its family, checked for each card in the catalog."""

import importlib
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
import torch
from building import cls, tiny

from verilens import catalog, weights
from verilens.card import Reads, Task
from verilens.train.recipe import Recipe

CARDS = list(catalog.cards().values())
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


@every_card
def test_card_is_complete(card):
    for field in ("name", "title", "summary", "paper", "licence", "limits", "tasks"):
        assert getattr(card, field), field
    assert re.fullmatch(r"[a-z][a-z0-9_]*", card.name)
    assert card.package.endswith(f".{card.name}")
    assert set(card.tasks) <= set(get_args(Task)) and card.reads in get_args(Reads)
    assert re.fullmatch(r"\w+:\w+", card.entry)
    assert len(card.summary) <= 80
    for sentence in (*card.limits, *card.uncertain):
        assert sentence.strip() == sentence and sentence


@every_card
def test_docstring_tells_the_idea_in_few_lines(card):
    text = importlib.import_module(card.package).__doc__.strip()
    assert 5 <= len(text.splitlines()) <= 10
    assert card.paper in text or card.paper.rpartition(":")[2] in text


def test_catalog_is_light():
    code = (
        "import sys; from verilens import catalog; catalog.cards(); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


@every_card
def test_loads_at_full_size_by_name(card):
    with torch.device("meta"):  # some have 700 million weights
        method = catalog.load(card.name, weights=None)
    assert isinstance(method, cls(card)) and not method.training


@every_card
def test_tiny_config_is_tiny(card):
    assert sum(p.numel() for p in tiny(card).parameters()) < 5_000_000


@every_card
def test_recipes_parse(card):
    for path in sorted(Path(str(files(card.package))).glob("recipes/*.toml")):
        recipe = Recipe.read(path)
        assert recipe.plan.epochs > 0 and recipe.table
        if recipe.expected is not None:  # left out where a published figure is not verified
            assert 0 < recipe.expected.value <= 1 and 0 < recipe.expected.tolerance < 0.2


@every_card
def test_shipped_weights_fit_and_say_where_they_come_from(card):
    shipped = weights.available(card)
    if not shipped:
        pytest.skip("no weights card")
    for name, weights_card in shipped.items():
        assert isinstance(catalog.load(card.name, name), cls(card))
        for field in ("licence", "corpus", "recipe", "command", "measured", "limits"):
            assert getattr(weights_card, field), field
