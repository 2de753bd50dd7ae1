"""Counts of scores answer like the scores themselves, one draw or many at a time."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as reference

from verilens.bench.metrics import tallied
from verilens.bench.metrics.tallied import Tally

RANKING = {
    "auc": tallied.auc,
    "ap": tallied.average_precision,
    "eer": tallied.equal_error_rate,
    "tpr": partial(tallied.tpr_at_fpr, fpr=0.05),
}


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.4).astype(float)
    return 1 / (1 + np.exp(-rng.normal(labels * 1.5 - 0.75, 1.0))), labels


def test_many_draws_equal_one_by_one():
    scores, labels = drawn(300)
    counts = tallied.tally(np.round(scores, 2), labels)
    rng = np.random.default_rng(1)
    weights = rng.integers(0, 4, (5, len(counts.values)))
    many = Tally(counts.fakes * weights, counts.genuine * weights, counts.values)
    for metric in RANKING.values():
        single = [metric(Tally(f, g, many.values)) for f, g in zip(*many[:2], strict=True)]
        assert metric(many) == pytest.approx(np.array(single), abs=1e-12)


def test_binned_counts_stay_close_and_keep_the_threshold():
    scores, labels = drawn(60_000)
    exact = tallied.tally(scores, labels)
    thin = tallied.thinned(exact, 2048, np.array([0.5]))
    assert 1000 < len(thin.values) < 6000
    assert thin.fakes.sum() == labels.sum()
    assert tallied.confusion(thin, 0.5) == tallied.confusion(exact, 0.5)
    for metric in (*RANKING.values(), tallied.brier, tallied.log_loss):
        assert metric(thin) == pytest.approx(float(metric(exact)), abs=2e-3)


def test_threshold_metrics_equal_scikit_learn():
    scores, labels = drawn(500)
    called, counts = scores > 0.4, tallied.tally(scores, labels)
    assert tallied.f1(counts, 0.4) == pytest.approx(reference.f1_score(labels, called))
    assert tallied.precision(counts, 0.4) == pytest.approx(
        reference.precision_score(labels, called)
    )
    assert tallied.matthews(counts, 0.4) == pytest.approx(
        reference.matthews_corrcoef(labels, called)
    )
    assert tallied.brier(counts) == pytest.approx(reference.brier_score_loss(labels, scores))
    assert tallied.log_loss(counts) == pytest.approx(reference.log_loss(labels, scores))


def test_what_is_undefined_is_nan_and_never_a_half():
    only_genuine = Tally(np.zeros(2), np.ones(2), np.array([0.9, 0.1]))
    for metric in RANKING.values():
        assert np.isnan(metric(only_genuine))
    assert np.isnan(tallied.true_positive_rate(only_genuine, 0.5))
