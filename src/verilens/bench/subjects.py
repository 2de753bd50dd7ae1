"""Counts of each person in each group, so that drawing persons is one product of matrices.

A person's part in a group is six sums; every rate is a ratio of sums, so a draw of persons, each
counted as often as drawn, gives the rates of all groups at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from verilens.bench.columns import Columns
from verilens.bench.facets import Facet
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.metrics.intervals import CELLS, Plan

ALPHA = 100.0  # weight of a false alarm in weighted precision, after DFDC's rule
FLOOR = 1e-15
TP, FN, FP, TN, SURPRISE, STATED = range(6)


def _over(part: Floats, whole: Floats) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return ratio


# Each takes sums (..., 6) and returns (...,), NaN where undefined.
RATES: Mapping[str, Callable[[Floats], Floats]] = {
    "tpr": lambda s: _over(s[..., TP], s[..., TP] + s[..., FN]),
    "fpr": lambda s: _over(s[..., FP], s[..., FP] + s[..., TN]),
    "acc": lambda s: _over(s[..., TP] + s[..., TN], s[..., : TN + 1].sum(-1)),
    "precision": lambda s: _over(s[..., TP], s[..., TP] + s[..., FP]),
    "wp": lambda s: _over(s[..., TP], s[..., TP] + ALPHA * s[..., FP]),
    "logloss": lambda s: _over(s[..., SURPRISE], s[..., STATED]),
}


@dataclass(frozen=True)
class Tallies:
    """sums: (persons, groups, 6). people: persons with a scored sample in each group, (groups,)."""

    sums: Floats
    people: Ints

    @property
    def total(self) -> Floats:
        """Return the sums of each group, (groups, 6)."""
        total: Floats = self.sums.sum(0)
        return total

    def draws(self, plan: Plan) -> Floats:
        """Return the sums of each group in each draw of persons, (draws, groups, 6)."""
        persons, groups, kinds = self.sums.shape
        flat = self.sums.reshape(persons, groups * kinds)
        rng = np.random.default_rng(plan.seed)
        parts, step = [], max(1, min(200, CELLS // max(1, persons)))
        for begun in range(0, plan.draws, step):
            many = min(step, plan.draws - begun)
            chosen = rng.integers(0, persons, (many, persons)) + persons * np.arange(many)[:, None]
            weights = np.bincount(chosen.ravel(), minlength=many * persons)
            parts.append(weights.reshape(many, persons).astype(float) @ flat)
        return np.concatenate(parts).reshape(plan.draws, groups, kinds)


def tallies(samples: Columns, people: Ints, cut: Facet, threshold: float) -> Tallies:
    """Return the counts. people: which person each row shows, numbered from 0, (N,)."""
    known = (cut.codes >= 0) & ~samples.missing
    who, group = people[known], cut.codes[known]
    score, fake = samples.score[known], samples.label[known] == 1
    called = score > threshold
    stated = np.full(len(score), bool(((score >= 0) & (score <= 1)).all()))
    honest = np.where(fake, score, 1 - score) if stated.all() else np.ones(len(score))
    surprise = -np.log(np.clip(honest, FLOOR, 1 - FLOOR))
    parts = (fake & called, fake & ~called, ~fake & called, ~fake & ~called)
    shape = (int(people.max()) + 1, len(cut.names))
    place = who * shape[1] + group
    size = shape[0] * shape[1]
    columns = [np.bincount(place, part, minlength=size) for part in (*parts, surprise, stated)]
    sums = np.stack(columns, axis=-1).reshape(*shape, len(columns)).astype(float)
    return Tallies(sums, (sums[..., : TN + 1].sum(-1) > 0).sum(0))
