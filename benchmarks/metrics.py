"""A million scores with 1,000 bootstrap draws, and how far the usual loop is behind.

    python benchmarks/metrics.py [--scores 1000000] [--draws 1000] [--naive 20000]

Prints the seconds for AUC, AP, EER and TPR at 0.1, 1 and 5 % FPR with intervals. The usual loop
(resample the samples, call scikit-learn, once a draw) runs on --naive scores with a tenth of the
draws, and both are compared there: seconds a draw, and the bounds they give.
"""

import argparse
import time
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from verilens.bench import metrics
from verilens.bench.metrics import tallied
from verilens.bench.metrics.intervals import Plan

Floats = NDArray[np.float64]
TARGET_S = 10.0
METRICS = {
    "AUC": tallied.auc,
    "AP": tallied.average_precision,
    "EER": tallied.equal_error_rate,
    **{f"TPR@{x:.1%}": partial(tallied.tpr_at_fpr, fpr=x) for x in (0.001, 0.01, 0.05)},
}


def scored(count: int) -> tuple[Floats, Floats]:
    """Return scores and labels of a fair detector (AUC about 0.86), half of them fake."""
    rng = np.random.default_rng(0)
    labels = (np.arange(count) % 2).astype(float)
    return rng.normal(labels * 1.5, 1.0), labels


def usual(scores: Floats, labels: Floats) -> tuple[float, ...]:
    """Return the metrics of one draw as evaluation scripts do."""
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    at = np.argmin(np.abs(fpr - (1 - tpr)))
    return (
        roc_auc_score(labels, scores),
        average_precision_score(labels, scores),
        (fpr[at] + 1 - tpr[at]) / 2,
        *(tpr[fpr <= x].max() for x in (0.001, 0.01, 0.05)),
    )


def loop(scores: Floats, labels: Floats, draws: int) -> NDArray[np.float64]:
    """Return the usual metrics of every draw, (draws, 6)."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(labels == value) for value in (0, 1)]
    rows = []
    for _ in range(draws):
        chosen = np.concatenate([rng.choice(m, len(m)) for m in members])
        rows.append(usual(scores[chosen], labels[chosen]))
    return np.array(rows)


def main() -> None:
    """Print both, and exit with 1 when the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scores", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--naive", type=int, default=20_000)
    given = parser.parse_args()

    scores, labels = scored(given.scores)
    begun = time.perf_counter()
    metrics.intervals(METRICS, scores, labels, plan=Plan(draws=given.draws))
    seconds = time.perf_counter() - begun
    print(f"{given.scores:,} scores, {given.draws:,} draws: {seconds:.2f} s (target {TARGET_S} s)")

    scores, labels = scored(given.naive)
    begun = time.perf_counter()
    found = metrics.intervals(METRICS, scores, labels, plan=Plan(draws=given.draws))
    ours = (time.perf_counter() - begun) / given.draws
    draws = max(1, given.draws // 10)
    begun = time.perf_counter()
    drawn = loop(scores, labels, draws)
    theirs = (time.perf_counter() - begun) / draws
    print(f"{given.naive:,} scores: {1e3 * ours:.2f} ms a draw, usual loop {1e3 * theirs:.2f} ms")
    print(f"ratio {theirs / ours:.0f}")
    exact = usual(scores, labels)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    for n, (name, interval) in enumerate(found.items()):
        assert abs(interval.value - exact[n]) < 1e-9, name
        bounds = f"[{interval.low:.4f}, {interval.high:.4f}]"
        print(f"{name:9} {interval.value:.4f} {bounds} usual [{low[n]:.4f}, {high[n]:.4f}]")
    raise SystemExit(seconds > TARGET_S)


if __name__ == "__main__":
    main()
