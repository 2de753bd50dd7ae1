"""How the experts' answers become one."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from verilens.bench.metrics.ranking import auc
from verilens.errors import ConfigError

SURE = 1e-12  # probabilities stay this far from 0 and 1
BOUND = 15.0  # of log-odds that the stacked regression reads
RIDGE = 1e-3  # penalty on the stacked weights, a clip


class Ensemble(nn.Module):
    """Joins E experts.

    mean: sum_k p_k / E. max: max_k p_k. weighted: sum_k w_k p_k / sum_k w_k.
    stacked: sigmoid(sum_k w_k z_k + b), z the log-odds.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, experts: int, rule: str = "mean") -> None:
        super().__init__()
        self.rule = rule
        start = 1.0 / experts if rule == "stacked" else 1.0
        self.register_buffer("weight", torch.full((experts,), start))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, scores: Tensor) -> Tensor:
        """Return the log-odds of fake, (N,) float32. scores: before the softmax, (N, E, 2)."""
        odds = scores[..., 1].double() - scores[..., 0].double()
        if self.rule == "stacked":
            return ((odds.clamp(-BOUND, BOUND) * self.weight).sum(1) + self.bias).float()
        fake = odds.sigmoid()
        if self.rule == "max":
            joined = fake.amax(1)
        else:
            # From the first expert on, so that equal experts give exactly what one of them gives.
            apart = ((fake - fake[:, :1]) * self.weight).sum(1) / self.weight.double().sum()
            joined = fake[:, 0] + apart
        return joined.logit(SURE).float()

    def fit(self, scores: Tensor, labels: Tensor) -> None:
        """Set the weights from validation clips. scores: (N, E, 2); labels: (N,), 1 is fake.

        "mean" and "max" have none to set.
        """
        if labels.min() == labels.max():
            raise ConfigError("what_matters: an ensemble is fitted on genuine and fake clips")
        odds = (scores[..., 1] - scores[..., 0]).double().cpu().numpy()
        truth = labels.double().cpu().numpy()
        if self.rule == "weighted":
            above = np.array([max(auc(column, truth) - 0.5, 0.0) for column in odds.T])
            self.weight.copy_(torch.from_numpy(above if above.any() else np.ones_like(above)))
        elif self.rule == "stacked":
            fitted = logistic(np.clip(odds, -BOUND, BOUND), truth)
            self.weight.copy_(torch.from_numpy(fitted[:-1]))
            self.bias.fill_(float(fitted[-1]))


def logistic(
    x: NDArray[np.float64], labels: NDArray[np.float64], steps: int = 50
) -> NDArray[np.float64]:
    """Return weights and, last, bias of a ridge logistic regression, by Newton's method.

    x: (N, K). Classes weigh the same, however many clips each has.
    """
    design = np.c_[x, np.ones(len(x))]
    share = np.where(labels > 0, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    ridge = RIDGE * len(x) * np.diag([*[1.0] * x.shape[1], 0.0])
    found = np.zeros(design.shape[1])
    for _ in range(steps):
        p = 0.5 * (1 + np.tanh(0.5 * design @ found))
        slope = design.T @ (share * (p - labels)) + ridge @ found
        bend = (design * (share * np.maximum(p * (1 - p), 1e-6))[:, None]).T @ design + ridge
        step = np.linalg.solve(bend, slope)
        found = found - step * min(1.0, 5.0 / max(np.abs(step).max(), 1e-12))
    return found
