"""DeLong's variance by the definition, its test, and Holm's correction by hand."""

import numpy as np
import pytest

from verilens.bench import metrics


def by_definition(rows, labels):
    """Return AUCs and covariance from all pairs, as DeLong and others wrote them down."""
    fakes, genuine = rows[:, labels == 1], rows[:, labels == 0]
    wins = (fakes[:, :, None] > genuine[:, None]) + 0.5 * (fakes[:, :, None] == genuine[:, None])
    above, below = wins.mean(2), wins.mean(1)
    covariance = np.cov(above) / above.shape[1] + np.cov(below) / below.shape[1]
    return wins.mean((1, 2)), covariance


def test_ranks_give_what_all_pairs_give():
    rng = np.random.default_rng(0)
    labels = np.r_[np.ones(23), np.zeros(31)]
    rows = np.round(rng.normal(labels, 1.0, (3, 54)), 1)
    found = metrics.delong(rows, labels)
    auc, covariance = by_definition(rows, labels)
    assert found.auc == pytest.approx(auc)
    assert found.covariance == pytest.approx(covariance)
    assert found.auc[0] == pytest.approx(metrics.auc(rows[0], labels))


def test_the_test_agrees_with_the_paired_bootstrap():
    rng = np.random.default_rng(1)
    labels = (np.arange(400) % 2).astype(float)
    truth = rng.normal(labels, 1.0)
    first, second = truth + rng.normal(0, 0.5, 400), truth + rng.normal(0, 1.0, 400)
    found = metrics.delong_test(first, second, labels)
    drawn = metrics.paired(metrics.tallied.auc, (first, second), labels)
    assert found.value == pytest.approx(drawn.value)
    assert found.low == pytest.approx(drawn.low, abs=0.01)
    assert found.high == pytest.approx(drawn.high, abs=0.01)
    assert found.p == pytest.approx(drawn.p, abs=0.02)


def test_without_variance_there_is_no_test():
    labels = [0, 0, 1, 1]
    assert metrics.delong_test([1, 2, 3, 4], [5, 6, 7, 8], labels).p == 1.0
    with pytest.raises(metrics.Undefined, match="variance"):
        metrics.delong_test([1, 2, 3, 4], [4, 3, 2, 1], labels)
    with pytest.raises(metrics.Undefined, match="two fakes"):
        metrics.delong([1, 2, 3], [0, 0, 1])


def test_holm_by_hand():
    assert metrics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert metrics.holm([0.5, 0.9]) == [1.0, 1.0]
    assert metrics.holm([]) == []
