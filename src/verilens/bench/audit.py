"""What could make a result look better than it is, looked for in the predictions themselves.

The field's worst habit is leakage through the file: genuine JPEGs against generated PNGs. So a
classifier that sees no pixel at all, only format, size, codec and quality, is scored beside every
result, on sources it was not fitted on. What it reaches, a detector may have reached the same way.
Everything is read from the rows of `bench run`, whose attributes hold what each file told.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verilens.bench import metrics
from verilens.bench.predictions import Prediction

FILE = "file."
TEXTS = ("format", "codec")
NUMBERS = ("width", "height", "bytes", "jpeg_quality", "duration_s", "fps", "audio")
FOLDS = 5
LEAST_PER_CLASS = 10  # files; with fewer of either class nothing is fitted
LEAKS_ABOVE = 0.6  # lower bound of the metadata-only AUC
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was found. `warnings` are sentences, the gravest first; empty means nothing was seen.

    samples, missing: by class ("genuine", "fake"). sources: distinct ones by class.
    effective: how many independent samples the sources are worth, by class: (sum n)^2 / sum n^2
        over their sizes.
    metadata_auc: of the classifier that sees no pixel, None when `metadata_note` says why not.
    tables: for each file fact, how often each value occurs in each class (numbers as quartiles).
    """

    samples: Mapping[str, int]
    missing: Mapping[str, int]
    sources: Mapping[str, int]
    effective: Mapping[str, float]
    metadata_auc: metrics.Interval | None
    metadata_note: str
    tables: Mapping[str, Mapping[str, Mapping[str, float]]]
    warnings: tuple[str, ...]


def audit(rows: Iterable[Prediction]) -> Audit:
    """Return the audit of one predictions file; a video's frames count as one sample."""
    firsts = first_of_each(rows)
    kinds = {name: [p for p in firsts if name_of(p) == name] for name in ("genuine", "fake")}
    auc, note = metadata_auc(firsts)
    found = Audit(
        samples={name: len(members) for name, members in kinds.items()},
        missing={name: sum(p.score is None for p in members) for name, members in kinds.items()},
        sources={name: len(sizes(members)) for name, members in kinds.items()},
        effective={name: effective(sizes(members)) for name, members in kinds.items()},
        metadata_auc=auc,
        metadata_note=note,
        tables={fact: distribution(kinds, fact) for fact in (*TEXTS, *NUMBERS)},
        warnings=(),
    )
    return Audit(**{**vars(found), "warnings": tuple(warnings(found, firsts))})


def first_of_each(rows: Iterable[Prediction]) -> list[Prediction]:
    """Return one row a sample: a scored one where there is one."""
    kept: dict[tuple[str, str, str], Prediction] = {}
    for row in rows:
        key = (row.dataset, row.generator, row.id)
        if key not in kept or (kept[key].score is None and row.score is not None):
            kept[key] = row
    return list(kept.values())


def name_of(row: Prediction) -> str:
    return "fake" if row.label else "genuine"


def group_of(row: Prediction) -> str:
    """Return what must not be split: the source; a file of unknown source stands for itself."""
    return row.source or f"{row.dataset}/{row.generator}/{row.id}"


def sizes(rows: Sequence[Prediction]) -> Counter[str]:
    return Counter(group_of(row) for row in rows)


def effective(groups: Counter[str]) -> float:
    """Return Kish's effective number of samples if a source's files all said the same."""
    counts = np.array(list(groups.values()), float)
    return float(counts.sum() ** 2 / (counts**2).sum()) if len(counts) else 0.0


def metadata_auc(rows: Sequence[Prediction]) -> tuple[metrics.Interval | None, str]:
    """Return the AUC of a classifier that sees file facts only, on sources it never saw.

    The interval resamples sources. None, and why, when it cannot be fitted.
    """
    known = [row for row in rows if any(k.startswith(FILE) for k in row.attributes)]
    labels = np.array([row.label for row in known])
    if min((labels == 0).sum(), (labels == 1).sum()) < LEAST_PER_CLASS:
        return None, f"fewer than {LEAST_PER_CLASS} files of a class tell their format"
    groups = np.array([group_of(row) for row in known])
    for flag in (0, 1):
        if len(set(groups[labels == flag])) < 2:
            return None, "a class has one source only; no source can be held out"
    scores = out_of_source(matrix(known), labels, groups)
    return metrics.bootstrap(metrics.auc, scores, labels, groups=groups), ""


