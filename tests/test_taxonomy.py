"""The taxonomy is a tree, every method has a place in it, and gaps are found."""

import dataclasses
import importlib.util
import re

import pytest
from typer.testing import CliRunner

from verilens import catalog, taxonomy
from verilens.card import Card, DataCard
from verilens.cli import app
from verilens.datasets import datasets
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


# What the survey of misinformation videos sets apart, and what stands for it here.
SURVEY = {
    "signal": """editing.insertion editing.duplication editing.splicing editing.copy-move
        editing.colour visual.texture visual.frequency proactive.watermark proactive.provenance""",
    "semantic": """semantic.within semantic.visual-text semantic.audio-text semantic.visual-audio
        semantic.reuse""",
    "intent": "intent.motive intent.publisher intent.comments intent.propagation",
}


def test_the_three_stages_of_misinformation_have_their_leaves():
    leaves = {node.id: node for node in taxonomy.cues()}
    assert {node.stage for node in leaves.values()} == set(SURVEY)
    for stage, ids in SURVEY.items():
        assert {leaves[name].stage for name in ids.split()} == {stage}


def test_what_nobody_reads_is_named_and_no_stage_is_silent():
    cards = list(catalog.cards().values())
    unread = {node.id for node in taxonomy.unread(cards)}
    assert {"semantic.reuse", "intent.motive", "intent.propagation"} <= unread
    assert not unread & {"visual.texture", "semantic.visual-text", "intent.comments"}
    assert taxonomy.silent(cards) == []
    result = CliRunner().invoke(app, ["methods", "--coverage"], env={"COLUMNS": "200"})
    said = result.output.rpartition("read by nobody: ")[2]
    assert set(said.strip().split(", ")) == unread


def test_coverage_fails_when_a_stage_has_no_reader(monkeypatch):
    found = taxonomy.cues()
    bare = [dataclasses.replace(c, views=()) if c.stage == "intent" else c for c in found]
    monkeypatch.setattr(taxonomy, "cues", lambda: bare)
    result = CliRunner().invoke(app, ["methods", "--coverage"])
    assert result.exit_code == 1 and "nothing reads intents" in result.output


def test_views_that_name_a_module_name_one_that_exists():
    for cue in taxonomy.cues():
        for view in cue.views:
            module = re.match(r"media\.\w+", view)
            assert module is None or importlib.util.find_spec(f"verilens.{module[0]}"), view


VERIFIERS = [c for c in catalog.cards().values() if c.package.startswith("verilens.verify.")]


@pytest.mark.parametrize("card", VERIFIERS, ids=lambda card: card.name)
def test_every_method_reads_a_cue_and_answers_at_a_level(card):
    leaves = {node.id for node in taxonomy.cues()}
    assert card.cues and set(card.cues) <= leaves
    assert card.levels and set(card.levels) <= set(taxonomy.LEVELS)


def test_the_public_sets_of_misinformation_videos_are_known():
    rows = taxonomy.published_sets()
    assert len({row.name for row in rows}) == len(rows) == 15
    for row in rows:
        assert row.platforms and row.languages and all(len(x) == 2 for x in row.languages)
        assert not row.adapter or row.adapter in datasets()
    assert {row.name for row in rows if row.adapter} == {"FakeSV", "FakeTT"}


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
