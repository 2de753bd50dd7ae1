"""Calibration and abstention by hand."""

import numpy as np
import pytest

from verilens.bench import metrics


def test_log_loss_by_hand():
    # A fake at 0.9 and a genuine one at 0.2: -(ln 0.9 + ln 0.8) / 2.
    assert metrics.log_loss([0.9, 0.2], [1, 0]) == pytest.approx(0.1643, abs=5e-5)
    assert metrics.brier([0.9, 0.2], [1, 0]) == pytest.approx(0.025)
    assert np.isfinite(metrics.log_loss([0.0], [1]))


def test_reliability_by_hand():
    found = metrics.reliability([0.25, 0.25, 0.95], [0, 1, 1], bins=2)
    assert found.stated == pytest.approx([0.25, 0.95])
    assert found.observed == pytest.approx([0.5, 1.0])
    assert found.samples.tolist() == [2, 1]
    assert np.isnan(metrics.reliability([0.9], [1], bins=2).observed[0])


def test_risk_and_coverage_by_hand():
    # Surest first: 0.05 right, 0.9 right, 0.7 wrong, 0.45 wrong.
    scores, labels = [0.9, 0.05, 0.7, 0.45], [1, 0, 0, 1]
    curve = metrics.risk_coverage(scores, labels)
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert metrics.aurc(scores, labels) == pytest.approx((1 / 3 + 1 / 2) / 4)
    assert metrics.coverage_at_risk(scores, labels, 0.1) == 0.5
    assert metrics.coverage_at_risk([0.9], [0], 0.1) == 0.0


def test_equal_confidence_is_answered_together():
    assert metrics.aurc([0.9, 0.9, 0.1, 0.1], [1, 0, 0, 1]) == 0.5


def test_scores_that_are_no_probabilities_are_undefined():
    for metric in (metrics.brier, metrics.log_loss, metrics.expected_calibration_error):
        with pytest.raises(metrics.Undefined, match=r"\[0, 1\]"):
            metric([2.0, 0.1], [1, 0])
