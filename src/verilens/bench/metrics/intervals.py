"""How sure a figure is: Wilson's interval for shares, the bootstrap for everything else.

The bootstrap draws counts, not samples: scores are sorted once and a draw is a set of weights, so
a million scores take seconds. From `BINS` distinct scores on, draws (never the value itself) use
counts in bins, and their quantiles are shifted by what binning did to the value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, Ints, Undefined, both_classes
from verilens.bench.metrics.tallied import Tallied, Tally

BINS = 4096
CELLS = 4_000_000  # weights held at a time

Weights = NDArray[np.float32]
Metric = Callable[[Floats, Floats], float]


class Interval(NamedTuple):
    """A value and its confidence bounds."""

    value: float
    low: float
    high: float


class Difference(NamedTuple):
    """Metric of the first minus that of the second, its bounds, and a two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to resample. Equal seeds draw equal genuine samples, whatever fakes stand beside them."""

    draws: int = 1000
    level: float = 0.95
    seed: int = 0


def wilson(hits: float, total: float, level: float = 0.95) -> Interval:
    """Return the share hits / total with Wilson's score interval."""
    if total <= 0:
        raise Undefined("no samples to take a share of")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, scale = hits / total, 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    reach = z / scale * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Interval(share, float(max(0.0, centre - reach)), float(min(1.0, centre + reach)))


def bootstrap(
    metric: Metric,
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    level: float = 0.95,
    draws: int = 1000,
) -> Interval:
    """Return any `metric(scores, labels)` with its percentile interval; see `intervals` for speed.

    groups: whose members are drawn together, (N,), e.g. the sources of the files; None resamples
        the samples of each class on their own. Draws that lose a class are left out.
    """
    scores, labels = both_classes(scores, labels)
    values: list[float] = []
    for weights in _weights(
        labels, None if groups is None else coded(groups), Plan(draws=draws, level=level)
    ):
        for drawn in weights.astype(np.intp):
            chosen = np.repeat(np.arange(len(labels)), drawn)
            if np.ptp(labels[chosen]) > 0:
                values.append(metric(scores[chosen], labels[chosen]))
    low, high = _bounds(np.asarray(values), level)
    return Interval(metric(scores, labels), low, high)


def clustered_mean(
    values: ArrayLike, groups: ArrayLike, weights: ArrayLike | None, plan: Plan
) -> Interval:
    """Return the weighted mean of values with its percentile interval, whole groups drawn.

    values, groups: (N,). weights: how much each value counts, (N,); None counts all alike. One
    group alone has no interval: both bounds are the value.
    """
    values = np.asarray(values, float)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, float)
    if not len(values):
        raise Undefined("no values to average")
    codes = coded(groups)
    sums = np.bincount(codes, values * weights)
    sizes = np.bincount(codes, weights)
    count = len(sums)
    rng = np.random.default_rng(plan.seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=plan.draws)
    low, high = _bounds(drawn @ sums / (drawn @ sizes), plan.level)
    return Interval(float(sums.sum() / sizes.sum()), low, high)


def intervals(
    metrics: Mapping[str, Tallied],
    scores: ArrayLike,
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    plan: Plan | None = None,
    cuts: Iterable[float] = (),
) -> dict[str, Interval]:
    """Return each metric of `tallied` with its percentile interval, all from the same draws.

    groups: as in `bootstrap`. cuts: decision thresholds that the metrics use.
    """
    scores, labels = both_classes(scores, labels)
    plan = plan or Plan()
    exact = tallied.tally(scores, labels)
    thin = tallied.thinned(exact, BINS, np.asarray(list(cuts), float))
    if groups is None:
        drawn = stratified(thin, plan)
    else:
        ranked = Ranked.of(scores, labels, thin)
        drawn = clustered(ranked, coded(groups), plan)
    replicates = replicate(metrics, drawn)
    return {
        name: shifted(float(metric(exact)), float(metric(thin)), replicates[name], plan.level)
        for name, metric in metrics.items()
    }


def paired(
    metric: Tallied | tuple[Tallied, ...],
    scores: tuple[ArrayLike, ArrayLike],
    labels: ArrayLike,
    groups: ArrayLike | None = None,
    plan: Plan | None = None,
    cuts: Iterable[float] = (),
) -> Difference:
    """Return how two scores of the same samples differ in a metric of `tallied`.

    metric: one for both, or one each (their thresholds may differ). scores: two of (N,). Both are
    judged on the same draws, so what makes samples easy or hard for both cancels out. p: twice the
    share of draws on the far side of 0, at least 1 / (draws + 1).
    """
    plan, edges = plan or Plan(), np.asarray(list(cuts), float)
    of = metric if isinstance(metric, tuple) else (metric, metric)
    pair, values, shift = [], [], []
    for metric, one in zip(of, scores, strict=True):
        one, truth = both_classes(one, labels)
        exact = tallied.tally(one, truth)
        thin = tallied.thinned(exact, BINS, edges)
        pair.append(Ranked.of(one, truth, thin))
        values.append(float(metric(exact)))
        shift.append(values[-1] - float(metric(thin)))
    gaps = [
        of[0](pair[0].tally(w)) - of[1](pair[1].tally(w))
        for w in _weights(
            np.asarray(labels, float), None if groups is None else coded(groups), plan
        )
    ]
    drawn = np.concatenate(gaps) + shift[0] - shift[1]
    drawn = drawn[np.isfinite(drawn)]
    low, high = _bounds(drawn, plan.level)
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p = min(1.0, 2 * (1 + float(tail)) / (len(drawn) + 1))
    return Difference(values[0] - values[1], low, high, p)


