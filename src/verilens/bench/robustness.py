"""How much a method loses under perturbations: the same samples, clean and damaged.

    clean predictions + one file a (kind, severity) -> a drop each -> mean a kind -> mean over kinds

A drop is positive when the measure gets worse. Only samples that both files score are compared, the
rest is counted as missing; all drops share their bootstrap draws, so that means have honest
intervals. `curve` gives what the plots of a table show.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from verilens.bench.columns import Columns, Text
from verilens.bench.compare import aligned
from verilens.bench.curves import PERTURBATION, SEVERITY
from verilens.bench.judge import EDGES, bound, clusters
from verilens.bench.measures import MEASURES, Measure, measures, reason
from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.metrics.intervals import BINS, Plan, Ranked, clustered
from verilens.bench.score import Settings, cluster_of
from verilens.errors import DatasetError

_ROW = "robustness.row"
_NAMED = re.compile(r"(?P<kind>[a-z][a-z0-9-]*?)-(?P<severity>[1-5])")


class Perturbed(NamedTuple):
    """Predictions for the samples under one perturbation."""

    kind: str
    severity: int
    columns: Columns


@dataclass(frozen=True, kw_only=True)
class Drop:
    """What one kind at one severity costs. drop: positive is worse, None where undefined.

    clean, value: of the samples that both files score. samples: how many these are; missing: those
    that only the clean file scores. p: two-sided, of no drop.
    """

    kind: str
    severity: int
    samples: int
    missing: int
    clean: float | None = None
    value: float | None = None
    drop: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean drop with its interval: over the severities of a kind, or over all kinds."""

    kind: str
    drop: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """What perturbations cost one method. clean: the measure on all clean samples.

    mean: over kinds, each of which counts once whatever its severities. worst: the kind with the
    largest mean drop, "" when no drop is defined.
    """

    method: str
    measure: str
    clean: float
    drops: tuple[Drop, ...]
    kinds: tuple[Mean, ...]
    mean: Mean | None
    worst: str
    cluster: str
    notes: tuple[str, ...] = ()


def robustness(
    clean: Columns, damaged: Sequence[Perturbed], measure: str, settings: Settings
) -> Robustness:
    """Return the drops of one method, one row a sample after pooling frames.

    settings: its plan, pooling, cluster and threshold are used. DatasetError when a (kind,
    severity) comes twice, shares no sample with the clean file, or disagrees with it on a label.
    """
    (of,) = measures([measure]).values()
    clean = clean.videos(settings.pooling) if settings.pooling else clean
    cluster = cluster_of(clean, settings.cluster)
    groups = _Groups.of(clean, cluster)
    judge = _Judge(of, settings.threshold, settings.plan, groups, {})
    known = ~clean.missing
    if said := reason(of, tallied.tally(clean.score[known], clean.label[known].astype(float))):
        raise DatasetError(f"{clean.path}: {of.title} is undefined: {said}")
    marked = replace(clean, attributes={**clean.attributes, _ROW: Text(groups.rows, ())})
    drops, draws = [], {}
    for kind, severity, columns in _once(damaged):
        columns = columns.videos(settings.pooling) if settings.pooling else columns
        found, drawn = judge.drop(kind, severity, marked, columns)
        drops.append(found)
        if drawn is not None:
            draws[kind, severity] = drawn
    kinds = _kinds(drops, draws, settings.plan.level)
    return Robustness(
        method=clean.name,
        measure=measure,
        clean=judge.value(clean.score[known], clean.label[known].astype(float)),
        drops=tuple(drops),
        kinds=tuple(mean for mean, _ in kinds),
        mean=_mean("all kinds", kinds, settings.plan.level),
        worst=max(kinds, key=lambda pair: pair[0].drop)[0].kind if kinds else "",
        cluster=cluster,
        notes=tuple(_notes(drops)),
    )


def named(columns: Columns) -> Perturbed:
    """Return a file's predictions with the kind and severity that its facts or its name state.

    Facts `perturbation` and `severity`, else a file or folder called like jpeg-3; DatasetError.
    """
    if PERTURBATION in columns.facts and SEVERITY in columns.facts:
        kind, severity = columns.facts[PERTURBATION], columns.facts[SEVERITY]
        return Perturbed(str(kind), int(severity), columns)
    for text in (columns.path.stem, columns.path.parent.name):
        if match := _NAMED.fullmatch(text):
            return Perturbed(match["kind"], int(match["severity"]), columns)
    raise DatasetError(f"{columns.path}: which perturbation? Call it like jpeg-3.parquet")


def curve(found: Robustness) -> dict[str, tuple[tuple[float, float], ...]]:
    """Return (severity, value) by kind, severity 0 first: what `result.Curves` holds."""
    points: dict[str, list[tuple[float, float]]] = {}
    for drop in found.drops:
        if drop.value is not None:
            points.setdefault(drop.kind, [(0.0, found.clean)]).append(
                (float(drop.severity), drop.value)
            )
    return {kind: tuple(sorted(values)) for kind, values in points.items()}


def corruption_error(found: Robustness, baseline: Robustness) -> float:
    """Return the mean over kinds of this method's error as a share of the baseline's.

    Convention: error is 1 - measure summed over severities, as ImageNet-C's mCE; 1 is as bad as
    the baseline. Only cells that both have count; DatasetError when there are none.
    """
    if not MEASURES[found.measure].rises or found.measure != baseline.measure:
        raise DatasetError("corruption error needs one measure for both, of which more is better")
    own, other = _errors(found), _errors(baseline)
    shared = sorted(own.keys() & other.keys())
    ratios = []
    for kind in dict.fromkeys(kind for kind, _ in shared):
        cells = [cell for cell in shared if cell[0] == kind]
        total = sum(other[cell] for cell in cells)
        if total > 0:
            ratios.append(sum(own[cell] for cell in cells) / total)
    if not ratios:
        raise DatasetError(f"{found.method} and {baseline.method} share no perturbation")
    return float(np.mean(ratios))


