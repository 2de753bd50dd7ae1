"""Pixel metrics on 4 x 4 maps, by hand."""

import numpy as np
import pytest

from verilens.bench import metrics

TRUTH = np.zeros((4, 4))
TRUTH[:2, :2] = 1  # 4 forged pixels
MAP = np.zeros((4, 4))
MAP[:2, 1:3] = 0.8  # 4 called, 2 of them right
MAP[3, 3] = 0.4


def test_overlap_by_hand():
    assert metrics.pixel_iou(MAP, TRUTH) == pytest.approx(2 / 6)
    assert metrics.pixel_f1(MAP, TRUTH) == pytest.approx(4 / 8)
    assert metrics.pixel_iou(MAP, TRUTH, threshold=0.3) == pytest.approx(2 / 7)
    # Two right pixels err by 0.2, two missed by 1, two false by 0.8, one by 0.4.
    assert metrics.pixel_l1(MAP, TRUTH) == pytest.approx((0.4 + 2 + 1.6 + 0.4) / 16)
    # Fakes: 0.8, 0.8, 0, 0. Genuine: 0.8, 0.8, 0.4 and nine zeros.
    assert metrics.pixel_auc(MAP, TRUTH) == pytest.approx((2 * 11 + 2 * 4.5) / 48)


def test_raising_the_threshold_never_calls_more():
    grid = np.linspace(0, 1, 16).reshape(4, 4)
    called = [metrics.pixel_iou(grid, np.ones((4, 4)), t) for t in (0.0, 0.2, 0.5, 0.9, 1.0)]
    assert called == sorted(called, reverse=True)


def test_a_genuine_picture_and_an_empty_prediction_fit():
    empty = np.zeros((4, 4))
    assert metrics.pixel_iou(empty, empty) == metrics.pixel_f1(empty, empty) == 1.0
    assert metrics.pixel_iou(MAP, empty) == metrics.pixel_f1(MAP, empty) == 0.0
    with pytest.raises(metrics.Undefined, match="forged and genuine"):
        metrics.pixel_auc(MAP, empty)


def test_maps_of_another_size_are_refused():
    with pytest.raises(ValueError, match="one size"):
        metrics.pixel_iou(np.zeros((4, 5)), TRUTH)
    with pytest.raises(ValueError, match="finite"):
        metrics.pixel_l1(np.full((4, 4), np.nan), TRUTH)
