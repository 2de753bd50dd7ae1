"""Tables say what was measured on what, with honest intervals, and nothing that was not."""

import json
from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns, metrics, predictions, result
from verilens.bench.measures import PAD
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.score import Settings, score
from verilens.errors import ConfigError, DatasetError

PLAN = Plan(draws=200)
GENERATORS = ("sora", "pika", "veo", "kling", "gen2", "hotshot")


def toy(count=600, seed=0, method="npr", **given):
    """Return predictions of a detector that finds later generators harder."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        label = n % 2
        kind = n // 2 % len(GENERATORS)
        value = 1 / (1 + np.exp(-rng.normal(label * (3 - kind / 2) - 1, 1)))
        rows.append(
            Prediction(
                id=f"{n:04}",
                label=label,
                score=float(value),
                generator=GENERATORS[kind] if label else "",
                attributes={"lighting": "dark" if n % 3 else "bright"},
                **given,
            )
        )
    return columns.of(rows, Path(f"{method}.parquet"), method)


def settings(**given):
    return Settings(**{"plan": PLAN, **given})


def test_overall_row_holds_the_metrics_of_all_samples():
    found = toy()
    (row,) = score([found], settings()).rows
    assert (row.kind, row.fakes, row.genuine, row.missing) == ("overall", 300, 300, 0)
    cell = row.cells["auc"]
    assert cell.value == metrics.auc(found.score, found.label)
    assert cell.low < cell.value < cell.high
    wilson = metrics.wilson((found.score[found.label == 1] > 0.5).sum(), 300)
    assert row.cells["tpr"].low == pytest.approx(wilson.low)


def test_generators_stand_against_the_shared_genuine_samples():
    found = toy()
    table = score([found], settings(by=("generator",)))
    rows = {row.name: row for row in table.of("group")}
    assert list(rows) == sorted(GENERATORS)
    assert rows["sora"].fakes == 50
    assert rows["sora"].genuine == 300
    text = found.text("generator")
    fakes = found.score[text.codes == text.names.index("sora")]
    genuine = found.score[found.label == 0]
    labels = np.r_[np.ones(50), np.zeros(300)]
    assert rows["sora"].cells["auc"].value == metrics.auc(np.r_[fakes, genuine], labels)
    assert rows["sora"].cells["auc"].value > rows["hotshot"].cells["auc"].value


def test_macro_and_worst_rows():
    table = score([toy()], settings(by=("generator",), worst=2, measures=("auc", "eer")))
    rows = list(table.of("group"))
    (macro,) = table.of("macro")
    (worst,) = table.of("worst")
    assert macro.cells["auc"].value == pytest.approx(
        np.mean([row.cells["auc"].value for row in rows])
    )
    poorest = sorted(rows, key=lambda row: row.cells["auc"].value)[:2]
    assert worst.name == f"worst 2: {poorest[0].name}, {poorest[1].name}"
    assert worst.cells["eer"].value == pytest.approx(
        np.mean([row.cells["eer"].value for row in poorest])
    )


def test_the_interval_of_a_mean_counts_the_shared_genuine_samples():
    # All generators share 20 genuine samples: their mean is not surer than those allow.
    rng = np.random.default_rng(0)
    rows = [Prediction(id=f"g{n}", label=0, score=float(rng.normal())) for n in range(20)]
    rows += [
        Prediction(id=f"f{n}", label=1, score=float(rng.normal(1)), generator=f"gen{n % 20}")
        for n in range(2000)
    ]
    found = columns.of(rows, Path("x.parquet"))
    table = score([found], settings(by=("generator",), measures=("auc",), plan=Plan(draws=500)))
    (macro,), (overall,) = table.of("macro"), table.of("overall")
    width = macro.cells["auc"].high - macro.cells["auc"].low
    whole = overall.cells["auc"].high - overall.cells["auc"].low
    assert width == pytest.approx(whole, rel=0.25)
    group = next(table.of("group")).cells["auc"]
    assert width > 0.6 * (group.high - group.low)


def test_attributes_cut_both_classes():
    table = score([toy()], settings(by=("lighting",)))
    rows = {row.name: (row.fakes, row.genuine) for row in table.of("group")}
    assert rows == {"bright": (100, 100), "dark": (200, 200)}
    with pytest.raises(ConfigError, match="did you mean 'lighting'"):
        score([toy()], settings(by=("lightning",)))
    with pytest.raises(ConfigError, match="coarser"):
        score([toy()], settings(by=("id",)))


def test_samples_of_one_source_are_drawn_together():
    rng = np.random.default_rng(0)
    offset = rng.normal(0, 1, 20)
    rows = [
        Prediction(
            id=str(n),
            label=n // 10 % 2,
            score=float(rng.normal(n // 10 % 2) + offset[n // 10]),
            source=f"s{n // 10}",
        )
        for n in range(200)
    ]
    found = columns.of(rows, Path("x.parquet"))
    widths = {}
    for cluster in ("auto", "none"):
        table = score([found], settings(cluster=cluster, measures=("auc",)))
        (row,) = table.rows
        widths[cluster] = row.cells["auc"].high - row.cells["auc"].low
    assert widths["auto"] > 1.3 * widths["none"]
    assert "by source" in score([found], settings(measures=("auc",))).intervals


def test_missing_scores_are_counted_and_never_judged():
    rows = [Prediction(id=str(n), label=n % 2, score=0.1 + 0.8 * (n % 2)) for n in range(10)]
    rows += [Prediction(id="x", label=0, score=None, error="crashed")] * 1
    table = score([columns.of(rows, Path("x.parquet"))], settings(measures=("fpr", "auc")))
    (row,) = table.rows
    assert (row.genuine, row.missing) == (5, 1)
    assert row.cells["fpr"].value == 0.0
    assert any("1 of 11 samples have no score" in note for note in table.notes)


def test_frames_become_samples_first():
    rows = [
        Prediction(id="000_003", generator=g, label=1, frame=n, score=s)
        for g, scores in {"DF": (0.9, 0.7), "FS": (0.2, 0.4)}.items()
        for n, s in enumerate(scores)
    ]
    rows += [Prediction(id="000", label=0, frame=n, score=0.5) for n in range(2)]
    found = columns.of(rows, Path("x.parquet"))
    (row,) = score([found], settings(measures=("auc",))).rows
    assert (row.fakes, row.genuine) == (2, 1)
    assert row.cells["auc"].value == 0.5
    (frames,) = score([found], settings(measures=("auc",), pooling=None)).rows
    assert (frames.fakes, frames.genuine) == (4, 2)


def test_what_is_undefined_says_why():
    found = toy(40)
    logits = columns.of(
        [Prediction(id=str(n), label=n % 2, score=float(n)) for n in range(40)], Path("x.parquet")
    )
    (row,) = score([found], settings(measures=("tpr@1", "tpr@5"))).rows
    assert row.cells["tpr@1"].value is None
    assert row.cells["tpr@1"].reason == "needs 100 genuine samples, there are 20"
    assert row.cells["tpr@5"].value is not None
    table = score([logits], settings(measures=("ece", "auc")))
    assert table.rows[0].cells["ece"].reason == "the scores are no probabilities in [0, 1]"
    assert any("ECE is undefined" in note for note in table.notes)


def test_a_handful_of_samples_gets_no_bootstrap_interval():
    rows = [Prediction(id=str(n), label=int(n > 2), score=n / 10) for n in range(20)]
    (row,) = score([columns.of(rows, Path("x.parquet"))], settings(measures=("auc", "fpr"))).rows
    assert row.cells["auc"].value == 1.0
    assert row.cells["auc"].low is None
    assert row.cells["auc"].reason == "no interval of 3 genuine samples"
    assert row.cells["fpr"].high > 0.5  # Wilson's


def test_one_class_is_refused_unless_asked_for():
    rows = [Prediction(id=str(n), label=1, score=n / 10) for n in range(10)]
    found = columns.of(rows, Path("x.parquet"))
    with pytest.raises(DatasetError, match="only fakes"):
        score([found], settings())
    (row,) = score([found], settings(one_class=True, measures=("auc", "tpr"))).rows
    assert row.cells["auc"].reason == "no scored genuine samples"
    assert row.cells["tpr"].value == 0.4


def test_threshold_comes_from_rows_that_are_not_judged(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        Prediction(
            id=f"{split}{n}", label=n % 2, split=split, score=float(rng.normal(n % 2 * 3 + 5))
        )
        for split in ("val", "test")
        for n in range(200)
    ]
    found = columns.of(rows, tmp_path / "npr.parquet")
    asked = settings(validation="val", measures=("bacc", "fpr"))
    table = score([found], asked)
    assert 6 < table.thresholds["npr"].value < 7
    assert "200 of split 'val'" in table.thresholds["npr"].note
    assert table.rows[0].fakes == 100
    assert table.rows[0].cells["bacc"].value > 0.85
    strict = score([found], settings(validation="val", rule="fpr=0.01", measures=("fpr",)))
    assert strict.rows[0].cells["fpr"].value <= 0.05
    path = tmp_path / "val" / "npr.parquet"
    predictions.write(path, rows[:200], {})
    test = columns.of(rows[200:], tmp_path / "npr.parquet")
    for given in (path, path.parent):
        other = score([test], settings(validation=str(given), measures=("bacc",)))
        assert other.thresholds["npr"].value == table.thresholds["npr"].value
    with pytest.raises(DatasetError, match=r"200 of its samples are judged too, such as 'val\d+'"):
        score([found], settings(validation=str(path)))
    with pytest.raises(DatasetError, match="no rows of split 'dev'; there are: test, val"):
        score([found], settings(validation="dev"))
    with pytest.raises(ConfigError, match="no rule 'best'"):
        score([found], settings(validation="val", rule="best"))
    only = columns.of(rows[:200], tmp_path / "npr.parquet")
    with pytest.raises(DatasetError, match="all rows are of split 'val'"):
        score([only], settings(validation="val"))
    assert score([found], settings(split="test", measures=("auc",))).rows[0].fakes == 100
    assert any("judged together: test, val" in n for n in score([found], settings()).notes)
    assert not any("together" in note for note in table.notes)


def test_attacks_are_judged_by_the_worst_species():
    rows = [
        Prediction(id=f"{kind}{n}", label=int(kind != ""), generator=kind, score=s)
        for kind, scores in {
            "print": (0.9, 0.8, 0.9),
            "mask": (0.2, 0.7, 0.1),
            "": (0.6, 0.1, 0.2, 0.3),
        }.items()
        for n, s in enumerate(scores)
    ]
    found = columns.of(rows, Path("x.parquet"))
    table = score([found], settings(measures=("apcer", "bpcer", "acer", "hter")))
    cells = table.rows[0].cells
    assert cells["apcer"].value == pytest.approx(2 / 3)
    assert cells["apcer"].reason == "species mask"
    assert cells["bpcer"].value == 0.25
    assert cells["acer"].value == pytest.approx((2 / 3 + 1 / 4) / 2)
    assert cells["hter"].value == pytest.approx((1 / 3 + 1 / 4) / 2)


def test_attacks_of_any_column_stand_against_all_bona_fide():
    rng = np.random.default_rng(0)
    means = {"": 0.2, "print": 0.8, "mask": 0.5}
    rows = [
        Prediction(
            id=f"{kind}{n}",
            label=int(kind != ""),
            generator="any" if kind else "",
            score=float(np.clip(rng.normal(means[kind], 0.15), 0, 1)),
            attributes={"instrument": kind or "bona fide"},
        )
        for kind in ("print", "mask", "")
        for n in range(100)
    ]
    found = columns.of(rows, Path("x.parquet"))
    table = score([found], settings(measures=PAD, by=("instrument",), species="instrument"))
    whole, mask, printed = table.rows[0], *table.of("group")
    assert (mask.name, printed.name) == ("mask", "print")
    assert mask.genuine == printed.genuine == 100
    assert whole.cells["apcer"].value == mask.cells["apcer"].value > printed.cells["apcer"].value
    assert whole.cells["bpcer@10"].value == mask.cells["bpcer@10"].value
    by_hand = metrics.bpcer_at_apcer(
        found.score, found.label, [r.attributes["instrument"] for r in rows], 0.1
    )
    assert whole.cells["bpcer@10"].value == pytest.approx(by_hand)
    assert mask.cells["bpcer@1"].value is not None
    few = columns.of(rows[:50] + rows[200:], Path("y.parquet"))
    cells = score([few], settings(measures=("bpcer@1",), species="instrument")).rows[0].cells
    assert cells["bpcer@1"].reason == "needs 100 attacks, there are 50"


def test_methods_of_one_name_are_told_apart():
    rows = [Prediction(id=str(n), label=n % 2, score=0.5) for n in range(4)]
    files = [columns.of(rows, Path(place), "npr") for place in ("a/npr.csv", "b/npr.csv") * 2]
    table = score(files, settings(measures=("auc",)))
    assert table.methods == ("a/npr", "b/npr", "a/npr (2)", "b/npr (2)")


def test_a_table_survives_json(tmp_path):
    table = score([toy()], settings(by=("generator", "lighting")))
    path = tmp_path / "table.json"
    path.write_text(json.dumps(result.plain(table), allow_nan=False))
    assert result.read(path) == table
    path.write_text("{}")
    with pytest.raises(DatasetError, match="no table"):
        result.read(path)


def test_robustness_is_drawn_from_perturbed_copies():
    rng = np.random.default_rng(0)
    rows = [
        Prediction(
            id=f"{n}-{severity}",
            label=n % 2,
            score=float(rng.normal(n % 2 * (3 - severity))),
            attributes={"perturbation": "jpeg" if severity else "", "severity": str(severity)},
        )
        for severity in range(3)
        for n in range(200)
    ]
    table = score([columns.of(rows, Path("x.parquet"), "npr")], settings(measures=("auc",)))
    points = table.curves["npr"].robustness["jpeg"]
    assert [severity for severity, _ in points] == [0.0, 1.0, 2.0]
    values = [value for _, value in points]
    assert values == sorted(values, reverse=True)


def test_the_mean_over_generators_of_one_source_each_has_an_interval_around_it():
    rng = np.random.default_rng(0)
    rows = [
        Prediction(
            id=f"{source}-{n}",
            label=int(source < 12),
            score=float(rng.uniform() + 0.3 * (source < 12)) / 1.3,
            generator=f"g{source:02}" if source < 12 else "",
            source=f"s{source}",
        )
        for source in range(24)
        for n in range(12)
    ]
    table = score([columns.of(rows, Path("npr.parquet"), "npr")], settings(by=("generator",)))
    (macro,) = table.of("macro")
    cell = macro.cells["auc"]
    assert cell.low < cell.value < cell.high
    assert 0.02 < cell.high - cell.low < 0.4
