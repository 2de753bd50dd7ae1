"""Fit the verdict's constants, and score the whole chain on sources and generators it never saw.

`Folds` gives the honest figure: an item's logits come from heads that saw neither its source nor
its family, and its fusion and thresholds are fitted on the out-of-fold logits of other sources and
families.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from verilens.bench import metrics
from verilens.train.starter.corpus import Item, Kind
from verilens.train.starter.heads import Fitted, Rows, fit_folds, methods_of, out_of_fold, split
from verilens.verify.calibrate import BOUND
from verilens.verify.detector import sigmoid

REFITS = 20
LEAST_AUC = 0.65
# Shares of unseen media that the thresholds let err; half of what is promised, as sources differ.
ALARM, DOUBT, CLEAR = 0.005, 0.025, 0.05
Doubles = NDArray[np.float64]


class Mixture(NamedTuple):
    """A logistic model over standardised method logits; `weights` has the bias first."""

    centre: Doubles
    spread: Doubles
    weights: Doubles

    def __call__(self, logits: Doubles) -> Doubles:
        """Return fused logits, (N,). logits: (N, M)."""
        x = ((logits - self.centre) / self.spread).clip(-BOUND, BOUND)
        fused: Doubles = self.weights[0] + x @ self.weights[1:]
        return fused


class Thresholds(NamedTuple):
    alarm: float
    doubt: float
    clear: float


def fit_mixture(
    logits: Doubles, items: Sequence[Item], sample: NDArray[np.int_] | None = None
) -> Mixture:
    """Return the mixture of the logits, (N, M).

    A method near chance (AUC below LEAST_AUC), or that would count against itself, gets weight 0.
    sample: positions to fit on (with repeats), for refits on resampled sources.
    """
    centre, spread = logits.mean(0), logits.std(0) + 1e-6
    rows = np.arange(len(items)) if sample is None else sample
    x = ((logits - centre) / spread).clip(-BOUND, BOUND)[rows]
    chosen = [items[n] for n in rows]
    labels = np.array([item.is_fake for item in chosen])
    aucs = np.array([metrics.auc(column, labels) for column in x.T])
    kept = np.flatnonzero(aucs >= min(LEAST_AUC, aucs.max()))
    while True:
        model = LogisticRegression(C=1.0).fit(x[:, kept], labels, balanced(labels))
        if len(kept) == 1 or model.coef_[0].min() >= 0:
            break
        kept = np.delete(kept, model.coef_[0].argmin())
    weights = np.zeros(1 + x.shape[1])
    weights[0], weights[1 + kept] = model.intercept_[0], model.coef_[0].clip(0)
    return Mixture(centre, spread, weights)


def thresholds(probabilities: Doubles, items: Sequence[Item]) -> Thresholds:
    """Return the probabilities that the stated shares of genuine and generated items pass."""
    fake = np.array([item.is_fake for item in items])
    genuine, generated = probabilities[~fake], probabilities[fake]
    return Thresholds(
        float(np.quantile(genuine, 1 - ALARM)),
        float(np.quantile(genuine, 1 - DOUBT)),
        float(np.quantile(generated, CLEAR)),
    )


def balanced(labels: NDArray[np.bool_]) -> Doubles:
    """Return weights that give both classes the same say."""
    share = labels.mean()
    weights: Doubles = np.where(labels, 0.5 / share, 0.5 / (1 - share))
    return weights


class Nested(NamedTuple):
    """Out-of-fold results, rows as the items; NaN where an item only trains."""

    methods: tuple[str, ...]
    logits: Doubles  # (N, M)
    probabilities: Doubles  # (N,)
    alarm: Doubles  # (N,) the fold's thresholds
    doubt: Doubles
    clear: Doubles


class Folds(NamedTuple):
    """Items, and for each fold the heads that never saw it."""

    items: Sequence[Item]
    folds: Mapping[str, int]
    kind: Kind
    heads: Mapping[str, Mapping[int, Fitted]]

    @classmethod
    def fitted(
        cls,
        features: Mapping[str, Rows],
        items: Sequence[Item],
        folds: Mapping[str, int],
        kind: Kind,
    ) -> Folds:
        """Return the folds with a head for every method of a kind. features: see `heads.at`."""
        names = methods_of(features, kind)
        heads = {m: fit_folds(features[m], items, folds, m, kind) for m in names}
        return cls(items, folds, kind, heads)

    def logits(self, features: Mapping[str, Rows]) -> Doubles:
        """Return out-of-fold logits, (N, M); NaN for items that only train or have no features."""
        rest = (self.items, self.folds, self.kind)
        columns = [out_of_fold(h, features[m], *rest) for m, h in self.heads.items()]
        return np.stack(columns, 1)

    def judged(self, logits: Doubles, tested: Doubles | None = None) -> Nested:
        """Return probabilities and thresholds from mixtures that never saw an item's fold.

        logits: of `logits`, (N, M). tested: what is judged in place of them, (N, M).
        """
        tested = logits if tested is None else tested
        items = self.items
        out = np.full((4, len(items)), np.nan)
        for fold in sorted({self.folds[item.source] for item in items} - {-1}):
            train, test = split(items, self.folds, fold)
            train = train[~np.isnan(logits[train]).any(1)]
            test = test[~np.isnan(tested[test]).any(1)]
            chosen = [items[n] for n in train]
            mixture = fit_mixture(logits[train], chosen)
            limits = thresholds(sigmoid(mixture(logits[train])), chosen)
            out[0, test] = sigmoid(mixture(tested[test]))
            out[1:, test] = np.array(limits)[:, None]
        return Nested(tuple(self.heads), tested, out[0], alarm=out[1], doubt=out[2], clear=out[3])


def constants(
    logits: Doubles, methods: Sequence[str], items: Sequence[Item], seed: int
) -> list[dict[str, object]]:
    """Return the rows of fusion.json for one modality, from out-of-fold logits (N, M).

    A set of methods that are all near chance gets no row: a scan with them alone has no verdict.
    """
    labels = np.array([item.is_fake for item in items])
    heard = {n for n, column in enumerate(logits.T) if metrics.auc(column, labels) >= LEAST_AUC}
    sets = [c for n in range(1, len(methods) + 1) for c in combinations(range(len(methods)), n)]
    return [
        _row(logits[:, chosen], [methods[n] for n in chosen], items, seed)
        for chosen in sets
        if heard & set(chosen)
    ]


def _row(
    logits: Doubles, methods: list[str], items: Sequence[Item], seed: int
) -> dict[str, object]:
    main = fit_mixture(logits, items)
    rng = np.random.default_rng(seed)
    draws = [main.weights]
    while len(draws) <= REFITS:
        sample = resampled(items, rng)
        if len({items[n].is_fake for n in sample}) == 2:
            draws.append(fit_mixture(logits, items, sample).weights)
    limits = thresholds(sigmoid(main(logits)), items)
    return {
        "methods": methods,
        "centre": [round(v, 5) for v in main.centre.tolist()],
        "spread": [round(v, 5) for v in main.spread.tolist()],
        "draws": [[round(v, 4) for v in draw.tolist()] for draw in draws],
        **{name: round(value, 4) for name, value in limits._asdict().items()},
    }


def resampled(items: Sequence[Item], rng: np.random.Generator) -> NDArray[np.int_]:
    """Return the positions of as many sources as there are, drawn with repeats."""
    sources = sorted({item.source for item in items})
    members = {s: np.array([n for n, i in enumerate(items) if i.source == s]) for s in sources}
    return np.concatenate([members[s] for s in rng.choice(sources, len(sources))])
