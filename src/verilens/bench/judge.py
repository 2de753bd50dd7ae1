"""Figures of groups of one method's samples, all groups on the same draws of genuine samples.

A mean over groups that share genuine samples needs the draws of all groups to share them too;
its interval would come out too narrow otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from verilens.bench import metrics
from verilens.bench.columns import Columns
from verilens.bench.measures import Measure, measures, reason
from verilens.bench.metrics import Undefined, tallied
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.metrics.intervals import (
    BINS,
    Plan,
    Ranked,
    clustered,
    replicate,
    shifted,
    stratified,
)
from verilens.bench.metrics.tallied import Tallied, Tally
from verilens.bench.result import Cell, Row

FEW = 5  # samples of a class; with fewer the bootstrap says nothing
EDGES = tuple(n / 10 for n in range(1, 10))  # of the calibration error's bins


class Judged(NamedTuple):
    """A row, and its draws of every measure, shifted as its intervals are."""

    row: Row
    draws: Mapping[str, Floats]


class Judge:
    """Scores rows of one method. cluster: the column whose samples are drawn together, or ""."""

    def __init__(
        self, columns: Columns, names: Sequence[str], threshold: float, cluster: str, plan: Plan
    ) -> None:
        self.columns, self.threshold, self.plan = columns, threshold, plan
        self.measures = measures(names)
        self._codes: Ints | None = None
        self._clusters = 0
        if cluster:
            self._codes, self._clusters = clusters(columns, cluster)
        known = ~columns.missing
        exact = tallied.tally(columns.score[known], columns.label[known].astype(float))
        self._tops = tallied.tops(exact, BINS, np.array([*EDGES, threshold]))

    def row(self, rows: Ints, stream: int = 0, **about: Any) -> Judged:
        """Return the figures of these rows; about: fields of `Row`.

        stream: the group's number, so that its fakes get draws of their own.
        """
        known = rows[~self.columns.missing[rows]]
        label = self.columns.label[known].astype(float)
        exact = tallied.tally(self.columns.score[known], label)
        why = {name: reason(measure, exact) for name, measure in self.measures.items()}
        wanted = {
            name: bound(measure, self.threshold)
            for name, measure in self.measures.items()
            if not why[name]
        }
        thin, replicates = self._replicates(known, label, exact, stream, wanted)
        cells, draws = {}, {}
        for name in self.measures:
            if name not in wanted:
                cells[name] = Cell(reason=why[name])
                continue
            value, rough = float(wanted[name](exact)), float(wanted[name](thin))
            if self.measures[name].is_biased:
                rough = float(np.nanmedian(replicates[name]))
            cells[name] = self._cell(name, exact, (value, rough), replicates[name])
            draws[name] = replicates[name] + value - rough
        fakes = int(label.sum())
        row = Row(
            method=self.columns.name,
            fakes=fakes,
            genuine=len(known) - fakes,
            missing=len(rows) - len(known),
            cells=cells,
            **about,
        )
        return Judged(row, draws)

    def mean(self, groups: Sequence[Judged], **about: Any) -> Row:
        """Return the row of means over groups, undefined ones left out; see `row`."""
        cells = {name: self._mean_cell(name, groups) for name in self.measures}
        return Row(method=self.columns.name, cells=cells, **about)

    def _replicates(
        self, rows: Ints, label: Floats, exact: Tally, stream: int, wanted: Mapping[str, Tallied]
    ) -> tuple[Tally, Mapping[str, Floats]]:
        if not wanted:
            return exact, {}
        drawn: Iterator[Tally]
        if self._codes is None:
            thin = tallied.binned(exact, self._tops)
            drawn = stratified(thin, self.plan, stream)
        else:
            thin = tallied.thinned(exact, BINS, np.array([*EDGES, self.threshold]))
            ranked = Ranked.of(self.columns.score[rows], label, thin)
            drawn = clustered(ranked, self._codes[rows], self.plan, self._clusters)
        return thin, replicate(wanted, drawn)

    def _cell(
        self, name: str, exact: Tally, values: tuple[float, float], replicates: Floats
    ) -> Cell:
        value, rough = values
        if np.isnan(value):
            return Cell(reason="undefined at this threshold")
        share = self.measures[name].share
        try:
            if share and self._codes is None:
                hits = share(tallied.confusion(exact, self.threshold))
                return Cell(**metrics.wilson(*hits, self.plan.level)._asdict())
            if said := too_few(self.measures[name].needs, exact):
                return Cell(value=value, reason=said)
            return Cell(**shifted(value, rough, replicates, self.plan.level)._asdict())
        except Undefined as error:
            return Cell(value=value, reason=f"no interval: {error}")

    def _mean_cell(self, name: str, groups: Sequence[Judged]) -> Cell:
        known = [g for g in groups if g.row.cells[name].value is not None]
        if not known:
            return Cell(reason="undefined in every group")
        value = float(np.mean([g.row.cells[name].value or 0.0 for g in known]))
        drawn = _mean_defined(np.array([g.draws[name] for g in known]))
        said = "" if len(known) == len(groups) else f"{len(known)} of {len(groups)} groups"
        if not np.isfinite(drawn).any():
            return Cell(value=value, reason=said or "no interval")
        interval = shifted(value, value, drawn, self.plan.level)
        return Cell(value=value, low=interval.low, high=interval.high, reason=said)


def _mean_defined(draws: Floats) -> Floats:
    """Return each draw's mean over the groups that it holds, (R,); NaN where it holds none.

    draws: (groups, R). Sources are drawn, so a group of a single source is absent from every third
    draw: to ask for all groups would leave hardly any draw.
    """
    is_known = np.isfinite(draws)
    total, count = np.where(is_known, draws, 0).sum(0), is_known.sum(0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def too_few(needs: str, counts: Tally) -> str:
    """Return why so few samples get no bootstrap interval, "" when there are enough.

    One perfect fake would get one of no width.
    """
    sizes = {"fakes": float(counts.fakes.sum()), "genuine": float(counts.genuine.sum())}
    wanted = sizes if needs == "both" else {needs: sizes.get(needs, sum(sizes.values()))}
    few = [f"{size:.0f} {name}" for name, size in wanted.items() if size < FEW]
    return f"no interval of {' and '.join(few)} samples".replace("any ", "") if few else ""


def bound(measure: Measure, threshold: float) -> Tallied:
    """Return the measure as a function of counts alone."""
    return lambda counts: measure.of(counts, threshold)


def clusters(columns: Columns, name: str) -> tuple[Ints, int]:
    """Return each row's cluster and how many there are; a row that states none is its own."""
    text = columns.text(name)
    codes = text.codes.astype(np.intp)
    if "" in text.names:
        alone = np.flatnonzero(codes == text.names.index(""))
        codes = codes.copy()
        codes[alone] = len(text.names) + np.arange(len(alone))
    # A name may repeat in another data set without being the same person or source.
    sets = columns.text("dataset").codes
    _, member = metrics.distinct([sets, codes])
    return member, int(member.max()) + 1
