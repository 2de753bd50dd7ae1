"""Training by GRPO with several updates a batch of answers, one yield an update.

`train.loop.fit` trains the same method with one update a batch; this one honours `Config.inner`, so
that the ratio leaves 1 and clipping acts.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import torch
from torch.nn.utils import clip_grad_norm_

from verilens.batch import ClipBatch
from verilens.verify.fas_grpo.model import FASGRPO


class Plan(Protocol):
    """What is read of a recipe's plan."""

    @property
    def lr(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...
    @property
    def seed(self) -> int: ...


class Step(NamedTuple):
    """One update. n: from 1. parts: mean of each reward, their sum, the drift."""

    n: int
    loss: float
    parts: Mapping[str, float]


def fit(method: FASGRPO, batches: Iterable[ClipBatch], plan: Plan) -> Iterator[Step]:
    """Train the policy in place and yield every update; the seed fixes all of them."""
    weights = [p for p in method.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, plan.lr, weight_decay=0.0)
    torch.manual_seed(plan.seed)
    method.begin()
    n = 0
    for batch in batches:
        method.eval()  # answers are written without dropout
        found = method.rollout(batch)
        for _ in range(method.config.inner):
            loss = method.loss(found)
            optimiser.zero_grad()
            loss.total.backward()  # type: ignore[no-untyped-call]
            if plan.clip_norm:
                clip_grad_norm_(weights, plan.clip_norm)
            optimiser.step()
            n += 1
            parts = {name: float(part) for name, part in loss.parts.items()}
            yield Step(n, float(loss.total.detach()), parts)
