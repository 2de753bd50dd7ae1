"""Frames become the right videos, groups become one honest figure."""

import numpy as np
import pytest

from verilens.bench import metrics


def test_eight_frames_over_three_videos():
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    scores = np.array([0.9, 0.7, 0.8, 0.2, 0.4, 0.3, 0.6, 0.1])
    videos = ["a", "a", "a", "b", "b", "c", "c", "c"]
    assert metrics.accuracy(scores, labels) == 5 / 8
    assert metrics.auc(scores, labels) == pytest.approx(12 / 15)
    assert metrics.equal_error_rate(scores, labels) == pytest.approx((1 / 3 + 2 / 5) / 2)
    # Precision at each fake, from the top: 1, 1, 1, then 4 of 5 and 5 of 7.
    assert metrics.average_precision(scores, labels) == pytest.approx((3 + 4 / 5 + 5 / 7) / 5)
    pooled = metrics.by_video(scores, labels, [videos])
    assert pooled.score == pytest.approx([0.8, 0.3, 1 / 3])
    assert metrics.auc(pooled.score, pooled.label) == 0.5  # b lies below c, a above
    assert metrics.auc(np.full(8, 0.5), labels) == 0.5


def test_videos_of_two_generators_under_one_name_stay_apart():
    ids, generators = ["000_003"] * 4, ["DF", "DF", "FS", "FS"]
    pooled = metrics.by_video([0.8, 0.6, 0.1, 0.3], [1, 1, 1, 1], [generators, ids])
    assert pooled.score == pytest.approx([0.7, 0.2])
    assert pooled.frames.tolist() == [2, 2]


@pytest.mark.parametrize(("pooling", "expected"), [("mean", 0.5), ("median", 0.4), ("max", 0.9)])
def test_pooling_leaves_missing_frames_out_and_counts_them(pooling, expected):
    scores = [0.4, np.nan, 0.2, 0.9, np.nan]
    pooled = metrics.by_video(scores, [1, 1, 1, 1, 0], [["v", "v", "v", "v", "w"]], pooling)
    assert pooled.score[0] == pytest.approx(expected)
    assert np.isnan(pooled.score[1])
    assert pooled.missing.tolist() == [1, 1]
    assert pooled.first.tolist() == [0, 4]


def test_a_video_with_two_labels_is_refused():
    with pytest.raises(ValueError, match="both labels"):
        metrics.by_video([0.1, 0.2], [0, 1], [["v", "v"]])


def test_macro_and_worst_leave_undefined_groups_out():
    values = {"a": 0.9, "b": float("nan"), "c": 0.5, "d": 0.7}
    assert metrics.macro(list(values.values())) == pytest.approx(0.7)
    assert metrics.worst(values, 2) == [("c", 0.5), ("d", 0.7)]
    assert metrics.worst(values, 1, rises=False) == [("a", 0.9)]
    with pytest.raises(metrics.Undefined):
        metrics.macro([float("nan")])
