"""Methods are compared on common samples, on common draws, with corrected p-values."""

import json
from pathlib import Path

import numpy as np
import pytest

from verilens.bench import columns, compare, metrics
from verilens.bench.metrics.intervals import Plan
from verilens.bench.predictions import Prediction
from verilens.bench.score import Settings
from verilens.errors import DatasetError

SETTINGS = Settings(plan=Plan(draws=400))


def files(noises, count=400, source=False):
    """Return methods that see the same signal through noise of different strength."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    signal = rng.normal(labels, 0.7)
    found = []
    for name, noise in noises.items():
        scores = signal + rng.normal(0, noise, count)
        rows = [
            Prediction(
                id=str(n),
                label=int(labels[n]),
                score=float(scores[n]),
                source=f"s{n // 20}" if source else "",
            )
            for n in range(count)
        ]
        found.append(columns.of(rows, Path(f"{name}.parquet"), name))
    return found


def test_a_better_method_is_found_better():
    good, bad = files({"good": 0.1, "bad": 1.5})
    found = compare.compare([good, bad], "auc", SETTINGS)
    (pair,) = found.pairs
    assert (pair.first, pair.second, found.fakes, found.genuine) == ("good", "bad", 200, 200)
    assert pair.first_value == metrics.auc(good.score, good.label)
    assert pair.second_value == pytest.approx(metrics.auc(bad.score, bad.label))
    assert pair.low > 0
    assert pair.p < 0.01
    assert pair.p_delong < 0.01
    json.dumps(compare.plain(found), allow_nan=False)


def test_three_methods_give_three_corrected_pairs():
    found = compare.compare(files({"a": 0.5, "b": 0.55, "c": 2.0}), "auc", SETTINGS)
    assert [(p.first, p.second) for p in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [p.corrected for p in found.pairs] == metrics.holm([p.p for p in found.pairs])
    assert found.pairs[0].corrected_delong >= found.pairs[0].p_delong
    assert found.pairs[1].corrected < 0.05


def test_samples_of_one_source_allow_no_delong():
    found = compare.compare(files({"a": 0.5, "b": 1.0}, source=True), "auc", SETTINGS)
    assert found.cluster == "source"
    assert found.pairs[0].p_delong is None


def test_only_common_scored_samples_count():
    first, second = files({"a": 0.5, "b": 1.0})
    second = second.take(np.arange(50, 400)[::-1])
    second.score[:10] = np.nan
    found = compare.compare([first, second], "auc", SETTINGS)
    assert found.fakes + found.genuine == 340
    assert found.left_out == {"a": 60, "b": 10}
    expected = metrics.auc(first.score[50:390], first.label[50:390])
    assert found.pairs[0].first_value == pytest.approx(expected)


def test_thresholds_of_their_own():
    first, second = files({"a": 0.5, "b": 0.5})
    second = columns.Columns(**{**vars(second), "score": second.score * 10})
    rows = [np.arange(200), np.arange(200, 400)]
    for file in (first, second):
        split = columns.Text.of(["val"] * 200 + ["test"] * 200)
        file.texts["split"] = split
    asked = Settings(plan=Plan(draws=200), validation="val", rule="eer")
    found = compare.compare([first, second], "bacc", asked)
    assert found.fakes == len(rows[1]) / 2
    assert abs(found.pairs[0].difference) < 0.15


def test_what_cannot_be_compared_is_refused():
    first, second = files({"a": 0.5, "b": 1.0})
    with pytest.raises(DatasetError, match="two or more"):
        compare.compare([first], "auc", SETTINGS)
    other = columns.Columns(
        **{**vars(second), "texts": {**second.texts, "id": columns.Text.of(["x"] * 400)}}
    )
    with pytest.raises(DatasetError, match="share no scored sample"):
        compare.aligned([first, other])
    flipped = columns.Columns(**{**vars(second), "label": 1 - second.label})
    with pytest.raises(DatasetError, match="400 labels differ"):
        compare.compare([first, flipped], "auc", SETTINGS)
    with pytest.raises(DatasetError, match="ECE is undefined on common samples"):
        compare.compare([first, second], "ece", SETTINGS)