def matrix(rows: Sequence[Prediction]) -> Floats:
    """Return the file facts that differ, as numbers, (N, F); what a file does not tell is NaN."""
    values = {fact: sorted({row.attributes.get(FILE + fact, "") for row in rows}) for fact in TEXTS}
    texts = [
        [float(row.attributes.get(FILE + fact, "") == value) for row in rows]
        for fact in TEXTS
        for value in values[fact][:20]
    ]
    numbers = [[number(row, fact) for row in rows] for fact in NUMBERS]
    table = np.array([*texts, *numbers, np.zeros(len(rows))])
    differs = [len(set(column[~np.isnan(column)])) > 1 for column in table]
    return table[differs].T if any(differs) else table[-1:].T


def number(row: Prediction, fact: str) -> float:
    try:
        return float(row.attributes[FILE + fact])
    except (KeyError, ValueError):
        return float("nan")


def out_of_source(features: Floats, labels: NDArray[np.int_], groups: NDArray[np.str_]) -> Floats:
    """Return each file's score from trees fitted on other sources."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(FOLDS, *(len(set(groups[labels == flag])) for flag in (0, 1)))
    scores = np.full(len(labels), 0.5)
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for train, test in splits.split(features, labels, groups):
        if np.ptp(labels[train]) > 0:
            trees = HistGradientBoostingClassifier(
                max_iter=60, min_samples_leaf=5, class_weight="balanced", random_state=0
            ).fit(features[train], labels[train])
            scores[test] = trees.predict_proba(features[test])[:, 1]
    return scores


def distribution(
    kinds: Mapping[str, Sequence[Prediction]], fact: str
) -> dict[str, dict[str, float]]:
    """Return shares of the commonest values of a text, or quartiles of a number, by class."""
    found = {}
    for name, rows in kinds.items():
        if fact in TEXTS:
            counts = Counter(row.attributes.get(FILE + fact, "") for row in rows)
            found[name] = {k: n / len(rows) for k, n in counts.most_common(6) if k}
        else:
            values = np.array([number(row, fact) for row in rows])
            values = values[~np.isnan(values)]
            points = (("25 %", 0.25), ("median", 0.5), ("75 %", 0.75)) if len(values) else ()
            found[name] = {key: float(np.quantile(values, q)) for key, q in points}
    return found


def warnings(found: Audit, rows: Sequence[Prediction]) -> list[str]:
    """Return what a reader of the table must know."""
    said = []
    if not all(found.samples.values()):
        absent = next(name for name, n in found.samples.items() if not n)
        said.append(f"no {absent} samples: AUC and the like are undefined")
    if found.metadata_auc and found.metadata_auc.low > LEAKS_ABOVE:
        said.append(
            f"a classifier that sees no pixels reaches AUC {found.metadata_auc.value:.3f}: format, "
            "size or quality tell the classes apart; match them before believing any detector"
        )
    said += [f"{what} in more than one split" for what in overlaps(rows)]
    for name, missing in found.missing.items():
        if missing:
            said.append(f"{missing} of {found.samples[name]} {name} samples have no score")
    few = [name for name, n in found.effective.items() if 0 < n < LEAST_PER_CLASS]
    said += [
        f"the {name} files come from few sources: worth {found.effective[name]:.1f} independent "
        "samples, so intervals are wide"
        for name in few
    ]
    ones, others = sorted(found.samples.values())
    if ones and others > 10 * ones:
        said.append(f"classes are unbalanced ({others / ones:.0f} : 1); accuracy misleads")
    return said


def overlaps(rows: Sequence[Prediction]) -> list[str]:
    """Return in words which ids, sources and identities stand in more than one split."""
    said = []
    for what, key in (("sample", "id"), ("source", "source"), ("identity", "identity")):
        splits: defaultdict[str, set[str]] = defaultdict(set)
        for row in rows:
            if value := getattr(row, key):
                splits[f"{row.dataset}/{value}"].add(row.split)
        shared = sorted(value for value, found in splits.items() if len(found) > 1)
        if shared:
            said.append(f"{len(shared)} {what}s (such as '{shared[0]}')")
    return said
