"""What perturbations cost: by hand, with draws that drops share, and nothing filled in."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns, metrics, robustness
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.robustness import Perturbed
from verilens.bench.score import Settings
from verilens.errors import DatasetError

SETTINGS = Settings(plan=Plan(draws=300))
COUNT = 300


def file(name, noise, count=COUNT, seed=0, drop=0):
    """Return predictions whose noise grows; the signal is the same in every file."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    scores = rng.normal(labels, 0.5) + np.random.default_rng([seed, 1]).normal(0, noise, count)
    rows = [
        Prediction(id=str(n), label=int(labels[n]), score=None if n < drop else float(scores[n]))
        for n in range(count)
    ]
    return columns.of(rows, Path(f"{name}.parquet"), "method")


def damaged(**noises):
    return [
        Perturbed(kind, severity, file(f"{kind}-{severity}", noise, seed=severity))
        for kind, levels in noises.items()
        for severity, noise in enumerate(levels, 1)
    ]


def test_drops_are_differences_of_the_measure():
    clean = file("clean", 0)
    found = robustness.robustness(
        clean, damaged(jpeg=[0.5, 2.0], blur=[0.01, 0.02]), "auc", SETTINGS
    )
    assert found.clean == metrics.auc(clean.score, clean.label)
    cells = {(d.kind, d.severity): d for d in found.drops}
    for perturbed in damaged(jpeg=[0.5, 2.0], blur=[0.01, 0.02]):
        cell = cells[perturbed.kind, perturbed.severity]
        assert cell.value == metrics.auc(perturbed.columns.score, clean.label)
        assert cell.drop == pytest.approx(found.clean - cell.value)
        assert cell.low <= cell.drop <= cell.high
    assert cells["jpeg", 2].p < 0.01 and cells["jpeg", 2].low > 0
    jpeg = next(mean for mean in found.kinds if mean.kind == "jpeg")
    assert jpeg.drop == pytest.approx((cells["jpeg", 1].drop + cells["jpeg", 2].drop) / 2)
    assert found.mean.drop == pytest.approx(np.mean([mean.drop for mean in found.kinds]))
    assert found.worst == "jpeg"
    assert found.notes == ()
    json.dumps(robustness.plain(found), allow_nan=False)


def test_no_damage_is_no_drop_and_certain():
    same = [Perturbed("jpeg", 1, file("jpeg-1", 0))]
    (cell,) = robustness.robustness(file("clean", 0), same, "auc", SETTINGS).drops
    assert (cell.drop, cell.low, cell.high, cell.p) == (0, 0, 0, 1)


def test_drops_on_common_samples_are_tighter_than_apart():
    clean, worse = file("clean", 0), damaged(jpeg=[0.3])
    (cell,) = robustness.robustness(clean, worse, "auc", SETTINGS).drops
    apart = metrics.bootstrap(metrics.auc, clean.score, clean.label, draws=300)
    assert cell.high - cell.low < apart.high - apart.low


def test_errors_that_rise_count_as_drops():
    found = robustness.robustness(file("clean", 0), damaged(jpeg=[2.0]), "eer", SETTINGS)
    assert found.drops[0].value > found.clean and found.drops[0].drop > 0


def test_missing_scores_are_counted_and_never_judged():
    worse = [Perturbed("jpeg", 3, file("jpeg-3", 0.2, drop=20))]
    found = robustness.robustness(file("clean", 0), worse, "auc", SETTINGS)
    assert (found.drops[0].samples, found.drops[0].missing) == (COUNT - 20, 20)
    assert "at most 20 (jpeg-3)" in found.notes[0]
    kept = metrics.auc(file("clean", 0).score[20:], file("clean", 0).label[20:])
    assert found.drops[0].clean == kept


def test_one_class_left_is_undefined_and_says_so():
    clean = file("clean", 0)
    fakes = clean.take(np.flatnonzero(clean.label == 1))
    worse = [Perturbed("jpeg", 1, fakes), *damaged(blur=[1.0])]
    found = robustness.robustness(clean, worse, "auc", SETTINGS)
    cell = next(drop for drop in found.drops if drop.kind == "jpeg")
    assert cell.drop is None and cell.reason == "no scored genuine samples"
    assert [mean.kind for mean in found.kinds] == ["blur"]
    with pytest.raises(DatasetError, match="undefined"):
        robustness.robustness(fakes, damaged(blur=[1.0]), "auc", SETTINGS)


def test_groups_are_drawn_together():
    rows = [
        Prediction(
            id=f"{n}", label=n % 2, score=float(n % 2 + 0.3 * (n // 30 % 3)), source=f"s{n // 30}"
        )
        for n in range(COUNT)
    ]
    clean = columns.of(rows, Path("clean.parquet"), "method")
    found = robustness.robustness(clean, damaged(jpeg=[1.0]), "auc", SETTINGS)
    assert found.cluster == "source"


def test_the_curve_begins_clean_and_severities_rise():
    found = robustness.robustness(file("clean", 0), damaged(jpeg=[0.2, 0.5, 1]), "auc", SETTINGS)
    points = robustness.curve(found)["jpeg"]
    assert points[0] == (0.0, found.clean)
    assert [severity for severity, _ in points] == [0, 1, 2, 3]


def test_corruption_error_is_one_against_oneself():
    clean = file("clean", 0)
    weak = robustness.robustness(clean, damaged(jpeg=[1.0], blur=[2.0]), "auc", SETTINGS)
    strong = robustness.robustness(clean, damaged(jpeg=[0.3], blur=[0.6]), "auc", SETTINGS)
    assert robustness.corruption_error(weak, weak) == 1
    cells = [(1 - a.value) / (1 - b.value) for a, b in zip(strong.drops, weak.drops, strict=True)]
    assert robustness.corruption_error(strong, weak) == pytest.approx(np.mean(cells))


def test_kinds_are_told_by_facts_and_names():
    assert robustness.named(file("gaussian-blur-5", 0))[:2] == ("gaussian-blur", 5)
    assert robustness.named(file("h264-2/npr", 0))[:2] == ("h264", 2)
    facts = {"perturbation": "hue", "severity": 2}
    assert robustness.named(replace(file("jpeg-5", 0), facts=facts))[:2] == ("hue", 2)
    with pytest.raises(DatasetError, match=r"jpeg-3\.parquet"):
        robustness.named(file("npr", 0))


def test_wrong_files_are_refused():
    clean = file("clean", 0)
    twice = [*damaged(jpeg=[0.1]), *damaged(jpeg=[0.1])]
    with pytest.raises(DatasetError, match="again"):
        robustness.robustness(clean, twice, "auc", SETTINGS)
    other = columns.of([Prediction(id="x", label=1, score=0.5)], Path("jpeg-1.parquet"))
    with pytest.raises(DatasetError, match="share no scored sample"):
        robustness.robustness(clean, [Perturbed("jpeg", 1, other)], "auc", SETTINGS)