def plain(found: Robustness) -> dict[str, Any]:
    """Return the result as JSON-safe values."""
    return asdict(found)


def _errors(found: Robustness) -> dict[tuple[str, int], float]:
    return {(d.kind, d.severity): 1 - d.value for d in found.drops if d.value is not None}


class _Groups(NamedTuple):
    """Which clean samples are drawn together. rows: numbers of the clean rows, (N,)."""

    rows: Ints
    codes: Ints
    total: int

    @classmethod
    def of(cls, clean: Columns, cluster: str) -> "_Groups":
        rows = np.arange(len(clean))
        return cls(rows, *(clusters(clean, cluster) if cluster else (rows, len(rows))))


class _Judge(NamedTuple):
    """Values and draws of one measure; the same groups of clean samples are drawn every time.

    drawn: the draws of clean samples by which these were, since mostly it is the same ones.
    """

    of: Measure
    threshold: float
    plan: Plan
    groups: _Groups
    drawn: dict[bytes, Floats]

    def value(self, scores: Floats, labels: Floats) -> float:
        return float(self.of.of(tallied.tally(scores, labels), self.threshold))

    def drop(
        self, kind: str, severity: int, clean: Columns, damaged: Columns
    ) -> tuple[Drop, Floats | None]:
        """Return the drop, and its bootstrap draws, None where it is undefined."""
        before, after = aligned([clean, damaged])
        labels = before.label.astype(float)
        missing = int((~clean.missing).sum()) - len(before)
        about = Drop(kind=kind, severity=severity, samples=len(before), missing=missing)
        if said := reason(self.of, tallied.tally(after.score, labels)):
            return replace(about, reason=said), None
        sign = 1 if self.of.rises else -1
        rows = before.attributes[_ROW].codes
        codes = self.groups.codes[rows]
        if (key := rows.tobytes()) not in self.drawn:
            self.drawn[key] = self._draws(before.score, labels, codes)
        drawn = sign * (self.drawn[key] - self._draws(after.score, labels, codes))
        low, high = _bounds(drawn, self.plan.level)
        kept = drawn[np.isfinite(drawn)]
        tail = min((kept <= 0).sum(), (kept >= 0).sum())
        values = [self.value(c.score, labels) for c in (before, after)]
        drop = replace(
            about,
            clean=values[0],
            value=values[1],
            drop=sign * (values[0] - values[1]),
            low=low,
            high=high,
            p=float(min(1.0, 2 * (1 + tail) / (len(kept) + 1))),
        )
        return drop, drawn

    def _draws(self, scores: Floats, labels: Floats, codes: Ints) -> Floats:
        metric = bound(self.of, self.threshold)
        exact = tallied.tally(scores, labels)
        thin = tallied.thinned(exact, BINS, np.array([*EDGES, self.threshold]))
        ranked = Ranked.of(scores, labels, thin)
        drawn = clustered(ranked, codes, self.plan, self.groups.total)
        shift = float(metric(exact)) - float(metric(thin))
        values: Floats = np.concatenate([metric(counts) for counts in drawn]) + shift
        return values


def _once(damaged: Iterable[Perturbed]) -> Iterable[Perturbed]:
    seen: dict[tuple[str, int], Perturbed] = {}
    for one in damaged:
        key = (one.kind, one.severity)
        if key in seen:
            raise DatasetError(
                f"{one.columns.path}: {one.kind} at severity {one.severity} again, after "
                f"{seen[key].columns.path}; keep one of them"
            )
        seen[key] = one
    return [seen[key] for key in sorted(seen)]


def _kinds(
    drops: Sequence[Drop], draws: Mapping[tuple[str, int], Floats], level: float
) -> list[tuple[Mean, Floats]]:
    """Return the mean over the severities of each kind, and its draws."""
    found = []
    for kind in dict.fromkeys(kind for kind, _ in draws):
        own = [drop for drop in drops if (drop.kind, drop.severity) in draws and drop.kind == kind]
        drawn = np.mean([draws[kind, drop.severity] for drop in own], axis=0)
        low, high = _bounds(drawn, level)
        value = float(np.mean([drop.drop or 0.0 for drop in own]))
        found.append((Mean(kind=kind, drop=value, low=low, high=high), drawn))
    return found


def _mean(name: str, kinds: Sequence[tuple[Mean, Floats]], level: float) -> Mean | None:
    if not kinds:
        return None
    low, high = _bounds(np.mean([drawn for _, drawn in kinds], axis=0), level)
    value = float(np.mean([mean.drop for mean, _ in kinds]))
    return Mean(kind=name, drop=value, low=low, high=high)


def _bounds(drawn: Floats, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    kept = drawn[np.isfinite(drawn)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [tail, 1 - tail])
    return float(low), float(high)


def _notes(drops: Sequence[Drop]) -> Iterable[str]:
    lacking = [drop for drop in drops if drop.missing]
    if lacking:
        worst = max(lacking, key=lambda drop: drop.missing)
        yield (
            f"{len(lacking)} of {len(drops)} perturbations lack clean samples, at most "
            f"{worst.missing} ({worst.kind}-{worst.severity}): drops are of the samples both score"
        )
    levels = {
        kind: {d.severity for d in drops if d.kind == kind} for kind in {d.kind for d in drops}
    }
    if len({tuple(sorted(found)) for found in levels.values()}) > 1:
        yield "the kinds have different severities: their means are not on one scale"
