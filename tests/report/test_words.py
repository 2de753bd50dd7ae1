"""Figures in words never promise certainty and keep their units."""

import dataclasses

import numpy as np
import pytest
from page_samples import REPORT, VIDEO

from verilens.records import Where
from verilens.report import words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.004, "<1%"), (0.934, "93%"), (0.9951, ">99%"), (1, "100%")],
)
def test_percent(share: float, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (65, "1:05.0"), (3600, "1:00:00.0"), (3661.25, "1:01:01.2")],
)
def test_seconds(time_s: float, text: str) -> None:
    assert words.seconds(time_s) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1234, "1.2 kB"), (312_000, "312 kB"), (5e9, "5.0 GB")],
)
def test_size(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("row", "column", "text"), [(0, 0, "upper left"), (4, 4, "centre"), (8, 4, "lower")]
)
def test_place(row: int, column: int, text: str) -> None:
    heatmap = np.zeros((9, 9), dtype=np.float32)
    heatmap[row, column] = 1
    assert words.place(heatmap) == text


def test_where_says_seconds_or_a_place() -> None:
    assert words.where(VIDEO.evidence[0]) == "npr: flagged 2.0 s to 4.0 s (0.90)"
    assert words.where(REPORT.evidence[0]) == "npr: highest patch score 1.00, lower right"
    even = Where(heatmap=np.full((2, 2), 0.5, dtype=np.float32))
    assert "everywhere" in words.where(dataclasses.replace(REPORT.evidence[0], where=even))
    assert words.where(dataclasses.replace(REPORT.evidence[0], where=Where())) == ""
