"""Biases that are there are found, those that are not are not, and nobody is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns
from verilens.bench.fairness import Asked, fairness, plain
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.errors import ConfigError

# person, label, score, skin type, lighting: 24 rows of 4 persons.
TABLE = [
    *[("p1", 1, s, "1", "bright") for s in (0.9, 0.8, 0.2)],
    *[("p1", 0, s, "1", "dark") for s in (0.1, 0.6, 0.3)],
    *[("p2", 1, s, "1", "dark") for s in (0.7, 0.7, 0.4)],
    *[("p2", 0, s, "1", "bright") for s in (0.2, 0.2, 0.2)],
    *[("p3", 1, s, "6", "bright") for s in (0.3, 0.4, 0.9)],
    *[("p3", 0, s, "6", "dark") for s in (0.7, 0.8, 0.1)],
    *[("p4", 1, s, "N/A", "bright") for s in (0.9, 0.9, 0.9)],
    *[("p4", 0, s, "N/A", "") for s in (0.1, 0.1, 0.1)],
]


def samples(rows, names=("skin-type", "lighting")):
    found = [
        Prediction(
            id=f"{person}_{n}",
            label=label,
            score=score,
            identity=person,
            attributes=dict(zip(names, rest, strict=True)),
        )
        for n, (person, label, score, *rest) in enumerate(rows)
    ]
    return columns.of(found, Path("npr.parquet"), "npr")


def simulated(seed, lower=0.0, people=400, videos=5, spread=0.15):
    """Return 0/1 answers on fakes; skin types 5 and 6 have a recall lower by `lower`.

    Each person has a recall of their own around 0.8, so videos of one are alike.
    """
    rng = np.random.default_rng(seed)
    skin = rng.integers(1, 7, people)
    own = np.clip(0.8 - lower * (skin >= 5) + rng.uniform(-spread, spread, people), 0, 1)
    called = rng.random((people, videos)) < own[:, None]
    who = np.repeat(np.arange(people), videos)
    return columns.Columns(
        name="toy",
        path=Path("toy.parquet"),
        score=called.ravel().astype(float),
        label=np.ones(people * videos, np.intp),
        frame=np.full(people * videos, -1),
        texts={
            "id": columns.Text(np.arange(people * videos), tuple(map(str, range(people * videos)))),
            "identity": columns.Text(who, tuple(f"secret{n}" for n in range(people))),
            **{
                name: columns.Text(np.zeros(people * videos, int), ("",))
                for name in ("dataset", "generator", "source", "split", "kind")
            },
        },
        attributes={"skin-type": columns.Text(skin[who] - 1, tuple("123456"))},
    )


MERGED = {"skin-type": {**dict.fromkeys("1234", "I-IV"), **dict.fromkeys("56", "V-VI")}}


def dark(found):
    (cut,) = found.slices
    return next(group for group in cut.groups if group.name == "V-VI").against["tpr"]


def test_values_of_a_24_row_table():
    asked = Asked(by=("skin-type",), few=1, plan=Plan(draws=50))
    found = fairness(samples(TABLE), asked)
    (cut,) = found.slices
    groups = {group.name: group for group in cut.groups}
    assert list(groups) == ["1", "2", "3", "4", "5", "6"]
    one, six = groups["1"], groups["6"]
    assert (one.people, one.fakes, one.genuine) == (2, 6, 6)
    assert (six.people, six.fakes, six.genuine) == (1, 3, 3)
    assert (groups["2"].people, groups["2"].cells["tpr"].value) == (0, None)
    assert (cut.unstated, cut.unstated_people) == (6, 1)
    # Type 1: 4 of 6 fakes called, 1 of 6 genuine. Type 6: 1 of 3 and 2 of 3.
    assert one.cells["tpr"].value == pytest.approx(4 / 6)
    assert one.cells["fpr"].value == pytest.approx(1 / 6)
    assert one.cells["precision"].value == pytest.approx(4 / 5)
    assert one.cells["wp"].value == pytest.approx(4 / 104)
    assert six.cells["tpr"].value == pytest.approx(1 / 3)
    assert six.cells["acc"].value == pytest.approx(2 / 6)
    right = [0.9, 0.8, 0.2, 0.9, 0.4, 0.7, 0.7, 0.7, 0.4, 0.8, 0.8, 0.8]
    assert one.cells["logloss"].value == pytest.approx(-np.log(right).mean())
    gaps = {gap.rate: gap for gap in cut.gaps}
    assert (gaps["tpr"].highest, gaps["tpr"].lowest, gaps["tpr"].worst) == ("1", "6", "6")
    assert gaps["tpr"].difference.value == pytest.approx(1 / 3)
    assert gaps["tpr"].ratio.value == pytest.approx(1 / 2)
    assert gaps["tpr"].spread == pytest.approx(1 / 6)
    assert gaps["fpr"].worst == "6"
    assert cut.odds.value == pytest.approx(1 / 2)


def test_sheet_values_of_one_group():
    rows = [("a", 1, 0.9, "1", ""), ("b", 0, 0.2, "1", "")]
    (cut,) = fairness(samples(rows), Asked(by=("skin-type",), plan=Plan(draws=50))).slices
    assert cut.groups[0].cells["logloss"].value == pytest.approx(0.1643, abs=5e-5)


def test_a_bias_is_found_and_its_interval_holds_the_truth():
    covered, found = 0, []
    for seed in range(100):
        plan = Plan(draws=300, seed=seed)
        asked = Asked(by=("skin-type",), merge=MERGED, plan=plan)
        test = dark(fairness(simulated(seed, lower=0.1), asked))
        covered += test.low <= -0.1 <= test.high
        found.append(test.p)
    assert covered >= 90
    assert np.median(found) < 0.01
    assert np.mean(np.array(found) < 0.01) >= 0.9


def test_a_fair_detector_is_rarely_accused():
    alarms = 0
    for seed in range(100):
        asked = Asked(by=("skin-type",), plan=Plan(draws=300, seed=seed))
        (cut,) = fairness(simulated(1000 + seed), asked).slices
        alarms += any(group.against["tpr"].corrected < 0.05 for group in cut.groups)
    assert alarms <= 8


def test_drawing_videos_instead_of_persons_is_too_sure_of_itself():
    covered = {"identity": 0, "": 0}
    for seed in range(60):
        simulation = simulated(seed, people=200, videos=12, spread=0.2)
        for subject in covered:
            asked = Asked(
                by=("skin-type",), merge=MERGED, subject=subject, plan=Plan(draws=200, seed=seed)
            )
            test = dark(fairness(simulation, asked))
            covered[subject] += test.low <= 0 <= test.high
    assert covered["identity"] >= 54
    assert covered[""] <= 50
    asked = Asked(by=("skin-type",), subject="", plan=Plan(draws=50))
    assert "too narrow" in fairness(simulated(0), asked).notes[0]


def test_simpsons_paradox_is_warned_of():
    # In either lighting b is found more often than a, but a is mostly filmed in the bright.
    rows = []
    for group, lighting, hits, total in (
        ("a", "bright", 81, 90),
        ("a", "dark", 2, 10),
        ("b", "bright", 10, 10),
        ("b", "dark", 36, 90),
    ):
        rows += [
            (f"{group}{lighting}{n}", 1, float(n < hits), group, lighting) for n in range(total)
        ]
    asked = Asked(by=("group", "lighting"), plan=Plan(draws=50))
    found = fairness(samples(rows, ("group", "lighting")), asked)
    said = [warning for warning in found.slices[0].warnings if "Simpson" in warning]
    assert len(said) == 1
    assert "TPR is higher for a than for b over all" in said[0]
    assert "level of lighting" in said[0]


def test_small_groups_are_flagged_and_crossings_listed():
    asked = Asked(by=("skin-type x lighting",), plan=Plan(draws=50))
    (cut,) = fairness(samples(TABLE), asked).slices
    assert len(cut.groups) == 12
    assert cut.groups[0].name == "skin-type 1, bright"
    assert all(group.is_small for group in cut.groups)
    assert not cut.gaps
    assert cut.odds.value is None
    assert "fewer than 30 people" in cut.warnings[0]


def test_merging_joins_values():
    asked = Asked(by=("skin-type",), few=1, merge=MERGED, plan=Plan(draws=50))
    (cut,) = fairness(samples(TABLE), asked).slices
    assert [(group.name, group.people) for group in cut.groups] == [("I-IV", 2), ("V-VI", 1)]
    with pytest.raises(ConfigError, match="no value 'VII'"):
        fairness(samples(TABLE), Asked(by=("skin-type",), merge={"skin-type": {"VII": "x"}}))


def test_no_person_is_named():
    found = fairness(simulated(0), Asked(by=("skin-type",), plan=Plan(draws=50)))
    assert "secret" not in json.dumps(plain(found))
    for name in ("identity", "id", "source"):
        with pytest.raises(ConfigError, match="names persons"):
            fairness(simulated(0), Asked(by=(name,)))


def test_persons_that_are_not_stated_are_said():
    rows = [("", 1, 0.9, "1", ""), ("", 1, 0.8, "6", "")]
    found = fairness(samples(rows), Asked(by=("skin-type",), plan=Plan(draws=50)))
    assert found.people == 2
    assert "no 'identity' is stated" in found.notes[0]
    mixed = fairness(samples([*TABLE, *rows]), Asked(by=("skin-type",), plan=Plan(draws=50)))
    assert mixed.people == 6
    assert "2 samples of unknown persons" in mixed.notes[0]
