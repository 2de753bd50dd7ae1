"""Decisions by hand: weighted precision, ISO/IEC 30107-3 rates, and what cannot be said."""

import numpy as np
import pytest

from verilens.bench import metrics


def test_f1_of_one_generator_with_shared_genuine_samples():
    # Recall 0.9 of 700 fakes, accuracy 0.99 on 10,000 genuine: TP 630, FP 100, FN 70.
    labels = np.r_[np.ones(700), np.zeros(10_000)]
    scores = np.r_[np.ones(630), np.zeros(70), np.ones(100), np.zeros(9900)]
    assert metrics.f1(scores, labels) == pytest.approx(1260 / 1430)
    assert metrics.f1(scores, labels) == pytest.approx(0.881, abs=5e-4)


def test_weighted_precision_by_hand():
    # TP 8, FP 1, alpha 100: 8 / 108.
    scores, labels = np.r_[np.ones(9), np.zeros(4)], np.r_[np.ones(8), 0, 1, 1, 0, 0]
    assert metrics.weighted_precision(scores, labels) == pytest.approx(8 / 108)
    assert metrics.weighted_precision(scores, labels) == pytest.approx(0.0741, abs=5e-5)
    assert metrics.precision(scores, labels) == pytest.approx(8 / 9)


def test_attack_rates_report_the_worst_species():
    labels = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.9, 0.8, 0.9, 0.2, 0.7, 0.1, 0.6, 0.1, 0.2, 0.3]
    species = ["print", "print", "print", "mask", "mask", "mask", "", "", "", ""]
    rates = metrics.apcer_by_species(scores, labels, species)
    assert rates == {"mask": pytest.approx(2 / 3), "print": 0.0}
    assert metrics.apcer(scores, labels, species) == pytest.approx(2 / 3)
    assert metrics.bpcer(scores, labels) == 0.25
    assert metrics.acer(scores, labels, species) == pytest.approx((2 / 3 + 1 / 4) / 2)
    # False acceptance counts all attacks alike: 2 of 6.
    assert metrics.half_total_error_rate(scores, labels, 0.5) == pytest.approx((1 / 3 + 1 / 4) / 2)


def test_bpcer_at_a_fixed_apcer_is_that_of_the_hardest_species():
    # Ten prints above every bona fide score; of ten masks two lie at 0.35 and one at 0.05.
    prints, masks = [0.9] * 10, [0.8] * 7 + [0.35, 0.35, 0.05]
    genuine = [0.1, 0.2, 0.3, 0.4]
    scores = [*prints, *masks, *genuine]
    labels = [1] * 20 + [0] * 4
    species = ["print"] * 10 + ["mask"] * 10 + [""] * 4
    # One mask of ten may pass: the threshold lies below 0.35, and only 0.4 of four is refused.
    assert metrics.bpcer_at_apcer(scores, labels, species, 0.1) == 0.25
    # None may pass: the threshold lies below 0.05, and everybody is refused.
    assert metrics.bpcer_at_apcer(scores, labels, species, 0.01) == 1.0
    assert metrics.bpcer_at_apcer(scores[:10] + genuine, [1] * 10 + [0] * 4, [""] * 14, 0.0) == 0
    with pytest.raises(metrics.Undefined, match="no fake"):
        metrics.bpcer_at_apcer([0.1, 0.2], [0, 0], ["", ""], 0.1)


def test_cross_auc_tells_domains_from_forgeries():
    # Each domain alone is perfect; scores of b lie higher, so its genuine beat the fakes of a.
    scores, labels = [1, 2, 5, 6], [0, 1, 0, 1]
    found = metrics.cross_auc(scores, labels, ["a", "a", "b", "b"])
    assert found.names == ("a", "b")
    assert found.value.tolist() == [[1.0, 1.0], [0.0, 1.0]]
    lone = metrics.cross_auc([1, 2, 3], [0, 1, 1], ["a", "a", "b"])
    assert np.isnan(lone.value[1]).all()


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        (metrics.true_positive_rate, [0, 0]),
        (metrics.false_positive_rate, [1, 1]),
        (metrics.balanced_accuracy, [1, 1]),
        (metrics.f1, [0, 0]),
        (metrics.precision, [1, 1]),
        (metrics.auc, [1, 1]),
        (metrics.equal_error_rate, [0, 0]),
        (metrics.average_precision, [0, 0]),
    ],
)
def test_one_class_is_undefined_with_a_reason(metric, labels):
    with pytest.raises(metrics.Undefined, match=r"no |nothing"):
        metric([0.1, 0.2], labels)


def test_no_attack_and_no_sample_are_undefined():
    with pytest.raises(metrics.Undefined, match="attack"):
        metrics.apcer([0.1], [0], [""])
    with pytest.raises(metrics.Undefined, match="no samples"):
        metrics.accuracy([], [])
    with pytest.raises(metrics.Undefined, match="one answer"):
        metrics.matthews([0.1, 0.2], [0, 1])
