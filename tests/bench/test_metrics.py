"""Metrics agree with scikit-learn and with values worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from verilens.bench import metrics

SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.65, 0.65, 0.2, 0.9, 0.5, 0.3])
LABELS = np.array([0, 0, 1, 1, 0, 1, 0, 1, 1, 0])


def test_fixed_ten_scores_equal_scikit_learn():
    expected = reference.average_precision_score(LABELS, SCORES)
    assert metrics.average_precision(SCORES, LABELS) == pytest.approx(expected, abs=1e-12)
    expected = reference.accuracy_score(LABELS, SCORES > 0.5)
    assert metrics.accuracy(SCORES, LABELS) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_random_scores_with_ties_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(200) % 3 == 0).astype(int)
    scores = np.round(rng.normal(labels, 1.0), 1)
    pairs = (
        (metrics.auc(scores, labels), reference.roc_auc_score(labels, scores)),
        (
            metrics.average_precision(scores, labels),
            reference.average_precision_score(labels, scores),
        ),
        (
            metrics.balanced_accuracy(scores, labels),
            reference.balanced_accuracy_score(labels, scores > 0.5),
        ),
    )
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_perfect_reversed_and_constant_scores():
    labels = np.array([0, 0, 1, 1])
    assert metrics.auc([1, 2, 3, 4], labels) == 1.0
    assert metrics.auc([4, 3, 2, 1], labels) == 0.0
    assert metrics.auc([7, 7, 7, 7], labels) == 0.5
    assert metrics.equal_error_rate([1, 2, 3, 4], labels) == 0.0
    assert metrics.equal_error_rate([4, 3, 2, 1], labels) == 1.0


def test_tpr_at_fpr_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([1, 2, 3, 9, 4, 5, 6, 10])
    assert metrics.tpr_at_fpr(scores, labels, 0.05) == 0.25
    assert metrics.tpr_at_fpr(scores, labels, 0.25) == 1.0


def test_calibration_error_by_hand():
    # Bin 0.2: stated 0.25, observed 0.5. Bin 0.9: stated 0.95, observed 1.
    stated = [0.25, 0.25, 0.95, 0.95]
    error = metrics.expected_calibration_error(stated, [0, 1, 1, 1])
    assert error == pytest.approx(0.5 * 0.25 + 0.5 * 0.05)
    assert metrics.expected_calibration_error([0.0, 1.0], [0, 1]) == 0.0
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        metrics.expected_calibration_error([1.2], [1])


def test_bootstrap_holds_the_value_and_is_wider_over_groups():
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    groups = np.arange(300) // 30
    scores = labels + rng.normal(0, 1, 300) + rng.normal(0, 1, 10)[groups]
    plain = metrics.bootstrap(metrics.auc, scores, labels, draws=200)
    grouped = metrics.bootstrap(metrics.auc, scores, labels, groups, draws=200)
    assert plain == metrics.bootstrap(metrics.auc, scores, labels, draws=200)
    assert plain.low < plain.value < plain.high
    assert grouped.high - grouped.low > plain.high - plain.low


@pytest.mark.parametrize(
    ("scores", "labels"),
    [([1, 2], [1, 1]), ([1, np.nan], [0, 1]), ([1, 2, 3], [0, 1]), ([1, 2], [0, 2])],
)
def test_unusable_input_is_refused(scores, labels):
    with pytest.raises(ValueError, match="must be"):
        metrics.auc(scores, labels)
