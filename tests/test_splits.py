"""Splits by time and by event share nothing and keep their sizes."""

from itertools import pairwise

import numpy as np
import pytest

from verilens.errors import ConfigError
from verilens.splits import ORDER, by_event, by_time


def shares(splits):
    return [splits.count(name) for name in ORDER]


@pytest.mark.parametrize("count", [1, 7, 100, 1001])
def test_time_is_never_turned(count):
    times = np.random.default_rng(count).permutation(count) + 0.5
    splits = by_time(times)
    wanted = (0.7 * count, 0.15 * count, 0.15 * count)
    assert all(abs(a - b) <= 1 for a, b in zip(shares(splits), wanted, strict=True))
    ends = [[t for t, s in zip(times, splits, strict=True) if s == name] for name in ORDER]
    for earlier, later in pairwise(ends):
        assert not earlier or not later or max(earlier) <= min(later)


def test_one_moment_stays_together():
    splits = by_time([1.0] * 8 + [2.0, 3.0])
    assert set(splits[:8]) == {"train"} and splits[8:] == ["test", "test"]


def test_no_event_is_in_two_splits():
    rng = np.random.default_rng(0)
    events = rng.permutation([f"event {n // 5}" for n in range(1000)])
    splits = by_event(list(events))
    where = {}
    for event, split in zip(events, splits, strict=True):
        assert where.setdefault(event, split) == split
    wanted = (700, 150, 150)
    assert all(abs(a - b) <= 5 for a, b in zip(shares(splits), wanted, strict=True))
    assert splits == by_event(list(events)) != by_event(list(events), seed=1)
    single = by_event(list(range(100)))
    assert all(abs(a - b) <= 1 for a, b in zip(shares(single), (70, 15, 15), strict=True))


def test_shares_must_sum_to_one():
    with pytest.raises(ConfigError, match="sum to 1"):
        by_time([1.0], (0.5, 0.2, 0.1))
    with pytest.raises(ConfigError, match="sum to 1"):
        by_event([1], (0.5, 0.5))
