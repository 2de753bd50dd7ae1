"""The fitted constants of the verdict: logistic models over method logits, and their thresholds.

One model for each modality, each claim and each set of methods that may be at hand, so that a scan
with fewer methods is still calibrated. A row of `fusion.json` that names no claim is about AI
origin; one with the claim "face-swap" is fitted on single persons. Beside the fit itself lie refits
on resampled sources; their spread is the interval. Thresholds are error rates measured on
out-of-fold predictions: `alarm` is the probability that 1 % of unseen genuine media reach, `doubt`
the one that 5 % reach, `clear` the one under which 5 % of unseen generated media fall. All numbers
live in `fusion.json`; the training command writes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MissingWeights
from verilens.records import Claim, Kind

Floats = NDArray[np.float64]
OUTSPOKEN = 0.75  # standard deviations from which a method counts as taking sides
LEAST_WEIGHT = 0.1  # a method below it does not bear on the verdict and takes no side
UNCALIBRATED = "not counted in the verdict: not calibrated for this kind of file"
NOT_COUNTED = "not counted in the verdict: near chance on unseen generators when it was measured"
OTHER_WEIGHTS = "not calibrated: these are other weights than those that come with verilens"
BOUND = 4.0  # standardised logits are cut here, so that one method cannot shout the others down


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A calibrated logistic model over the logits of `methods`.

    centre, spread: standardise the logits. draws: (R, 1 + M), bias first; row 0 is the fit itself,
    the others are refits on resampled sources.
    """

    methods: tuple[str, ...]
    centre: Floats
    spread: Floats
    draws: Floats
    alarm: float
    doubt: float
    clear: float

    def logits(self, scores: Mapping[str, float]) -> Floats:
        """Return the fused logit of every draw, (R,). scores: raw logits by method."""
        raw = np.array([scores[method] for method in self.methods])
        x = np.clip((raw - self.centre) / self.spread, -BOUND, BOUND)
        logits: Floats = self.draws[:, 0] + self.draws[:, 1:] @ x
        return logits

    def weights(self) -> dict[str, float]:
        """Return how much a standard deviation of each method's logit moves the fused one."""
        return dict(zip(self.methods, self.draws[0, 1:].tolist(), strict=True))


@cache
def fits(kind: Kind, claim: Claim = "ai-generated") -> dict[frozenset[str], Fit]:
    """Return the fits of a claim for stills or videos by their set of methods."""
    rows = [row for row in _rows()[kind] if row.get("claim", "ai-generated") == claim]
    return {frozenset(row["methods"]): _fit(row) for row in rows}


@cache
def _rows() -> dict[Kind, list[dict[str, Any]]]:
    file = files("verilens.verify") / "fusion.json"
    if not file.is_file():
        raise MissingWeights(
            "fusion.json is missing; reinstall with "
            "'pip install --force-reinstall --no-deps verilens'"
        )
    rows: dict[Kind, list[dict[str, Any]]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


def _fit(row: Mapping[str, Any]) -> Fit:
    return Fit(
        methods=tuple(str(name) for name in row["methods"]),
        centre=np.array(row["centre"], float),
        spread=np.array(row["spread"], float),
        draws=np.array(row["draws"], float),
        alarm=float(row["alarm"]),
        doubt=float(row["doubt"]),
        clear=float(row["clear"]),
    )


def best_fit(kind: Kind, methods: frozenset[str], claim: Claim = "ai-generated") -> Fit | None:
    """Return a claim's fit that uses most of the methods at hand; None when none applies."""
    usable = [fit for names, fit in fits(kind, claim).items() if names <= methods]
    return max(usable, key=lambda fit: len(fit.methods), default=None)


def flag_level(method: str, kind: Kind) -> float:
    """Return the score above which a method takes the side of "fake", in [0, 1].

    1.0 for a method that the verdict leaves out: it flags nothing. 0.5 for one that was never
    calibrated.
    """
    known = [
        fit
        for claim in get_args(Claim)
        for names, fit in fits(kind, claim).items()
        if method in names
    ]
    if not known:
        return 0.5
    fit = max(known, key=lambda fit: len(fit.methods))
    if fit.weights()[method] < LEAST_WEIGHT:
        return 1.0
    at = fit.methods.index(method)
    logit = fit.centre[at] + OUTSPOKEN * fit.spread[at]
    return float(0.5 * (1 + np.tanh(0.5 * logit)))
