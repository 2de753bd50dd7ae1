"""The taxonomy is a tree, every method has a place in it, and gaps are found."""

import dataclasses

import pytest
from typer.testing import CliRunner

from verilens import catalog, taxonomy
from verilens.card import Card, DataCard
from verilens.cli import app
from verilens.errors import ConfigError, UnknownName


def test_every_leaf_is_reached_from_a_root():
    known = taxonomy.nodes()
    for node in known.values():
        assert node.parent in known or not node.parent
        assert all(known[child].parent == node.id for child in node.children)


def test_generation_has_its_branches_with_engines():
    known = taxonomy.nodes()
    for branch in ("swap", "reenact", "audio-driven"):
        assert len(known[f"generation.{branch}"].children) >= 2


@pytest.mark.parametrize("card", catalog.cards().values(), ids=lambda card: card.name)
def test_every_method_reads_a_cue_and_answers_at_a_level(card):
    leaves = {node.id for node in taxonomy.cues()}
    assert card.cues and set(card.cues) <= leaves
    assert card.levels and set(card.levels) <= set(taxonomy.LEVELS)


def test_finding_is_filtering_by_hand():
    cards = list(catalog.cards().values())
    by_hand = [c.name for c in cards if any(q.startswith("visual.") for q in c.cues)]
    assert taxonomy.find(cards, "visual") == by_hand
    clips = [c.name for c in cards if "visual.frequency" in c.cues and "clip" in c.levels]
    assert "npr" in clips and taxonomy.find(cards, "visual.frequency", "clip") == clips
    assert taxonomy.find(cards, "audio", "clip") == []
    with pytest.raises(UnknownName, match=r"visual\.frequency"):
        taxonomy.find(cards, "viseul")


def test_coverage_fails_when_a_required_cell_is_empty(monkeypatch):
    assert taxonomy.gaps(catalog.cards().values()) == []
    assert CliRunner().invoke(app, ["methods", "--coverage"]).exit_code == 0
    deaf = {n: dataclasses.replace(c, levels=("clip",)) for n, c in catalog.cards().items()}
    monkeypatch.setattr(catalog, "cards", lambda: deaf)
    result = CliRunner().invoke(app, ["methods", "--coverage", "--json"])
    assert (
        result.exit_code == 1 and "nothing covers visual at the level of a frame" in result.output
    )


@pytest.mark.parametrize("field", ["licence", "consent"])
def test_a_data_set_must_state_licence_and_consent(field):
    facts = dict.fromkeys(("title", "summary", "layout", "paper", "access"), "x")
    facts |= {"licence": "CC0", "consent": "paid actors"} | {field: " "}
    with pytest.raises(ConfigError, match=field):
        DataCard(name="mine", tasks=(), year=2026, **facts)


def test_cards_say_nothing_by_default():
    assert Card.__dataclass_fields__["cues"].default == ()
