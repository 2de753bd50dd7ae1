"""Whether a detector errs more on some people than on others.

    predictions -> counts a person and group -> rates -> gaps, tests and warnings

Videos of one person are not independent, so persons are drawn, never videos. Who states no group
is counted and left out. Groups of few persons are shown with a flag and take no part in gaps. No
person is ever named.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from math import erfc, sqrt
from typing import Any

import numpy as np

from verilens.bench import metrics
from verilens.bench.columns import Columns
from verilens.bench.facets import Facet, facet
from verilens.bench.metrics.arrays import Bools, Floats, Ints
from verilens.bench.metrics.intervals import Plan
from verilens.bench.result import Cell
from verilens.bench.subjects import RATES, tallies
from verilens.datasets.casual_conversations import GROUPS
from verilens.errors import ConfigError

FEW = 30  # persons; smaller groups are flagged
SHOWN = ("tpr", "fpr", "precision", "logloss")
GAPS = ("tpr", "fpr")  # what equal treatment means: the same hits and the same false alarms


@dataclass(frozen=True, kw_only=True)
class Against:
    """A group's rate minus that of everybody else; p two-sided, corrected over groups (Holm)."""

    difference: float
    low: float
    high: float
    p: float
    corrected: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """One group. people, fakes, genuine: scored ones; missing: samples without a score.

    cells: every rate, "" reason when defined. is_small: fewer than `FEW` people. against: for the
    rates in GAPS, the test against everybody else.
    """

    name: str
    people: int
    fakes: int
    genuine: int
    missing: int
    is_small: bool
    cells: Mapping[str, Cell]
    against: Mapping[str, Against]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far groups lie apart in one rate; small groups take no part.

    highest, lowest: groups. difference: highest minus lowest; ratio: lowest over highest. Their
    intervals are of this pair, which was picked by looking: the tests of `Group.against` are the
    ones to trust. spread: standard deviation over groups. worst: the group to worry about.
    """

    rate: str
    highest: str
    lowest: str
    worst: str
    difference: Cell
    ratio: Cell
    spread: float


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Groups of one attribute, or of several crossed. unstated: samples that state no group.

    odds: the larger gap in true or false positive rates (equalised odds), None when undefined.
    """

    by: str
    groups: tuple[Group, ...]
    unstated: int
    unstated_people: int
    gaps: tuple[Gap, ...]
    odds: Cell
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """All slices of one method. people: how many are drawn. notes: what a reader must know."""

    method: str
    threshold: float
    people: int
    samples: int
    missing: int
    slices: tuple[Slice, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is looked at. by: attributes, crossed ones as "skin-type x gender".

    subject: the column of persons; "" draws samples on their own, which is too sure of itself.
    merge: attribute -> value -> name of the group it joins. few: persons below which a group is
    flagged.
    """

    by: tuple[str, ...]
    subject: str = "identity"
    threshold: float = 0.5
    merge: Mapping[str, Mapping[str, str]] | None = None
    few: int = FEW
    plan: Plan = field(default_factory=Plan)


def fairness(samples: Columns, asked: Asked) -> Fairness:
    """Return rates and gaps of one method; `samples` holds one row a sample.

    ConfigError when a slice would name persons.
    """
    private = {asked.subject, "identity", "id", "source"}
    people, notes = persons(samples, asked.subject)
    slices = []
    for by in asked.by:
        parts = [part.strip() for part in by.split(" x ")]
        for part in parts:
            if part in private:
                raise ConfigError(f"'{part}' names persons or their files; slice by an attribute")
        cut = facet(samples, parts, asked.merge or {})
        others = [
            facet(samples, [name.strip()], asked.merge or {})
            for name in asked.by
            if " x " not in name and name.strip() not in parts
        ]
        slices.append(sliced(samples, people, cut, others, asked))
    return Fairness(
        method=samples.name,
        threshold=asked.threshold,
        people=int(people.max()) + 1,
        samples=len(samples),
        missing=int(samples.missing.sum()),
        slices=tuple(slices),
        notes=tuple(notes),
    )


def persons(samples: Columns, subject: str) -> tuple[Ints, list[str]]:
    """Return which person each row shows, as a number, and what to say of it."""
    if not subject:
        said = "samples are drawn on their own although a person may have many:"
        return np.arange(len(samples)), [f"{said} intervals are too narrow"]
    text = samples.text(subject)
    known = text.codes != (text.names.index("") if "" in text.names else -1)
    if not known.any():
        said = f"no '{subject}' is stated: samples are drawn on their own, intervals are too narrow"
        return np.arange(len(samples)), [said]
    codes = np.where(known, text.codes, len(text.names) + np.arange(len(samples)))
    _, member = metrics.distinct([samples.text("dataset").codes, codes])
    unknown = int((~known).sum())
    notes = [f"{unknown} samples of unknown persons count as one person each"] if unknown else []
    return member, notes


def sliced(
    samples: Columns, people: Ints, cut: Facet, others: Sequence[Facet], asked: Asked
) -> Slice:
    """Return one slice. others: further attributes, within which its gaps may turn round."""
    known = (cut.codes >= 0) & ~samples.missing
    counted = tallies(samples, people, cut, asked.threshold)
    small = counted.people < asked.few
    values = {name: rate(counted.total) for name, rate in RATES.items()}
    sums = counted.draws(asked.plan)
    draws = {name: rate(sums) for name, rate in RATES.items()}
    large = np.flatnonzero(~small)
    against = {
        rate: tested(RATES[rate], (counted.total, sums), large, asked.plan.level) for rate in GAPS
    }
    groups = []
    for n, name in enumerate(cut.names):
        fakes, genuine = (
            int((known & (cut.codes == n) & (samples.label == flag)).sum()) for flag in (1, 0)
        )
        groups.append(
            Group(
                name=name,
                people=int(counted.people[n]),
                fakes=fakes,
                genuine=genuine,
                missing=int(((cut.codes == n) & samples.missing).sum()),
                is_small=bool(small[n]),
                cells={r: cell(values[r][n], draws[r][:, n], asked.plan) for r in RATES},
                against={rate: found[n] for rate, found in against.items() if n in found},
            )
        )
    gaps = [
        found
        for rate in GAPS
        if (found := gap(rate, cut.names, values[rate], draws[rate], (~small, asked.plan)))
    ]
    return Slice(
        by=cut.by,
        groups=tuple(groups),
        unstated=int((cut.codes < 0).sum()),
        unstated_people=len(np.unique(people[cut.codes < 0])),
        gaps=tuple(gaps),
        odds=equalised_odds(gaps),
        warnings=tuple(warnings(samples, cut, groups, others, asked)),
    )


def tested(
    rate: Callable[[Floats], Floats], sums: tuple[Floats, Floats], large: Ints, level: float
) -> dict[int, Against]:
    """Return the test of each large group against everybody else, where both have the rate.

    sums: of the groups, and of the groups in each draw. p: of the difference over its standard
    deviation among the draws of persons.
    """
    found: dict[int, tuple[float, float, float, float]] = {}
    total, drawn = sums
    tail = (1 - level) / 2
    for n in large.tolist() if len(total) > 1 else ():
        value = float(rate(total[n]) - rate(total.sum(0) - total[n]))
        gaps = rate(drawn[:, n]) - rate(drawn.sum(1) - drawn[:, n])
        gaps = gaps[np.isfinite(gaps)]
        if np.isnan(value) or len(gaps) < 2:
            continue
        spread = float(gaps.std(ddof=1))
        p = erfc(abs(value) / spread / sqrt(2)) if spread else float(value == 0)
        low, high = np.quantile(gaps, [tail, 1 - tail])
        found[n] = (value, float(low), float(high), p)
    corrected = metrics.holm([p for *_, p in found.values()])
    return {
        n: Against(difference=value, low=low, high=high, p=p, corrected=fixed)
        for (n, (value, low, high, p)), fixed in zip(found.items(), corrected, strict=True)
    }


def gap(
    rate: str,
    names: Sequence[str],
    values: Floats,
    draws: Floats,
    among: tuple[Bools, Plan],
) -> Gap | None:
    """Return the gap in one rate over the groups that take part, None with fewer than two."""
    part, plan = among
    known = np.flatnonzero(part & np.isfinite(values))
    if len(known) < 2:
        return None
    high = int(known[np.argmax(values[known])])
    low = int(known[np.argmin(values[known])])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = draws[:, low] / draws[:, high]
        ratio = float(values[low] / values[high]) if values[high] else float("nan")
    return Gap(
        rate=rate,
        highest=names[high],
        lowest=names[low],
        worst=names[low] if rate == "tpr" else names[high],
        difference=cell(float(values[high] - values[low]), draws[:, high] - draws[:, low], plan),
        ratio=cell(ratio, ratios, plan),
        spread=float(values[known].std()),
    )


def equalised_odds(gaps: Sequence[Gap]) -> Cell:
    """Return the larger of the gaps in true and false positive rate; both must be defined."""
    if len(gaps) < len(GAPS):
        return Cell(reason="needs two groups with fakes and genuine samples")
    return max((g.difference for g in gaps), key=lambda found: found.value or 0.0)


def warnings(
    samples: Columns, cut: Facet, groups: Sequence[Group], others: Sequence[Facet], asked: Asked
) -> Iterator[str]:
    """Yield what a reader must know of a slice."""
    few = [group.name for group in groups if group.is_small]
    if few:
        yield (f"fewer than {asked.few} people, so no part in gaps: {', '.join(few)}")
    for group in groups:
        for rate, found in group.against.items():
            if found.corrected < 0.05:
                way = "higher" if found.difference > 0 else "lower"
                yield (
                    f"{rate.upper()} of {group.name} is {abs(found.difference):.3f} {way} than of "
                    f"everybody else (p = {found.corrected:.2g} after Holm)"
                )
    for other in others:
        yield from reversals(samples, cut, other, asked.threshold)


def reversals(samples: Columns, cut: Facet, other: Facet, threshold: float) -> Iterator[str]:
    """Yield where the whole favours one group but every level of another attribute the other."""
    called = samples.score > threshold
    known = (cut.codes >= 0) & (other.codes >= 0) & ~samples.missing
    shape = (len(cut.names), len(other.names))
    place = cut.codes * shape[1] + other.codes
    for rate, label in (("TPR", 1), ("FPR", 0)):
        rows = known & (samples.label == label)
        total = np.bincount(place[rows], minlength=shape[0] * shape[1]).reshape(shape)
        hits = np.bincount(place[rows], called[rows], minlength=total.size).reshape(shape)
        for a, b in combinations(range(shape[0]), 2):
            levels = (total[a] > 0) & (total[b] > 0)
            if levels.sum() < 2:
                continue
            within = _sign(hits[a, levels], total[a, levels], hits[b, levels], total[b, levels])
            sums = (counts[row, levels].sum() for row in (a, b) for counts in (hits, total))
            whole = _sign(*sums)
            if whole and (within == -whole).all():
                more, less = (a, b) if whole > 0 else (b, a)
                yield (
                    f"Simpson's paradox: {rate} is higher for {cut.names[more]} than for "
                    f"{cut.names[less]} over all, but lower at every level of {other.by}; compare "
                    "within levels"
                )


def _sign(hits: Floats, total: Floats, other_hits: Floats, other_total: Floats) -> Floats:
    """Return 1 where the first rate is higher, -1 where the second is, without dividing."""
    sign: Floats = np.sign(hits * other_total - other_hits * total)
    return sign


def cell(value: float, draws: Floats, plan: Plan) -> Cell:
    """Return a figure with its percentile interval."""
    if np.isnan(value):
        return Cell(reason="no samples of the class it needs")
    drawn = draws[np.isfinite(draws)]
    if not len(drawn):
        return Cell(value=value, reason="no interval: too few people")
    tail = (1 - plan.level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Cell(value=float(value), low=float(low), high=float(high))


def stated(samples: Columns) -> tuple[str, ...]:
    """Return the attributes with known groups of people that these samples state."""
    found = tuple(name for name in GROUPS if name in samples.attributes)
    if not found:
        known = ", ".join(sorted(samples.attributes)) or "none"
        raise ConfigError(
            f"{samples.path}: states none of {', '.join(GROUPS)}; name attributes with --by. "
            f"There are: {known}"
        )
    return found


def rows(cut: Slice) -> Iterator[list[str]]:
    """Yield the cells of each group in words: counts, SHOWN rates, p; * flags a small group."""
    for group in cut.groups:
        counts = (group.people, group.fakes, group.genuine, group.missing)
        figures = [_shown(group.cells[rate], rate) for rate in SHOWN]
        tests = [f"{rate} {found.corrected:.2g}" for rate, found in group.against.items()]
        name = f"{group.name} *" if group.is_small else group.name
        yield [name, *map(str, counts), *figures, ", ".join(tests) or "-"]


def remarks(cut: Slice) -> Iterator[str]:
    """Yield what stands below a slice: who is left out, gaps, equalised odds, warnings."""
    yield f"{cut.unstated} samples of {cut.unstated_people} people state no group and are left out"
    for found in cut.gaps:
        yield (
            f"{found.rate.upper()} gap {_shown(found.difference, 'gap')} between {found.highest} "
            f"and {found.lowest}; ratio {_shown(found.ratio, 'ratio')}; standard deviation "
            f"{found.spread:.3f}; worst: {found.worst}"
        )
    yield f"equalised odds: {_shown(cut.odds, 'gap')}"
    yield from cut.warnings


def _shown(found: Cell, rate: str) -> str:
    if found.value is None:
        return f"- ({found.reason})" if rate == "gap" else "-"
    reach = "" if found.low is None else f" [{found.low:.3f}–{found.high:.3f}]"
    return f"{found.value:.3f}{reach}"


def plain(found: Fairness) -> dict[str, Any]:
    """Return the result as JSON-safe values."""
    return asdict(found)
