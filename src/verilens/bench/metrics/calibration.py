"""Whether stated probabilities hold, and what abstaining would gain.

probabilities: of being fake, (N,) in [0, 1]; labels: 1 fake, 0 genuine, (N,).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from verilens.bench.metrics import tallied
from verilens.bench.metrics.arrays import Floats, Undefined, checked
from verilens.bench.metrics.arrays import probabilities as _probabilities


class Reliability(NamedTuple):
    """Per bin of stated probability: its mean, the observed share of fakes, and how many samples
    it holds.

    Means of an empty bin are NaN.
    """

    stated: Floats
    observed: Floats
    samples: Floats


class RiskCoverage(NamedTuple):
    """The share of errors among the most confident samples, as more of them are answered."""

    coverage: Floats
    risk: Floats


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = 10
) -> float:
    """Return the mean gap between stated and observed frequency over equal-width bins."""
    counts = tallied.tally(*_probabilities(probabilities, labels))
    return float(tallied.calibration_error(counts, bins))


def reliability(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> Reliability:
    """Return what a reliability diagram shows, over equal-width bins."""
    stated, labels = _probabilities(probabilities, labels)
    position = np.minimum((stated * bins).astype(int), bins - 1)
    count = np.bincount(position, minlength=bins).astype(float)
    shares = np.where(count > 0, count, np.nan)
    sums = (np.bincount(position, of, minlength=bins) for of in (stated, labels))
    means = [total / shares for total in sums]
    return Reliability(means[0], means[1], count)


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean squared gap between stated probability and truth."""
    stated, labels = _probabilities(probabilities, labels)
    return float(np.mean((stated - labels) ** 2))


def log_loss(probabilities: ArrayLike, labels: ArrayLike, floor: float = 1e-15) -> float:
    """Return the mean surprise in nats; probabilities are kept `floor` away from 0 and 1."""
    counts = tallied.tally(*_probabilities(probabilities, labels))
    return float(tallied.log_loss(counts, floor))


def risk_coverage(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> RiskCoverage:
    """Return risk over coverage; a sample is the surer, the farther its score is from `threshold`.

    Samples of equal confidence are answered together.
    """
    counts = _some(scores, labels)
    steps = tallied.answered(counts, threshold)
    seen = np.cumsum(steps.samples)
    return RiskCoverage(seen / seen[-1], np.cumsum(steps.wrong) / seen)


def aurc(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the area under the risk-coverage curve: the mean risk over all coverages."""
    return float(tallied.aurc(_some(scores, labels), threshold))


def coverage_at_risk(
    scores: ArrayLike, labels: ArrayLike, risk: float, threshold: float = 0.5
) -> float:
    """Return the largest share of samples answered with at most `risk` errors among them."""
    curve = risk_coverage(scores, labels, threshold)
    return float(curve.coverage[curve.risk <= risk].max(initial=0.0))


def _some(scores: ArrayLike, labels: ArrayLike) -> tallied.Tally:
    scores, labels = checked(scores, labels)
    if not len(scores):
        raise Undefined("no samples")
    return tallied.tally(scores, labels)
