"""Small weighted heads on cached features, and out-of-fold scores without leakage.

Every head sees standardised features of all draws; the standardisation is folded into the weights
it gives back, so a head is a `torch.nn.Linear` or two. Out-of-fold means: never fitted on the
item's source, nor on its generator's family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.train.starter.corpus import Item, Kind, training_side, weights_by_source
from verilens.train.starter.zones import Scanned, fit_scan
from verilens.verify.demamba.config import Config

Floats = NDArray[np.float32]
Rows = NDArray[Any]  # features of items: an array, or objects where some items have none
HIDDEN, BATCH, EPOCHS = 256, 128, 5  # of each of the small networks
FILMS_ALONE = frozenset({"demamba"})  # methods that read moments in order
STRENGTH = {"probe": 5e-5, "npr": 1e-1, "patchcraft": 1e-1}


class Hidden(NamedTuple):
    """One hidden layer: logit = GELU(features @ weight.T + bias) @ out + shift."""

    weight: NDArray[np.float32]  # (hidden, D)
    bias: NDArray[np.float32]
    out: NDArray[np.float32]
    shift: float

    def __call__(self, features: Floats) -> NDArray[np.float64]:
        x = torch.from_numpy(features.astype(np.float32) @ self.weight.T + self.bias)
        logits = torch.nn.functional.gelu(x).numpy() @ self.out + self.shift
        return logits.astype(np.float64)


class Head(NamedTuple):
    """A linear layer: logit = features @ weight + bias."""

    weight: NDArray[np.float64]
    bias: float

    def __call__(self, features: Floats) -> NDArray[np.float64]:
        return features.astype(np.float64) @ self.weight + self.bias


Fitted = Head | Hidden | Scanned


def fit_head(features: Floats, labels: NDArray[np.int_], weights: ArrayLike, c: float) -> Head:
    """Return the logistic head of one feature matrix, (N, D); `c` is the inverse L2 strength."""
    mean, spread = features.mean(0), features.std(0) + 1e-3
    scaled = ((features - mean) / spread).clip(-6, 6)
    model = LogisticRegression(C=c, max_iter=1000, tol=1e-3)
    model.fit(scaled, labels, sample_weight=np.asarray(weights))
    weight = model.coef_[0] / spread
    return Head(weight.astype(np.float64), float(model.intercept_[0] - weight @ mean))


def fit_hidden(
    features: Floats, labels: NDArray[np.int_], weights: ArrayLike, seeds: int = 2
) -> Hidden:
    """Return the mean of `seeds` small networks as one; strong dropout and decay, few epochs."""
    mean, spread = features.mean(0), features.std(0) + 1e-3
    scaled = torch.from_numpy(((features - mean) / spread).clip(-6, 6))
    wanted = torch.from_numpy(labels.astype(np.float32))
    say = torch.from_numpy(np.asarray(weights, np.float32))
    nets = [_fitted(scaled, wanted, say / say.mean(), seed) for seed in range(seeds)]
    layers = [[p.detach().numpy() for p in net.parameters()] for net in nets]
    first, bias, shift = (np.concatenate([net[n] for net in layers]) for n in (0, 1, 3))
    first = (first / spread).astype(np.float32)
    out = np.concatenate([net[2][0] for net in layers]) / seeds
    shifted: Floats = (bias - first @ mean).astype(np.float32)
    return Hidden(first, shifted, out.astype(np.float32), float(shift.mean()))


def _fitted(x: Tensor, wanted: Tensor, say: Tensor, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        nn.Dropout(0.3),
        nn.Linear(x.shape[1], HIDDEN),
        nn.GELU(),
        nn.Dropout(0.7),
        nn.Linear(HIDDEN, 1),
    )
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.3)
    steps = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * steps)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x), generator=generator)
        for rows in order[: steps * BATCH].view(steps, BATCH):
            logits = net(x[rows])[:, 0]
            losses = binary_cross_entropy_with_logits(logits, wanted[rows], reduction="none")
            optimiser.zero_grad()
            (losses * say[rows]).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return net.eval()


def teachers(method: str, kind: Kind) -> tuple[Kind, ...]:
    """Return which media teach a method's head for `kind`.

    Clips help the probe with stills, by new generators; stills do not help it with clips. The
    trunks have one head for both, and stills teach it nothing that carries over to new sources.
    """
    return ("image", "video") if method == "probe" and kind == "image" else ("video",)


def at(features: Rows, rows: NDArray[np.int_]) -> Floats:
    """Return the features of some items, stacked; all of them have some."""
    found = features[rows]
    return np.stack(list(found)) if found.dtype == object else found


def methods_of(features: Mapping[str, Rows], kind: Kind) -> tuple[str, ...]:
    """Return the methods that say something of media of a kind."""
    return tuple(name for name in features if kind == "video" or name not in FILMS_ALONE)


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


def fit_on(
    features: Rows, items: Sequence[Item], rows: NDArray[np.int_], method: str, kind: Kind
) -> Fitted:
    """Return a method's head for `kind`, fitted on every draw of the items at `rows`.

    features: (N, draws, D), or of objects, see `at`. The probe's still head has a hidden layer: it
    gained a hundredth of AUC there and nothing on clips.
    """
    chosen, found = [items[n] for n in rows], at(features, rows)
    draws = found.shape[1]
    labels = np.repeat([int(item.is_fake) for item in chosen], draws)
    weights = np.repeat(weights_by_source(chosen), draws) / draws
    if method in FILMS_ALONE:
        return fit_scan(found.reshape(-1, *found.shape[2:]), labels, weights, Config.starter())
    flat = found.reshape(len(labels), -1).astype(np.float32)
    if method == "probe" and kind == "image":
        return fit_hidden(flat, labels, weights)
    return fit_head(flat, labels, weights, STRENGTH[method])


def fit_folds(
    features: Rows, items: Sequence[Item], folds: Mapping[str, int], method: str, kind: Kind
) -> dict[int, Fitted]:
    """Return a method's head for `kind` by the fold that it never saw: no source, no family of it.

    features: (N, draws, D), see `at`.
    """
    heads: dict[int, Fitted] = {}
    for fold in sorted({folds[item.source] for item in items} - {-1}):
        train, test = split(items, folds, fold)
        if len(of_kinds(items, test, (kind,))):
            rows = of_kinds(items, train, teachers(method, kind))
            heads[fold] = fit_on(features, items, rows, method, kind)
    return heads


def out_of_fold(
    heads: Mapping[int, Fitted],
    features: Rows,
    items: Sequence[Item],
    folds: Mapping[str, int],
    kind: Kind,
) -> NDArray[np.float64]:
    """Return a logit for each item of `kind` from the head that saw neither its source nor family.

    features: see `at`; the last draw is scored, which is the one nearest to what a scan reads. NaN
    for items that only train, or have no features.
    """
    logits = np.full(len(items), np.nan)
    for fold, head in heads.items():
        test = of_kinds(items, split(items, folds, fold)[1], (kind,))
        test = test[[features[n] is not None for n in test]]
        if len(test):
            logits[test] = head(at(features, test)[:, -1])
    return logits
