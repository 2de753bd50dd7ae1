"""Whether methods differ: on the samples that all of them scored, pair by pair.

Both methods of a pair are judged on the same bootstrap draws; for AUC, DeLong's test stands beside
when samples are independent. P-values are corrected over all pairs (Holm). A difference that is
not found is not shown to be absent: look at its interval.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from verilens.bench import metrics
from verilens.bench.columns import KEY, Columns, Text
from verilens.bench.judge import EDGES, bound, clusters
from verilens.bench.measures import MEASURES, measures, reason
from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, Ints
from verilens.bench.score import Settings, cluster_of, prepared, renamed
from verilens.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two methods by one measure; difference is first minus second.

    p: of the paired bootstrap; corrected: after Holm over all pairs. p_delong: of DeLong's test,
    None for other measures than AUC and for samples drawn in clusters.
    """

    first: str
    second: str
    first_value: float
    second_value: float
    difference: float
    low: float
    high: float
    p: float
    corrected: float
    p_delong: float | None = None
    corrected_delong: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Pairs of methods by one measure on their common samples.

    left_out: samples a method has and the comparison has not, by method: absent elsewhere or
    without a score somewhere.
    """

    measure: str
    pairs: tuple[Pair, ...]
    fakes: int
    genuine: int
    left_out: dict[str, int]
    cluster: str
    notes: tuple[str, ...]


def compare(files: Sequence[Columns], measure: str, settings: Settings) -> Comparison:
    """Return how methods differ; the threshold of each comes from `settings` as in `score`."""
    if len(files) < 2:
        raise DatasetError("nothing to compare: give two or more predictions files")
    (of,) = measures([measure]).values()
    given = renamed(files)
    judged = [prepared(file, settings) for file in given]
    common = aligned([samples for samples, _ in judged])
    cluster = cluster_of(common[0], settings.cluster)
    codes = clusters(common[0], cluster)[0] if cluster else None
    label = common[0].label.astype(float)
    for samples in common:
        if said := reason(of, tallied.tally(samples.score, label)):
            raise DatasetError(f"{samples.path}: {of.title} is undefined on common samples: {said}")
    pairs = []
    for i, j in combinations(range(len(common)), 2):
        at = (judged[i][1].value, judged[j][1].value)
        pair = paired(measure, (common[i], common[j]), at, label, (codes, settings))
        pairs.append(pair)
    total = len(label)
    return Comparison(
        measure=measure,
        pairs=tuple(corrected(pairs)),
        fakes=int(label.sum()),
        genuine=total - int(label.sum()),
        left_out={file.name: len(file) - total for file, _ in judged},
        cluster=cluster,
        notes=tuple(f"{f.name}: threshold {t.value:.4g} ({t.note})" for f, t in judged),
    )


def paired(
    measure: str,
    files: tuple[Columns, Columns],
    thresholds: tuple[float, float],
    label: Floats,
    drawing: tuple[Ints | None, Settings],
) -> Pair:
    """Return one pair, its p-values not yet corrected.

    thresholds: of each method. drawing: each sample's cluster, and the settings.
    """
    codes, settings = drawing
    first, second = files
    found = metrics.paired(
        tuple(bound(MEASURES[measure], at) for at in thresholds),
        (first.score, second.score),
        label,
        codes,
        settings.plan,
        (*EDGES, *thresholds),
    )
    delong = None
    if measure == "auc" and codes is None:
        try:
            delong = metrics.delong_test(first.score, second.score, label).p
        except metrics.Undefined:
            delong = None
    of = bound(MEASURES[measure], thresholds[0])
    value = float(of(tallied.tally(first.score, label)))
    return Pair(
        first=first.name,
        second=second.name,
        first_value=value,
        second_value=value - found.value,
        difference=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        corrected=found.p,
        p_delong=delong,
    )


def corrected(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs with p-values corrected for how many there are."""
    plain = metrics.holm([pair.p for pair in pairs])
    tested = [pair.p_delong for pair in pairs if pair.p_delong is not None]
    delong = iter(metrics.holm(tested))
    return [
        Pair(
            **{
                **asdict(pair),
                "corrected": p,
                "corrected_delong": None if pair.p_delong is None else next(delong),
            }
        )
        for pair, p in zip(pairs, plain, strict=True)
    ]


def aligned(files: Sequence[Columns]) -> list[Columns]:
    """Return the samples every file has a score for, in one order.

    DatasetError when there are none, or when files disagree on a label.
    """
    member = _members(files)
    rows: list[Ints] = []
    counts = np.zeros(max(int(codes.max()) for codes in member) + 1, int)
    for file, codes in zip(files, member, strict=True):
        counts[codes[~file.missing]] += 1
    shared = np.flatnonzero(counts == len(files))
    if not len(shared):
        raise DatasetError(
            f"{files[0].path} and {files[1].path} share no scored sample; ids must be the same "
            "(data set, generator, id, frame)"
        )
    for codes in member:
        place = np.full(len(counts), -1)
        place[codes] = np.arange(len(codes))
        rows.append(place[shared])
    common = [file.take(at) for file, at in zip(files, rows, strict=True)]
    for file in common[1:]:
        odd = np.flatnonzero(file.label != common[0].label)
        if len(odd):
            raise DatasetError(
                f"{file.path}: {len(odd)} labels differ from those of {common[0].path}, such as "
                f"that of '{file.key(int(odd[0]))}'"
            )
    return common


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON-safe values."""
    return asdict(comparison)


def _members(files: Sequence[Columns]) -> list[Ints]:
    """Return which sample each row of each file is, numbered alike in all files."""
    keys = [_joined([file.texts[name] for file in files]) for name in KEY]
    frames = np.concatenate([file.frame for file in files])
    _, member = metrics.distinct([*keys, frames])
    return np.split(member, np.cumsum([len(file) for file in files])[:-1])


def _joined(columns: Sequence[Text]) -> Ints:
    """Return codes that are equal where the texts are, over the files one after the other."""
    names: dict[str, int] = {}
    codes = []
    for text in columns:
        own = np.array([names.setdefault(name, len(names)) for name in text.names], np.intp)
        codes.append(own[text.codes])
    return np.concatenate(codes)
