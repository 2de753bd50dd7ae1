"""Metrics of many classes against counts by hand."""

import math

import numpy as np
import pytest

from verilens.bench.metrics.recognition import (
    confusion,
    interval,
    log_loss,
    mean_class_accuracy,
    top,
)

CHANCES = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
LABELS = np.array([0, 2, 0, 1])


def test_figures_by_hand():
    assert top(CHANCES, LABELS) == 0.5
    assert top(CHANCES[:3], LABELS[:3], 2) == 1.0
    assert top(CHANCES[3:], LABELS[3:], 2) == 0.0  # of equal ones class 0 comes first
    assert mean_class_accuracy(CHANCES, LABELS) == pytest.approx((1 + 0 + 0) / 3)
    expected = -np.log([0.7, 0.4, 0.5, 0.2]).mean()
    assert log_loss(CHANCES, LABELS) == pytest.approx(expected)
    assert math.isfinite(log_loss(np.array([[0.0, 1.0]]), np.array([0])))
    assert confusion(CHANCES, LABELS).tolist() == [[2, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_classes_without_samples_do_not_count():
    assert mean_class_accuracy(CHANCES[:1], LABELS[:1]) == 1.0


def test_intervals_hold_the_value_and_widen_with_groups():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(2), 100)
    groups = np.tile(np.arange(10), 20)
    is_right = (groups < 7) ^ (rng.random(200) < 0.05)
    chances = np.where(is_right[:, None], np.eye(2)[labels], np.eye(2)[1 - labels])
    alone, together = interval(top, chances, labels), interval(top, chances, labels, groups)
    assert alone.low < alone.value < alone.high and alone.value == together.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert interval(top, chances, labels) == alone
