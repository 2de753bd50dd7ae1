"""Temporal localisation worked out on paper: 3 videos, 4 true spans, 7 proposals."""

import pytest

from verilens.bench import metrics
from verilens.bench.metrics import Spans

TRUTH = Spans.of([(0, 0, 10), (0, 20, 30), (1, 0, 8), (2, 5, 15)])
PROPOSALS = Spans.of(
    [
        (0, 0, 10, 0.9),  # tIoU 1 with the first
        (1, 0, 10, 0.8),  # 0.8
        (0, 1, 10, 0.7),  # 0.9, of the first again
        (2, 8, 15, 0.6),  # 0.7
        (0, 20, 35, 0.5),  # 2 / 3
        (1, 20, 30, 0.4),  # 0
        (2, 5, 15, 0.3),  # 1
    ]
)


def test_overlaps_by_hand():
    assert metrics.tiou([[0, 10]], [[0, 10], [10, 20], [5, 15]])[0] == pytest.approx(
        [1.0, 0.0, 1 / 3]
    )
    assert metrics.tiou([[3, 3]], [[3, 3]]).tolist() == [[0.0]]


def test_average_precision_by_hand():
    # 0.5: right are ranks 1, 2, 4, 5: precisions 1, 1, 3/4, 4/5; made falling 1, 1, 4/5, 4/5.
    assert metrics.temporal_ap(PROPOSALS, TRUTH, 0.5) == pytest.approx((1 + 1 + 0.8 + 0.8) / 4)
    # 0.75: right are ranks 1, 2 and 7.
    assert metrics.temporal_ap(PROPOSALS, TRUTH, 0.75) == pytest.approx((1 + 1 + 3 / 7) / 4)
    # 0.95: right are ranks 1 and 7.
    assert metrics.temporal_ap(PROPOSALS, TRUTH, 0.95) == pytest.approx((1 + 2 / 7) / 4)


def test_mean_average_precision_by_hand():
    # 0.5 to 0.65 as at 0.5; 0.7 loses only rank 5; to 0.8 as at 0.75; to 0.95 as at 0.95.
    at_070 = (1 + 1 + 0.75) / 4
    expected = (4 * 0.9 + at_070 + 2 * (17 / 28) + 3 * (9 / 28)) / 10
    assert metrics.mean_temporal_ap(PROPOSALS, TRUTH) == pytest.approx(expected)


def test_average_recall_by_hand():
    # Two best a video: overlaps 1, 0, 0.8 and 1 reach 10, 0, 7 and 10 of the ten thresholds.
    assert metrics.average_recall(PROPOSALS, TRUTH, 2) == pytest.approx(27 / 40)
    # Five best: the second span is reached by 2 / 3, at four thresholds.
    assert metrics.average_recall(PROPOSALS, TRUTH, 5) == pytest.approx(31 / 40)


def test_perfect_proposals_give_one():
    perfect = Spans.of([(0, 0, 10, 0.9), (0, 20, 30, 0.8), (1, 0, 8, 0.7), (2, 5, 15, 0.6)])
    assert metrics.mean_temporal_ap(perfect, TRUTH) == 1.0
    assert metrics.average_recall(perfect, TRUTH, 2) == 1.0


def test_nothing_proposed_and_nothing_to_find():
    assert metrics.temporal_ap(Spans.of([]), TRUTH, 0.5) == 0.0
    assert metrics.average_recall(Spans.of([]), TRUTH, 2) == 0.0
    with pytest.raises(metrics.Undefined, match="forged spans"):
        metrics.temporal_ap(PROPOSALS, Spans.of([]), 0.5)
    with pytest.raises(ValueError, match="before"):
        Spans.of([(0, 5, 4)])
    with pytest.raises(ValueError, match="finite"):
        metrics.temporal_ap(Spans.of([(0, 1, 2)]), TRUTH, 0.5)
