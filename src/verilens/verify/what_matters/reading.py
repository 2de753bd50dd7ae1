"""From what the experts saw in stretches of a video to when, where and why in the evidence."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.records import Where

CELLS = 32  # of the longer side of a heat map
FAINTEST = 0.05  # share of the strongest heat below which a moment counts as cool
WIDE_GAP_S = 0.25  # between moments: flow across more is unreliable


class Reading(NamedTuple):
    """What the experts say of one stretch.

    places: which moments of the clip it holds, (T,). logit: the ensemble's log-odds of fake.
    fake: each expert's probability, (E,). heat: each expert's Grad-CAM in [0, 1], (E, T, rows,
    columns), with a peak of 1 unless nothing raised that expert's score.
    """

    places: NDArray[np.int64]
    logit: float
    fake: NDArray[np.float64]
    heat: NDArray[np.float32]

    @property
    def speaker(self) -> int:
        """Return which expert is the surest of a fake."""
        return int(self.fake.argmax())


class Found(NamedTuple):
    """Log-odds of each moment, (T,): of its stretches, and those weighed by its heat."""

    logits: NDArray[np.float64]
    shaped: NDArray[np.float64]


class Words(NamedTuple):
    """What is said about a clip."""

    why: str
    limits: tuple[str, ...]


def cells(size: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of a heat map. size: width and height of the frame."""
    width, height = size
    longer = max(width, height)
    return max(1, round(CELLS * height / longer)), max(1, round(CELLS * width / longer))


def found(readings: Sequence[Reading], count: int) -> Found:
    """Return the log-odds of all `count` moments of a clip, means over stretches that hold them.

    Shaped: the odds of a stretch times the share of its strongest heat that a moment has, at least
    FAINTEST. Heat is read off the expert that speaks; without any heat nothing is shaped.
    """
    total = np.zeros((2, count))
    covered = np.zeros(count)
    for reading in readings:
        warmth = reading.heat[reading.speaker].max((1, 2))
        share = np.maximum(warmth, FAINTEST) if warmth.any() else np.ones(len(warmth))
        logits = np.full(len(warmth), reading.logit)
        for row, values in enumerate((logits, logits + np.log(share))):
            # A clip shorter than a stretch repeats its last moment, which then counts once.
            first = np.unique(reading.places, return_index=True)[1]
            total[row, reading.places[first]] += values[first]
        covered[np.unique(reading.places)] += 1
    return Found(*(total / covered))


def strongest(readings: Sequence[Reading], expert: int) -> tuple[Reading, int]:
    """Return the stretch in which an expert is surest, and its warmest moment there."""
    reading = max(readings, key=lambda one: (one.fake[expert], one.logit))
    return reading, int(reading.heat[expert].max((1, 2)).argmax())


def where(names: Sequence[str], readings: Sequence[Reading], times_s: NDArray[np.float64]) -> Where:
    """Return the heat map of the strongest moment, scaled by the speaking expert's probability."""
    expert = _speaker(readings)
    reading, moment = strongest(readings, expert)
    time_s = times_s[reading.places[moment]]
    at = f" at {time_s:.2f} s" if len(np.unique(times_s)) > 1 else ""
    heat = reading.heat[expert, moment] * reading.fake[expert]
    return Where(by=f"Grad-CAM of the {names[expert]} expert{at}", heatmap=heat.astype(np.float32))


def in_words(
    names: Sequence[str], readings: Sequence[Reading], times_s: NDArray[np.float64]
) -> Words:
    """Return which expert speaks, what the others say, and what weakens that here."""
    mean = np.mean([reading.fake for reading in readings], 0)
    expert = int(mean.argmax())
    told = ", ".join(f"{name} {p:.2f}" for name, p in zip(names, mean, strict=True))
    calls = [name for name, p in zip(names, mean, strict=True) if p > 0.5]
    if calls:
        others = f" ({len(calls)} of {len(names)} experts say fake)" if len(names) > 1 else ""
        why = f"{names[expert]} speaks for a generated video{others}: {told}"
    else:
        why = f"no expert speaks for a generated video: {told}"
    return Words(why, _limits(names, times_s))


def _speaker(readings: Sequence[Reading]) -> int:
    return int(np.mean([reading.fake for reading in readings], 0).argmax())


def _limits(names: Sequence[str], times_s: NDArray[np.float64]) -> tuple[str, ...]:
    moments = np.unique(times_s)
    if len(moments) < 2:
        return ("one moment shows no motion; this method is made for videos",)
    gap = float(np.median(np.diff(moments)))
    if "motion" in names and gap > WIDE_GAP_S:
        return (f"moments lie {gap:.2f} s apart, so motion between them is measured unreliably",)
    return ()