def stratified(counts: Tally, plan: Plan, stream: int = 0) -> Iterator[Tally]:
    """Yield draws of `counts`, each class resampled on its own.

    stream: makes the draws of the fakes differ between tallies whose genuine draws are shared.
    """
    sources = (np.random.default_rng([plan.seed, 1, stream]), np.random.default_rng([plan.seed, 0]))
    shares = [c / max(1.0, c.sum()) for c in (counts.fakes, counts.genuine)]
    sizes = [round(float(c.sum())) for c in (counts.fakes, counts.genuine)]
    step = max(1, min(100, CELLS // (8 * len(counts.values))))
    for begun in range(0, plan.draws, step):
        many = min(step, plan.draws - begun)
        fakes, genuine = (
            rng.multinomial(size, share, size=many).astype(float)
            for rng, size, share in zip(sources, sizes, shares, strict=True)
        )
        yield Tally(fakes, genuine, counts.values)


class Ranked(NamedTuple):
    """Samples in the order of their scores, and where the bins of a tally begin among them."""

    order: Ints
    is_fake: Floats
    starts: Ints
    values: Floats

    @classmethod
    def of(cls, scores: Floats, labels: Floats, counts: Tally) -> "Ranked":
        """Return the samples ranked; `counts` is their tally, thinned or not."""
        order = np.argsort(-scores, kind="stable")
        ends = np.cumsum(counts.fakes + counts.genuine)
        starts = np.r_[0, np.rint(ends[:-1])].astype(np.intp)
        return cls(order, labels[order].astype(np.float32), starts, counts.values)

    def tally(self, weights: Weights) -> Tally:
        """Return the counts when each sample counts `weights` times, (draws, N)."""
        ranked = weights[:, self.order]
        fakes, both = (
            np.add.reduceat(w, self.starts, axis=1, dtype=np.float64)
            for w in (ranked * self.is_fake, ranked)
        )
        return Tally(fakes, both - fakes, self.values)


def clustered(ranked: Ranked, codes: Ints, plan: Plan, total: int | None = None) -> Iterator[Tally]:
    """Yield draws of ranked samples in which the members of a group are drawn together.

    codes: each sample's group, (N,), from 0. total: number of groups, of which these samples may
    have some only; equal totals and seeds draw the same groups.
    """
    for weights in _weights(np.zeros(len(codes)), codes, plan, total):
        yield ranked.tally(weights)


def replicate(metrics: Mapping[str, Tallied], drawn: Iterable[Tally]) -> dict[str, Floats]:
    """Return every metric of every draw, (draws,) each; NaN where a draw leaves it undefined."""
    values: dict[str, list[Floats]] = {name: [] for name in metrics}
    for counts in drawn:
        for name, metric in metrics.items():
            values[name].append(metric(counts))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def shifted(value: float, binned: float, replicates: Floats, level: float) -> Interval:
    """Return the percentile interval, moved by what binning did to the value itself."""
    drawn = replicates[np.isfinite(replicates)]
    low, high = _bounds(drawn, level)
    least, most = min(drawn.min(), value), max(drawn.max(), value)
    moved = np.clip(np.array([low, high]) + value - binned, least, most)
    return Interval(value, float(moved[0]), float(moved[1]))


def _bounds(values: Floats, level: float) -> tuple[float, float]:
    if not len(values):
        raise Undefined("every bootstrap draw lost a class; there are too few groups")
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def coded(groups: ArrayLike) -> Ints:
    """Return each sample's group as a number from 0."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)


def _weights(
    labels: Floats, groups: Ints | None, plan: Plan, total: int | None = None
) -> Iterator[Weights]:
    """Yield how often each sample is drawn, (draws, N): by group, else within its class."""
    rng = np.random.default_rng(plan.seed)
    strata = [np.flatnonzero(labels == value) for value in (0, 1)]
    many = total or (0 if groups is None else int(groups.max()) + 1)
    step = max(1, min(100, CELLS // max(1, len(labels))))
    for begun in range(0, plan.draws, step):
        weights: Weights = np.empty((min(step, plan.draws - begun), len(labels)), np.float32)
        for row in weights:
            if groups is None:
                for members in strata:
                    row[members] = _drawn(rng, len(members))
            else:
                row[:] = _drawn(rng, many)[groups]
        yield weights


def _drawn(rng: np.random.Generator, total: int) -> Ints:
    """Return how often each of `total` things is drawn in `total` draws."""
    if not total:
        return np.zeros(0, np.intp)
    return np.bincount(rng.integers(0, total, total, dtype=np.int32), minlength=total)
