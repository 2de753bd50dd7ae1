"""Starter weights for presentation attacks: sources apart, both classes alike, honest figures."""

from pathlib import Path

import numpy as np
import pytest

from face_maker import figure, put, room
from verilens import catalog, weights
from verilens.media.faces import Face
from verilens.media.presentation import KINDS
from verilens.records import View
from verilens.train.starter.corpus import Item
from verilens.train.starter.spoof import GROUPS, parts, spread
from verilens.train.starter.spoof_crops import (
    DRAWS,
    GENUINE,
    Bank,
    Presented,
    bank,
    joined,
    rendered,
)
from verilens.train.starter.spoof_training import (
    balance,
    featured,
    fitted,
    halved,
    judged,
    rate,
    scores,
    threshold_of,
)
from verilens.verify.colour_texture.config import Config
from verilens.verify.colour_texture.model import ColourTexture

VIEW = View(size=48, fit="face", margin=2.0, shape="box")
POINTS = np.array([[68, 70], [92, 70], [80, 85], [70, 98], [90, 98]], np.float32)


def person(source="a/b", name="x"):
    item = Item(
        path=Path(name), kind="image", label="real", generator="", source=source,
        origin=f"{source}:{name}", width=160, height=160,
    )  # fmt: skip
    picture = put(room((160, 160)), figure(), (80, 82), 60)
    return Presented(item, picture, Face((57.0, 52.0, 103.0, 112.0), 1.0, POINTS))


def test_sources_are_apart():
    people = [person(f"s{n % 7}/r", f"{n}") for n in range(70)]
    found = parts(people)
    named = {name: {one.item.source for one in group} for name, group in found.items()}
    assert all(named.values()) and sum(len(group) for group in found.values()) == 70
    assert not named["train"] & named["test"] and not named["validation"] & named["test"]


def test_a_bank_holds_every_kind_of_every_person():
    made = joined(list(bank([person(), person("c/d")], VIEW, 0)))
    assert made.crops.shape == (2 * sum(DRAWS.values()), 48, 48, 3)
    assert set(made.kinds.tolist()) == {GENUINE, *KINDS}
    assert {kind for kinds in GROUPS.values() for kind in kinds} == set(KINDS)
    again = joined(list(bank([person(), person("c/d")], VIEW, 0)))
    assert np.array_equal(made.crops, again.crops)
    assert len(made.take(made.kinds == "mask").crops) == 2 * DRAWS["mask"]


def test_what_is_rendered_is_what_a_scan_would_cut():
    found = rendered(person(), GENUINE, VIEW, np.random.default_rng(0))
    assert found.shape == (48, 48, 3) and found.std() > 10


def toy(count=200):
    """Return a bank whose attacks are grainy."""
    rng = np.random.default_rng(0)
    kinds = np.array([GENUINE, "print"] * (count // 2))
    crops = np.full((count, 48, 48, 3), 120) + rng.integers(-2, 3, (count, 48, 48, 3))
    crops[kinds == "print"] += 30 * (np.arange(48) % 2)[None, :, None, None]
    return Bank(crops.astype(np.uint8), kinds, np.arange(count), np.full(count, "a/b"))


SMALL = Config(radii=(1,), cells=1, hidden=8, view=VIEW)


def test_the_head_learns_what_is_counted():
    made = featured(ColourTexture(SMALL), toy())
    method = fitted(SMALL, made, 0)
    assert not method.training
    found = judged(scores(method, made), made.bank, threshold_of(method, made))
    assert found.acer == 0 and found.auc == 1
    again = scores(fitted(SMALL, made, 0), made)
    assert np.array_equal(again, scores(method, made))
    assert np.abs(scores(halved(method), made) - again).max() < 0.1


def test_the_head_scores_what_a_scan_scores():
    bank = toy(20)
    made = featured(ColourTexture(SMALL), bank)
    method = fitted(SMALL, made, 0)
    assert np.allclose(method.crop_logits(bank.crops), scores(method, made), atol=1e-4)


def test_classes_and_kinds_weigh_the_same():
    kinds = np.array([GENUINE] * 6 + ["print"] * 3 + ["mask"])
    chances = balance(kinds)
    assert chances[:6].sum() == pytest.approx(0.5)
    assert chances[6:9].sum() == pytest.approx(chances[9]) == pytest.approx(0.25)


def test_a_kind_can_be_left_out():
    made = featured(ColourTexture(SMALL), toy(20))
    left = made.without(("print",))
    assert set(left.bank.kinds.tolist()) == {GENUINE} and len(left.counts) == 10


def test_figures_by_hand():
    made = toy(20)
    logits = np.where(made.kinds == "print", 1.0, -1.0)
    logits[:3] = (0.5, -0.5, 0.9)  # a false alarm, a miss, a false alarm
    found = judged(logits, made, 0.0)
    assert found.bpcer.value == pytest.approx(0.2)
    assert found.apcer["print"].value == pytest.approx(0.1)
    assert found.acer == pytest.approx(0.15)
    assert found.bpcer.low < 0.2 < found.bpcer.high


def test_intervals_draw_persons_together():
    errors = np.repeat([True, False, False, False], 10)
    wide = rate(errors, np.repeat(np.arange(4), 10))
    narrow = rate(errors, np.arange(40))
    assert wide.value == narrow.value == 0.25
    assert wide.high - wide.low > narrow.high - narrow.low
    assert 0.3 < rate(np.zeros(4, bool), np.arange(4)).high < 0.6


def test_faces_are_spread_over_sources():
    people = [person("a/b", f"{n}") for n in range(9)] + [person("c/d", "x")]
    assert [one.item.source for one in spread(people, 3)] == ["a/b", "c/d", "a/b"]


def test_the_starter_weights_are_small_and_say_that_they_saw_no_real_attack():
    (card,) = weights.available(catalog.card("colour_texture")).values()
    assert card.file.stat().st_size < 3_000_000
    assert any("no real presentation attack" in limit for limit in card.limits)
    left_out = {f"left_out_{name}_acer" for name in GROUPS}
    assert left_out <= set(card.measured) and "all_bpcer" in card.measured
