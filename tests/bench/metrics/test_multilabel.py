"""Several labels a sample, and boxes, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from verilens.bench.metrics import (
    Undefined,
    labelled,
    macro_f1,
    mean_average_precision,
    mean_box_iou,
)

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, (60, 3))
SCORES = np.round(0.5 * LABELS + RNG.random((60, 3)) * 0.9, 2).clip(0, 1)


def test_against_scikit_learn():
    called = SCORES > 0.5
    found = labelled(SCORES, LABELS)
    for how, three in (("micro", found[:3]), ("macro", found[3:5])):
        wanted = [precision_score(LABELS, called, average=how)]
        wanted += [recall_score(LABELS, called, average=how)]
        assert three[:2] == pytest.approx(wanted)
    assert found.overall_f1 == pytest.approx(f1_score(LABELS, called, average="micro"))
    cp, cr = found.class_precision, found.class_recall
    assert found.class_f1 == pytest.approx(2 * cp * cr / (cp + cr))
    wanted = [average_precision_score(LABELS[:, k], SCORES[:, k]) for k in range(3)]
    assert mean_average_precision(SCORES, LABELS) == pytest.approx(np.mean(wanted))
    column = (SCORES[:, 0], LABELS[:, 0])
    assert macro_f1(*column) == pytest.approx(f1_score(column[1], column[0] > 0.5, average="macro"))


def test_a_label_nobody_has_or_calls():
    labels = np.array([[1, 0], [0, 0]])
    scores = np.array([[0.9, 0.1], [0.2, 0.3]])
    assert mean_average_precision(scores, labels) == 1
    found = labelled(scores, labels)
    assert (found.overall_f1, found.class_precision, found.class_recall) == (1, 0.5, 0.5)
    assert labelled(np.zeros((2, 2)), labels).class_f1 == 0
    for metric in (labelled, mean_average_precision):
        with pytest.raises(Undefined, match="no sample has"):
            metric(scores, np.zeros((2, 2)))
        with pytest.raises(Undefined, match="no samples"):
            metric(np.zeros((0, 2)), np.zeros((0, 2)))
        with pytest.raises(ValueError, match="both be"):
            metric(scores, labels[:1])
        with pytest.raises(ValueError, match="0 or 1"):
            metric(scores, labels * 2)


def test_boxes_by_hand():
    nothing, box = [0, 0, 0, 0], [0, 0, 10, 10]
    assert mean_box_iou([nothing], [nothing]) == 1
    assert mean_box_iou([box], [nothing]) == 0
    assert mean_box_iou([box, box], [box, [5, 0, 15, 10]]) == pytest.approx((1 + 1 / 3) / 2)
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        mean_box_iou([[1, 2]], [[1, 2]])
    with pytest.raises(Undefined):
        mean_box_iou(np.zeros((0, 4)), np.zeros((0, 4)))
