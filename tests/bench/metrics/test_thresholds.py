"""A threshold found on some scores gives there the rates it promises."""

import numpy as np
import pytest

from verilens.bench import metrics

SCORES = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.5, 0.7, 0.9])
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_false_positives_stay_below_what_was_asked():
    at = metrics.threshold_at_fpr(SCORES, LABELS, 0.25)
    assert 0.3 < at < 0.4
    assert metrics.false_positive_rate(SCORES, LABELS, at) == 0.25
    assert metrics.true_positive_rate(SCORES, LABELS, at) == 1.0
    strict = metrics.threshold_at_fpr(SCORES, LABELS, 0.05)
    assert metrics.false_positive_rate(SCORES, LABELS, strict) == 0.0
    assert metrics.true_positive_rate(SCORES, LABELS, strict) == 0.5
    assert metrics.threshold_at_fpr(SCORES, LABELS, 1.0) < 0.1


def test_equal_errors_and_best_balance():
    at = metrics.threshold_at_eer(SCORES, LABELS)
    misses = 1 - metrics.true_positive_rate(SCORES, LABELS, at)
    assert metrics.false_positive_rate(SCORES, LABELS, at) == pytest.approx(misses)
    best = metrics.threshold_at_balance(SCORES, LABELS)
    assert metrics.balanced_accuracy(SCORES, LABELS, best) == 0.875


def test_ties_and_neighbouring_floats_are_kept_apart():
    low = 0.5
    high = float(np.nextafter(low, 1))
    at = metrics.threshold_at_fpr([low, high], [0, 1], 0.0)
    assert metrics.accuracy([low, high], [0, 1], at) == 1.0
    assert metrics.threshold_at_eer([0.5, 0.5], [0, 1]) > 0.0
