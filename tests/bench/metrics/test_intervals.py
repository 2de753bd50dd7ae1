"""Intervals cover the truth, agree with slower ways, and come fast for many scores."""

from functools import partial

import numpy as np
import pytest
from scipy import stats

from verilens.bench import metrics
from verilens.bench.metrics import tallied
from verilens.bench.metrics.intervals import BINS, Plan, clustered_mean


def scored(count, seed=0, shift=1.0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(float)
    return rng.normal(labels * shift, 1.0), labels


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (3, 10), (10, 10), (480, 1000)])
def test_wilson_equals_scipy(hits, total):
    found = metrics.wilson(hits, total)
    expected = stats.binomtest(hits, total).proportion_ci(method="wilson")
    assert found.value == hits / total
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    with pytest.raises(metrics.Undefined):
        metrics.wilson(0, 0)


def test_counted_draws_agree_with_resampled_samples():
    scores, labels = scored(400)
    fast = metrics.intervals({"auc": tallied.auc}, scores, labels)["auc"]
    slow = metrics.bootstrap(metrics.auc, scores, labels)
    assert fast.value == slow.value
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.006)


def test_binned_draws_agree_with_delong_and_leave_the_value_exact():
    scores, labels = scored(6 * BINS)
    plan = Plan(draws=600)
    found = metrics.intervals(
        {"auc": tallied.auc, "tpr": partial(tallied.tpr_at_fpr, fpr=0.01)},
        scores,
        labels,
        plan=plan,
    )
    normal = metrics.delong_interval(scores, labels)
    assert found["auc"].value == metrics.auc(scores, labels)
    assert found["auc"].low == pytest.approx(normal.low, abs=5e-4)
    assert found["auc"].high == pytest.approx(normal.high, abs=5e-4)
    assert found["tpr"].value == metrics.tpr_at_fpr(scores, labels, 0.01)
    assert found["tpr"].low < found["tpr"].value < found["tpr"].high


def test_groups_make_intervals_wider():
    rng = np.random.default_rng(0)
    groups = np.arange(600) // 20
    labels = (groups % 2).astype(float)
    scores = rng.normal(labels, 1.0) + rng.normal(0, 1, 30)[groups]
    plain = metrics.intervals({"auc": tallied.auc}, scores, labels)["auc"]
    grouped = metrics.intervals({"auc": tallied.auc}, scores, labels, groups)["auc"]
    assert grouped.value == plain.value
    assert grouped.high - grouped.low > plain.high - plain.low
    slow = metrics.bootstrap(metrics.auc, scores, labels, groups, draws=400)
    assert (grouped.low, grouped.high) == pytest.approx((slow.low, slow.high), abs=0.01)


def test_too_few_groups_are_said_to_be_too_few():
    # Two groups of one class each: half of all draws lose a class, all of one draw in this seed.
    with pytest.raises(metrics.Undefined, match="groups"):
        metrics.intervals({"auc": tallied.auc}, [1, 2], [0, 1], [0, 1], Plan(draws=1, seed=0))


def test_paired_bootstrap_sees_what_unpaired_intervals_hide():
    scores, labels = scored(500)
    better = scores + 0.15 * (labels - 0.5)
    found = metrics.paired(tallied.auc, (better, scores), labels)
    assert found.value == pytest.approx(metrics.auc(better, labels) - metrics.auc(scores, labels))
    assert found.p < 0.01
    assert found.low > 0
    alone = metrics.intervals({"auc": tallied.auc}, scores, labels)["auc"]
    assert found.value < alone.high - alone.value
    same = metrics.paired(tallied.auc, (scores, scores), labels)
    assert (same.value, same.low, same.high, same.p) == (0.0, 0.0, 0.0, 1.0)


def test_paired_bootstrap_rarely_finds_what_is_not_there():
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels = (np.arange(120) % 2).astype(float)
        truth = rng.normal(labels, 1.0)
        pair = (truth + rng.normal(0, 1, 120), truth + rng.normal(0, 1, 120))
        alarms += metrics.paired(tallied.auc, pair, labels, plan=Plan(draws=199)).p < 0.05
    assert alarms <= 8


def test_clustered_means_draw_whole_groups():
    values, groups = [0.0, 0.0, 6.0, 6.0], ["a", "a", "b", "b"]
    found = clustered_mean(values, groups, None, Plan(draws=2000))
    assert found == (3.0, 0.0, 6.0)  # a half of the draws holds one group alone
    weighted = clustered_mean(values, groups, [1, 1, 2, 2], Plan(draws=10))
    assert weighted.value == 4.0
    alone = clustered_mean([1.0, 3.0], ["a", "a"], None, Plan())
    assert alone == (2.0, 2.0, 2.0)
    with pytest.raises(metrics.Undefined, match="no values"):
        clustered_mean([], [], None, Plan())
