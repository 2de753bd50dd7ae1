"""Starter weights for presentation attacks: sources apart, both classes alike, honest figures."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from face_maker import figure, put, room
from verilens import catalog, weights
from verilens.media.faces import Face
from verilens.media.presentation import KINDS
from verilens.records import View
from verilens.train.starter import spoof_training
from verilens.train.starter.corpus import Item
from verilens.train.starter.spoof import finish, together
from verilens.train.starter.spoof_crops import (
    CROWDS,
    DISTURBED,
    GENUINE,
    GROUPS,
    MOMENTS,
    Bank,
    Presented,
    bank,
    films,
    genuine,
    joined,
    rendered,
    shown_as,
)
from verilens.train.starter.spoof_parts import (
    DRAWS,
    HELD,
    SHOWN,
    VALIDATING,
    part_of,
    parts,
    spread,
)
from verilens.train.starter.spoof_training import (
    UNKNOWN,
    Features,
    balance,
    featured,
    fitted,
    judged,
    rate,
    scores,
    threshold_of,
)
from verilens.train.starter.spoof_verdicts import Judged, clear, ece, flagged, of_films
from verilens.train.starter.write import halved
from verilens.verify.skin_probe.config import Config
from verilens.verify.skin_probe.model import SkinProbe

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
    assert not HELD & VALIDATING and not CROWDS.keys() & (HELD | VALIDATING)
    held, validating = sorted(HELD)[0], sorted(VALIDATING)[0]
    people = [person(s, n) for s in (held, validating, *CROWDS, "a/b") for n in "xyz"]
    found = parts(people)
    named = {name: {one.item.source for one in group} for name, group in found.items()}
    wanted = {"test": {held}, "validation": {validating}, "crowd": {*CROWDS}, "train": {"a/b"}}
    assert named == wanted and part_of("another/one") == "train"


def test_crowds_give_more_files_than_other_sources():
    one = person().item
    (crowd,) = CROWDS
    items = [
        dataclasses.replace(one, source=source, path=Path(str(n)), origin=f"{source}{n}")
        for source in ("a/b", crowd)
        for n in range(200)
    ]
    kept = Counter(item.source for item in genuine(items))
    assert kept == {"a/b": 120, crowd: 200}


def test_a_bank_holds_every_kind_of_every_person():
    draws = DRAWS["train"]
    made = joined(list(bank([person(), person("c/d")], draws, VIEW, 0)))
    assert made.crops.shape == (2 * sum(draws.values()), 48, 48, 3)
    assert set(made.kinds.tolist()) == {GENUINE, DISTURBED, *KINDS}
    assert {kind for kinds in GROUPS.values() for kind in kinds} == set(KINDS)
    again = joined(list(bank([person(), person("c/d")], draws, VIEW, 0)))
    assert np.array_equal(made.crops, again.crops)
    assert len(made.take(made.kinds == "mask").crops) == 2 * draws["mask"]


def test_disturbances_are_never_measured_on():
    assert DISTURBED in DRAWS["train"] and DISTURBED in DRAWS["crowd"]
    assert DRAWS["test"] == DRAWS["validation"] == SHOWN and DISTURBED not in SHOWN


def test_a_film_shows_one_presentation_that_moves():
    made = joined(list(films([person()], VIEW, 0)))
    assert made.crops.shape == ((1 + len(KINDS)) * MOMENTS, 48, 48, 3)
    first = made.crops[:MOMENTS].astype(int)
    moved = np.abs(first[0] - first[1]).mean()
    other = np.abs(first[0] - made.crops[-1].astype(int)).mean()
    assert 0 < moved < other


def test_what_is_rendered_is_what_a_scan_would_cut():
    found = rendered(person(), GENUINE, VIEW, np.random.default_rng(0))
    assert found.shape == (48, 48, 3) and found.std() > 10


def test_size_does_not_tell_attacks_from_bona_fide():
    sizes = {
        shown_as(person(), kind, np.random.default_rng(3))[0].shape
        for kind in (GENUINE, DISTURBED, *KINDS)
    }
    assert len(sizes) == 1


def toy(count=200):
    """Return a bank whose attacks are grainy."""
    rng = np.random.default_rng(0)
    kinds = np.array([GENUINE, "print"] * (count // 2))
    crops = np.full((count, 48, 48, 3), 120) + rng.integers(-2, 3, (count, 48, 48, 3))
    crops[kinds == "print"] += 30 * (np.arange(48) % 2)[None, :, None, None]
    return Bank(crops.astype(np.uint8), kinds, np.arange(count), np.full(count, "a/b"))


SMALL = dataclasses.replace(Config.tiny(), view=VIEW)


def probe():
    torch.manual_seed(0)
    return SkinProbe(SMALL).eval()


def test_the_head_learns_what_is_seen(monkeypatch):
    monkeypatch.setattr(spoof_training, "STEPS", 80)
    method = probe()
    made = featured(method, toy(80))
    assert not fitted(method, made, 0).training
    found = judged(scores(method, made), made.bank, threshold_of(method, made))
    assert found.acer == 0 and found.auc == 1
    first = scores(method, made)
    assert np.array_equal(scores(fitted(method, made, 0), made), first)
    assert np.abs(scores(halved(method), made) - first).max() < 0.1


def test_the_head_scores_what_a_scan_scores(monkeypatch):
    monkeypatch.setattr(spoof_training, "STEPS", 20)
    bank, method = toy(20), probe()
    made = featured(method, bank)
    fitted(method, made, 0)
    assert np.allclose(method.crop_logits(bank.crops), scores(method, made), atol=1e-3)


def test_classes_kinds_and_sources_weigh_as_they_should():
    kinds = np.array([GENUINE] * 6 + ["print"] * 3 + ["mask"] * 2 + [DISTURBED] * 2)
    sources = np.array(["a/b"] * 4 + ["c/d"] + ["e/f"] * 8)
    chances = balance(Bank(np.zeros(13), kinds, np.arange(13), sources))
    assert chances[:6].sum() == pytest.approx(0.5)
    assert chances[11:].sum() == pytest.approx(0.5 * UNKNOWN)
    assert chances[6:9].sum() == pytest.approx(chances[9:11].sum())
    assert chances[:4].sum() == pytest.approx(2 * chances[4])  # four files of a source, and one


def test_a_kind_can_be_left_out():
    made = featured(probe(), toy(20))
    left = made.without(("print",))
    assert set(left.bank.kinds.tolist()) == {GENUINE} and len(left.read) == 10
    both = together(made, left)
    assert len(both.read) == 30 and len(np.unique(both.bank.persons)) == 30


def test_films_are_judged_by_the_mean_of_their_frames():
    bank, method = toy(2 * MOMENTS), probe()
    made = Features(bank, featured(method, bank).read)
    found = of_films(method, made)
    assert found.logits[0] == pytest.approx(scores(method, made)[:MOMENTS].mean())
    assert len(found.bank.kinds) == len(found.logits) == 2


def toy_features(width, shown, persons=6, seed=0):
    """Return features that lie elsewhere for each kind of attack."""
    rng = np.random.default_rng(seed)
    kinds = np.array([kind for _ in range(persons) for kind, n in shown.items() for _ in range(n)])
    number = np.repeat(np.arange(persons), sum(shown.values()))
    read = rng.normal(0, 1, (len(kinds), width)) + 2 * (kinds != GENUINE)[:, None]
    sources = np.array([f"s{n % 3}/r" for n in number])
    bank = Bank(np.zeros((len(kinds), 1), np.uint8), kinds, number, sources)
    return Features(bank, torch.from_numpy(read).float())


def test_all_stages_end_in_weights_a_card_and_constants(tmp_path, monkeypatch):
    monkeypatch.setattr(spoof_training, "STEPS", 40)
    method = probe()
    width = method.norm.num_features
    filmed = {kind: MOMENTS for kind in SHOWN}
    made = {part: toy_features(width, draws) for part, draws in DRAWS.items()}
    made |= {f"{part}-films": toy_features(width, filmed) for part in ("validation", "test")}
    finish(method, made, tmp_path, 0)
    card = json.loads((tmp_path / "skin_probe" / "starter.json").read_text())
    assert card["measured"]["all_auc"] > 0.9 and "plain_left_out_mean_acer" in card["measured"]
    fusion = json.loads((tmp_path / "fusion.json").read_text())
    rows = {k: [r for r in of if r.get("claim") == "spoof"] for k, of in fusion.items()}
    assert rows["image"][0]["centre"] != rows["video"][0]["centre"]  # films on their own
    again = probe()
    weights.load_into(again, tmp_path / "skin_probe" / "starter.safetensors")
    assert np.abs(scores(again, made["test"]) - scores(method, made["test"])).max() < 1e-3


def test_calibration_error_by_hand():
    made = toy(20)
    attack = made.kinds == "print"
    assert ece(np.where(attack, 1.0, 0.0), made) == 0
    assert ece(np.full(20, 0.5), made) == 0
    assert ece(np.where(attack, 0.8, 0.4), made) == pytest.approx(0.5 * 0.2 + 0.5 * 0.4)


def test_the_verdict_is_measured_at_its_own_threshold():
    made = toy(20)
    logits = np.where(made.kinds == "print", 2.0, -2.0)
    logits[1] = -3.0  # an attack that passes
    row = {"centre": [0.0], "spread": [1.0], "draws": [[0.0, 1.0]], "doubt": 0.5}
    row["clear"] = clear(Judged(logits, made), row)
    found = flagged("verdict", Judged(logits, made), row)
    assert 0.047 < row["clear"] < 0.12  # above the lowest attack, below bona fide
    assert found["verdict_cleared_bona_fide"] == 0
    assert found["verdict_cleared_attacks"] == pytest.approx(0.1)
    assert found["verdict_bpcer"] == 0
    assert found["verdict_apcer_print"] == pytest.approx(0.1)
    assert 0 < found["verdict_ece"] < 0.3


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
    (card,) = weights.available(catalog.card("skin_probe")).values()
    assert card.file.stat().st_size < 3_000_000
    assert any("no real presentation attack" in limit for limit in card.limits)
    left_out = {f"left_out_{name}_acer" for name in GROUPS}
    assert left_out <= set(card.measured) and "all_bpcer" in card.measured
