"""Weighted logistic heads on cached features, and out-of-fold scores without leakage.

Every head sees standardised features; the standardisation is folded into the weights it gives back,
so a head is one `torch.nn.Linear`. Out-of-fold means: never fitted on the item's source, nor on its
generator's family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from verilens.train.starter.corpus import Item, Kind, training_side, weights_by_source

Floats = NDArray[np.float32]
STRENGTH = {"probe": 5e-5, "npr": 1e-1, "patchcraft": 1e-1}


class Head(NamedTuple):
    """A linear layer: logit = features @ weight + bias."""

    weight: NDArray[np.float64]
    bias: float

    def __call__(self, features: Floats) -> NDArray[np.float64]:
        return features.astype(np.float64) @ self.weight + self.bias


def fit_head(
    features: Floats, labels: NDArray[np.int_], weights: Sequence[float], c: float
) -> Head:
    """Return the logistic head of one feature matrix, (N, D); `c` is the inverse L2 strength."""
    mean, spread = features.mean(0), features.std(0) + 1e-3
    scaled = ((features - mean) / spread).clip(-6, 6)
    model = LogisticRegression(C=c, max_iter=1000, tol=1e-3)
    model.fit(scaled, labels, sample_weight=np.asarray(weights))
    weight = model.coef_[0] / spread
    return Head(weight.astype(np.float64), float(model.intercept_[0] - weight @ mean))


def teachers(method: str, kind: Kind) -> tuple[Kind, ...]:
    """Return which media teach a method's head for `kind`.

    Clips help the probe with stills, by new generators; stills do not help it with clips. The
    trunks have one head for both, and stills teach it nothing that carries over to new sources.
    """
    return ("image", "video") if method == "probe" and kind == "image" else ("video",)


def of_kinds(
    items: Sequence[Item], rows: NDArray[np.int_], kinds: tuple[Kind, ...]
) -> NDArray[np.int_]:
    return np.array([n for n in rows if items[n].kind in kinds], int)


def split(
    items: Sequence[Item], folds: Mapping[str, int], fold: int
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the positions that train and those that are tested when `fold` is held out."""
    test = [n for n, item in enumerate(items) if folds[item.source] == fold]
    return np.array(training_side(items, folds, fold)), np.array(test)


def fit_on(features: Floats, items: Sequence[Item], rows: NDArray[np.int_], c: float) -> Head:
    """Return the head fitted on the items at `rows`. features: (N, D)."""
    chosen = [items[n] for n in rows]
    labels = np.array([int(item.is_fake) for item in chosen])
    return fit_head(features[rows].astype(np.float32), labels, weights_by_source(chosen), c)


def out_of_fold(
    features: Floats, items: Sequence[Item], folds: Mapping[str, int], method: str, kind: Kind
) -> NDArray[np.float64]:
    """Return a logit for each item of `kind` from a head that saw neither its source nor family.

    features: (N, D). NaN for items that only train.
    """
    logits = np.full(len(items), np.nan)
    for fold in sorted({folds[item.source] for item in items} - {-1}):
        train, test = split(items, folds, fold)
        test = of_kinds(items, test, (kind,))
        if len(test):
            train = of_kinds(items, train, teachers(method, kind))
            logits[test] = fit_on(features, items, train, STRENGTH[method])(features[test])
    return logits
