"""What plots need of one method's scores: ROC, reliability, and figures over a perturbation.

Perturbed copies are told by two attributes of the predictions, `perturbation` (its kind, "" or
absent for the untouched file) and `severity` (a number, 0 for untouched). `perturbed` takes them
from the note that 'verilens perturb' leaves in the folders it writes.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from verilens.bench import metrics
from verilens.bench.columns import Columns
from verilens.bench.measures import Measure, reason
from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats
from verilens.bench.result import Curves
from verilens.media import packed
from verilens.media.perturb.batch import treatment_of
from verilens.records import Sample

POINTS = 400
PERTURBATION, SEVERITY = "perturbation", "severity"


def curves(samples: Columns, measure: Measure, threshold: float) -> Curves:
    """Return the curves of these samples; those that are undefined stay empty."""
    known = ~samples.missing
    scores, labels = samples.score[known], samples.label[known]
    return Curves(
        roc=_roc(scores, labels),
        reliability=_reliability(scores, labels),
        robustness=_robustness(samples, measure, threshold),
    )


def _roc(scores: Floats, labels: Floats) -> tuple[tuple[float, float], ...]:
    try:
        curve = metrics.roc(scores, labels)
    except metrics.Undefined:
        return ()
    # Evenly on both scales of a DET plot: many points where one of the rates is small.
    wanted = np.r_[np.linspace(0, 1, POINTS // 2), np.geomspace(1e-5, 1, POINTS // 4)]
    places = np.r_[
        np.searchsorted(curve.fpr, wanted),
        len(curve.tpr) - 1 - np.searchsorted(1 - curve.tpr[::-1], wanted),
        [0, len(curve.fpr) - 1],
    ]
    kept = np.unique(np.clip(places, 0, len(curve.fpr) - 1))
    return tuple(zip(curve.fpr[kept].tolist(), curve.tpr[kept].tolist(), strict=True))


def _reliability(scores: Floats, labels: Floats) -> tuple[tuple[float, float, float], ...]:
    try:
        found = metrics.reliability(scores, labels)
    except metrics.Undefined:
        return ()
    bins = np.column_stack(found)[found.samples > 0]
    return tuple((float(x), float(y), float(n)) for x, y, n in bins)


def _robustness(
    samples: Columns, measure: Measure, threshold: float
) -> dict[str, tuple[tuple[float, float], ...]]:
    if not {PERTURBATION, SEVERITY} <= set(samples.attributes):
        return {}
    kinds, levels = samples.attributes[PERTURBATION], samples.attributes[SEVERITY]
    severity = np.array([_number(name) for name in levels.names])[levels.codes]
    untouched = np.isin(kinds.codes, [n for n, name in enumerate(kinds.names) if not name])
    found = {}
    for code in np.unique(kinds.codes[~untouched]):
        own = kinds.codes == code
        points = [(0.0, _value(samples, untouched, measure, threshold))]
        points += [
            (float(at), _value(samples, own & (severity == at), measure, threshold))
            for at in np.unique(severity[own & np.isfinite(severity)])
        ]
        found[kinds.names[code]] = tuple((x, y) for x, y in points if np.isfinite(y))
    return found


def _value(samples: Columns, rows: NDArray[np.bool_], measure: Measure, threshold: float) -> float:
    known = rows & ~samples.missing
    counts = tallied.tally(samples.score[known], samples.label[known].astype(float))
    return float("nan") if reason(measure, counts) else float(measure.of(counts, threshold))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def perturbed(sample: Sample) -> Sample:
    """Return the sample with the perturbation of its folder among its attributes."""
    if packed.is_packed(sample.uri):
        return sample
    found = treatment_of(Path(sample.uri).parent)
    if found is None:
        return sample
    said = {PERTURBATION: found.kind, SEVERITY: str(found.severity)}
    return replace(sample, attributes={**sample.attributes, **said})


def shared(samples: Sequence[Sample]) -> dict[str, str]:
    """Return the perturbation that all samples have in common; empty when they do not."""
    found = {(s.attributes.get(PERTURBATION), s.attributes.get(SEVERITY)) for s in samples}
    if len(found) != 1:
        return {}
    kind, severity = found.pop()
    return {PERTURBATION: kind, SEVERITY: severity} if kind and severity else {}
