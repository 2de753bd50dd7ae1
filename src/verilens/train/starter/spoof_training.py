"""Fits the head of colour texture on a bank, and judges it by the terms of ISO/IEC 30107-3."""

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
from verilens.train.starter.spoof_crops import GENUINE, Bank
from verilens.verify.colour_texture.config import Config
from verilens.verify.colour_texture.model import ColourTexture
from verilens.verify.detector import tensor

STEPS, BATCH, LR, DECAY = 400, 96, 1e-3, 0.3
LOST = 0.3  # of the features, each time they are seen: none may be relied on alone
AT_ONCE = 64
Doubles = NDArray[np.float64]


class Features(NamedTuple):
    """A bank, and what is counted in each of its crops, (N, width)."""

    bank: Bank
    counts: Tensor

    def without(self, kinds: Collection[str]) -> Features:
        """Return the rows of all other kinds."""
        rows = ~np.isin(self.bank.kinds, list(kinds))
        return Features(self.bank.take(rows), self.counts[torch.from_numpy(rows)])


def featured(method: ColourTexture, bank: Bank) -> Features:
    """Return a bank with its counts."""
    parts = [bank.crops[n : n + AT_ONCE] for n in range(0, len(bank.crops), AT_ONCE)]
    return Features(bank, torch.cat([method.features(tensor(part)) for part in parts]))


def fitted(config: Config, made: Features, seed: int) -> ColourTexture:
    """Return a network whose head was fitted: classes, and kinds of attacks, weigh the same."""
    torch.manual_seed(seed)
    method = ColourTexture(config)
    method.norm.running_mean = made.counts.mean(0)
    method.norm.running_var = made.counts.var(0) + 1e-4  # a bin that is hardly used says little
    x = method.norm.eval()(made.counts)
    labels = torch.from_numpy((made.bank.kinds != GENUINE).astype(np.float32))
    chances = torch.from_numpy(balance(made.bank.kinds))
    optimiser = torch.optim.AdamW(method.head.parameters(), lr=LR, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    method.head.train()
    for _ in range(STEPS):
        rows = torch.multinomial(chances, BATCH, replacement=True)
        kept = torch.nn.functional.dropout(x[rows], LOST)
        loss = binary_cross_entropy_with_logits(method.head(kept).squeeze(1), labels[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return method.eval()


def balance(kinds: NDArray[np.str_]) -> Doubles:
    """Return how often each crop is drawn: half are bona fide, kinds of attacks are alike."""
    names, member = np.unique(kinds, return_inverse=True)
    share = np.where(names == GENUINE, 0.5, 0.5 / max(1, len(names) - 1))
    chances: Doubles = (share / np.bincount(member))[member]
    return chances


def halved(method: ColourTexture) -> ColourTexture:
    """Return the network at float16's precision, as it is shipped."""
    state = method.state_dict()
    method.load_state_dict(
        {k: v.half().float() if v.is_floating_point() else v for k, v in state.items()}
    )
    return method.eval()


@torch.inference_mode()
def scores(method: ColourTexture, made: Features) -> Doubles:
    """Return the logit of every crop, (N,)."""
    return method.read(made.counts).double().numpy()


class Figures(NamedTuple):
    """Rates at a threshold; each attack's APCER by its name."""

    threshold: float
    apcer: Mapping[str, Interval]
    bpcer: Interval
    acer: float
    auc: float


def threshold_of(method: ColourTexture, made: Features) -> float:
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
