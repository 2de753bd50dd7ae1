"""The columns a table can have: each metric's name, what it needs, and how it is computed.

A measure that its samples do not determine has a reason instead of a value.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import numpy as np

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats
from verilens.bench.metrics.tallied import Confusion, Tally
from verilens.errors import ConfigError


class Measure(NamedTuple):
    """One metric. of: (counts, threshold) -> value, (...,).

    rises: whether more is better. needs: which classes. fpr: the false positive rate it speaks of;
    fewer than 1 / fpr genuine samples cannot tell it. apcer: the same of fakes. is_biased: draws
    lie above the value, so the interval is moved until their median is the value. share: (hits,
    total) of a plain proportion.
    """

    title: str
    of: Callable[[Tally, float], Floats]
    rises: bool = True
    needs: Literal["both", "fakes", "genuine", "any"] = "both"
    stated: bool = False  # scores must be probabilities
    fpr: float = 0.0
    apcer: float = 0.0
    is_biased: bool = False
    share: Callable[[Confusion], tuple[float, float]] | None = None


def _ranked(metric: Callable[[Tally], Floats]) -> Callable[[Tally, float], Floats]:
    return lambda counts, threshold: metric(counts)


def _at_fpr(percent: float) -> Measure:
    rate = percent / 100
    of = _ranked(partial(tallied.tpr_at_fpr, fpr=rate))
    return Measure(f"TPR at {percent:g} % FPR", of, fpr=rate)


def _bpcer_at(percent: float) -> Measure:
    of = _ranked(partial(tallied.bpcer_at_apcer, apcer=percent / 100))
    return Measure(f"BPCER at {percent:g} % APCER", of, rises=False, apcer=percent / 100)


MEASURES: Mapping[str, Measure] = {
    "auc": Measure("AUC", _ranked(tallied.auc)),
    "ap": Measure("AP", _ranked(tallied.average_precision)),
    "eer": Measure("EER", _ranked(tallied.equal_error_rate), rises=False),
    "tpr@0.1": _at_fpr(0.1),
    "tpr@1": _at_fpr(1),
    "tpr@5": _at_fpr(5),
    "acc": Measure(
        "accuracy",
        tallied.accuracy,
        needs="any",
        share=lambda c: (float(c.tp + c.tn), float(c.tp + c.tn + c.fp + c.fn)),
    ),
    "bacc": Measure("balanced accuracy", tallied.balanced_accuracy),
    "tpr": Measure(
        "TPR",
        tallied.true_positive_rate,
        needs="fakes",
        share=lambda c: (float(c.tp), float(c.tp + c.fn)),
    ),
    "fpr": Measure(
        "FPR",
        tallied.false_positive_rate,
        rises=False,
        needs="genuine",
        share=lambda c: (float(c.fp), float(c.fp + c.tn)),
    ),
    "precision": Measure("precision", tallied.precision, needs="any"),
    "wp": Measure("weighted precision", partial(tallied.precision, alpha=100.0), needs="any"),
    "f1": Measure("F1", tallied.f1),
    "mcc": Measure("MCC", tallied.matthews),
    "hter": Measure("HTER", lambda c, at: 1 - tallied.balanced_accuracy(c, at), rises=False),
    "apcer": Measure(
        "APCER",
        lambda c, at: 1 - tallied.true_positive_rate(c, at),
        rises=False,
        needs="fakes",
        share=lambda c: (float(c.fn), float(c.tp + c.fn)),
    ),
    "bpcer": Measure(
        "BPCER",
        tallied.false_positive_rate,
        rises=False,
        needs="genuine",
        share=lambda c: (float(c.fp), float(c.fp + c.tn)),
    ),
    "acer": Measure("ACER", lambda c, at: 1 - tallied.balanced_accuracy(c, at), rises=False),
    "bpcer@10": _bpcer_at(10),
    "bpcer@1": _bpcer_at(1),
    "brier": Measure("Brier", _ranked(tallied.brier), rises=False, needs="any", stated=True),
    "ece": Measure(
        "ECE", _ranked(tallied.calibration_error), False, "any", stated=True, is_biased=True
    ),
    "logloss": Measure("log loss", _ranked(tallied.log_loss), False, "any", stated=True),
    "aurc": Measure("AURC", tallied.aurc, rises=False, needs="any"),
}
DEFAULT = ("auc", "ap", "eer", "tpr@1", "tpr@5", "bacc", "tpr", "fpr", "ece")
# Presentation attacks, in the terms of ISO/IEC 30107-3.
PAD = ("acer", "apcer", "bpcer", "hter", "bpcer@10", "bpcer@1", "auc", "eer")
# Of these the overall row takes the species that fools the detector most.
BY_SPECIES = ("apcer", "acer", "bpcer@10", "bpcer@1")


def measures(names: Sequence[str]) -> dict[str, Measure]:
    """Return measures by name; ConfigError suggests the nearest for an unknown one."""
    for name in names:
        if name not in MEASURES:
            near = difflib.get_close_matches(name, MEASURES, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise ConfigError(f"no metric '{name}'; {hint}There are: {', '.join(MEASURES)}.")
    return {name: MEASURES[name] for name in names}


def reason(measure: Measure, counts: Tally) -> str:
    """Return why the samples do not determine a measure, "" when they do."""
    fakes, genuine = float(counts.fakes.sum()), float(counts.genuine.sum())
    if not fakes + genuine:
        return "no scored samples"
    if measure.needs in ("both", "fakes") and not fakes:
        return "no scored fakes"
    if measure.needs in ("both", "genuine") and not genuine:
        return "no scored genuine samples"
    if measure.fpr and genuine * measure.fpr < 1 - 1e-9:
        return f"needs {np.ceil(1 / measure.fpr):.0f} genuine samples, there are {genuine:.0f}"
    if measure.apcer and fakes * measure.apcer < 1 - 1e-9:
        return f"needs {np.ceil(1 / measure.apcer):.0f} attacks, there are {fakes:.0f}"
    if measure.stated and not (counts.values[-1] >= 0 and counts.values[0] <= 1):
        return "the scores are no probabilities in [0, 1]"
    return ""
