"""The sampler: balance within an epoch and within a batch, fixed by its seed."""

from collections import Counter

import numpy as np
import pytest

from verilens.records import Sample
from verilens.train.sampling import Sampler


def sample(n: int, label: int, source: str = "", generator: str = "") -> Sample:
    return Sample(
        id=str(n), uri="/x", kind="image", label=label, source=source, generator=generator
    )


@pytest.fixture
def skewed() -> list[Sample]:
    """Return 60 genuine of two sources and 20 fakes of three generators."""
    genuine = [sample(n, 0, "big" if n < 50 else "small") for n in range(60)]
    makers = ["common"] * 15 + ["rare"] * 4 + ["once"]
    return genuine + [sample(60 + n, 1, f"s{n}", maker) for n, maker in enumerate(makers)]


def test_plain_shows_every_sample_once(skewed):
    order = Sampler(skewed, "none", 0).order(0)
    assert sorted(order) == list(range(80))


def test_genuine_samples_may_come_several_times(skewed):
    order = Sampler(skewed, "none", 0, repeat=3).order(0)
    shown = Counter(int(n) for n in order)
    assert len(order) == 3 * 60 + 20
    assert {shown[n] for n in range(60)} == {3} and {shown[n] for n in range(60, 80)} == {1}


@pytest.mark.parametrize("balance", ["class", "source", "generator"])
def test_classes_are_balanced_in_every_batch(skewed, balance):
    order = Sampler(skewed, balance, 0).order(0)
    assert len(order) == 80
    for batch in order.reshape(-1, 8):
        assert sum(skewed[n].label for n in batch) == 4


def test_sources_and_generators_are_balanced_within_their_class(skewed):
    order = Sampler(skewed, "source", 0).order(0)
    sources = Counter(skewed[n].source for n in order if skewed[n].label == 0)
    assert sources == {"big": 20, "small": 20}
    order = Sampler(skewed, "generator", 1).order(3)
    makers = Counter(skewed[n].generator for n in order if skewed[n].label == 1)
    assert sorted(makers.values()) == [13, 13, 14]


def test_nothing_repeats_before_everything_was_shown(skewed):
    counts = Counter(Sampler(skewed, "class", 0).order(0))
    fakes = [counts[n] for n in range(60, 80)]
    genuine = [counts[n] for n in range(60)]
    assert set(fakes) == {2} and set(genuine) <= {0, 1} and sum(genuine) == 40


@pytest.mark.parametrize("balance", ["none", "class", "source", "generator"])
def test_the_seed_and_the_epoch_fix_the_order(skewed, balance):
    sampler = Sampler(skewed, balance, 5)
    assert np.array_equal(sampler.order(2), Sampler(skewed, balance, 5).order(2))
    assert not np.array_equal(sampler.order(2), sampler.order(3))
    assert not np.array_equal(sampler.order(2), Sampler(skewed, balance, 6).order(2))


def test_a_single_class_is_no_error_of_the_sampler():
    samples = [sample(n, 1, generator=f"g{n % 2}") for n in range(5)]
    assert len(Sampler(samples, "generator", 0).order(0)) == 5
