"""Fits the skin probe on a bank, and judges it by the terms of ISO/IEC 30107-3."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from verilens.bench import metrics
from verilens.bench.metrics import Interval
from verilens.nn.efficientnet_lite import load_public, public_weights
from verilens.train.starter.spoof_crops import DISTURBED, GENUINE, Bank
from verilens.verify.detector import tensor
from verilens.verify.skin_probe.config import Config
from verilens.verify.skin_probe.model import SkinProbe

STEPS, BATCH, LR, DECAY = 600, 256, 2e-3, 0.1
SURE = 0.96  # of a label: 0.02 and 0.98 are learned
UNKNOWN = 0.25  # of the attacks drawn in training: disturbances
AT_ONCE = 8
Doubles = NDArray[np.float64]


class Features(NamedTuple):
    """A bank, and what is read of each of its crops, (N, width)."""

    bank: Bank
    read: Tensor

    def without(self, kinds: Collection[str]) -> Features:
        """Return the rows of all other kinds."""
        rows = ~np.isin(self.bank.kinds, list(kinds))
        return Features(self.bank.take(rows), self.read[torch.from_numpy(rows)])


def blank(config: Config) -> SkinProbe:
    """Return a probe whose backbone has its public weights, and whose head knows nothing."""
    method = SkinProbe(config)
    load_public(method.backbone, public_weights())
    return method.eval()


def featured(method: SkinProbe, bank: Bank) -> Features:
    """Return a bank with what the backbone sees in its crops."""
    parts = [bank.crops[n : n + AT_ONCE] for n in range(0, len(bank.crops), AT_ONCE)]
    return Features(bank, torch.cat([method.features(tensor(part)) for part in parts]))


def fitted(method: SkinProbe, made: Features, seed: int) -> SkinProbe:
    """Fit the head of a probe, in place: classes, kinds of attacks and sources are balanced."""
    torch.manual_seed(seed)
    for layer in method.head:
        if isinstance(layer, torch.nn.Linear):
            layer.reset_parameters()
    method.norm.running_mean = made.read.mean(0)
    method.norm.running_var = made.read.var(0) + 1e-6
    labels = torch.from_numpy((made.bank.kinds != GENUINE).astype(np.float32))
    wanted = labels * SURE + (1 - SURE) / 2
    chances = torch.from_numpy(balance(made.bank))
    optimiser = torch.optim.AdamW(method.head.parameters(), lr=LR, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LR, total_steps=STEPS)
    method.norm.eval()
    method.head.train()
    for _ in range(STEPS):
        rows = torch.multinomial(chances, BATCH, replacement=True)
        loss = binary_cross_entropy_with_logits(method.read(made.read[rows]), wanted[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return method.eval()


def balance(bank: Bank) -> Doubles:
    """Return how often each crop is drawn.

    Half are bona fide. Of the attacks, UNKNOWN are disturbances; all other kinds are alike. The
    sources of a kind count as the roots of their sizes.
    """
    names = [str(name) for name in np.unique(bank.kinds)]
    known = [name for name in names if name not in (GENUINE, DISTURBED)]
    unknown = (UNKNOWN if known else 1.0) if DISTURBED in names else 0.0
    share = {name: 0.5 * (1 - unknown) / len(known) for name in known}
    share |= {GENUINE: 0.5, DISTURBED: 0.5 * unknown}
    chances = np.zeros(len(bank.kinds))
    for name in names:
        rows = bank.kinds == name
        _, member, count = np.unique(bank.sources[rows], return_inverse=True, return_counts=True)
        weight = count[member] ** -0.5
        chances[rows] = share[name] * weight / weight.sum()
    return np.asarray(chances / chances.sum())


@torch.inference_mode()
def scores(method: SkinProbe, made: Features) -> Doubles:
    """Return the logit of every crop, (N,)."""
    return method.read(made.read).double().numpy()


class Figures(NamedTuple):
    """Rates at a threshold; each attack's APCER by its name."""

    threshold: float
    apcer: Mapping[str, Interval]
    bpcer: Interval
    acer: float
    auc: float


def threshold_of(method: SkinProbe, made: Features) -> float:
    """Return the threshold at which validation presentations have equal errors."""
    return metrics.threshold_at_eer(scores(method, made), made.bank.kinds != GENUINE)


def judged(logits: Doubles, bank: Bank, threshold: float) -> Figures:
    """Return APCER of each kind, BPCER, and ACER: the mean of the highest APCER and BPCER."""
    genuine = bank.kinds == GENUINE
    kinds = [str(kind) for kind in np.unique(bank.kinds[~genuine])]
    passed, refused = logits <= threshold, logits > threshold
    apcer = {
        kind: rate(passed[bank.kinds == kind], bank.persons[bank.kinds == kind]) for kind in kinds
    }
    bpcer = rate(refused[genuine], bank.persons[genuine])
    worst = max(rate.value for rate in apcer.values())
    auc = metrics.auc(logits, ~genuine)
    return Figures(threshold, apcer, bpcer, (worst + bpcer.value) / 2, auc)


def rate(errors: NDArray[np.bool_], persons: NDArray[np.int64], draws: int = 1000) -> Interval:
    """Return the share of errors with its 95 % interval, persons drawn together.

    Where there are none or all of them, it is Wilson's interval over persons.
    """
    names, member = np.unique(persons, return_inverse=True)
    total, wrong = np.bincount(member), np.bincount(member, errors)
    value = float(errors.mean())
    if value in (0.0, 1.0):
        return metrics.wilson(value * len(names), len(names))
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    drawn = (weights @ wrong) / (weights @ total)
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    return Interval(value, low, high)
