"""Group-relative policy optimisation, as functions of rewards and log-probabilities.

A_i = (r_i - mean r) / (std r + e)                        within the group of one picture
loss = -mean_i 1/|o_i| sum_t min(rho A_i, clip(rho, 1 - c, 1 + c) A_i) + beta KL_t
rho = exp(log pi - log pi_old)        KL_t = exp(d) - d - 1, d = log pi_ref - log pi
"""

import torch
from torch import Tensor

EPSILON = 1e-6


def advantages(rewards: Tensor, deviation: str = "population") -> Tensor:
    """Return how far each answer lies above its group, (B, G). rewards: (B, G).

    A group of equal rewards has none above: all 0. deviation: "population" divides by G, "sample"
    by G - 1, under the root.
    """
    mean = rewards.mean(1, keepdim=True)
    std = rewards.std(1, keepdim=True, correction=0 if deviation == "population" else 1)
    return (rewards - mean) / (std + EPSILON)


def kept(rewards: Tensor, share: float) -> Tensor:
    """Return which answers are learned from, (B, G) of 0 and 1.

    Groups of equal rewards teach nothing and are left out; of the others the best share stays.
    """
    count = max(1, round(share * rewards.shape[1]))
    order = rewards.argsort(dim=1, descending=True, stable=True)
    best = torch.zeros_like(rewards).scatter(1, order[:, :count], 1.0)
    differs = rewards.amax(1, keepdim=True) > rewards.amin(1, keepdim=True)
    return best * differs


def kl_k3(log_pi: Tensor, log_ref: Tensor) -> Tensor:
    """Return an unbiased estimate of KL(pi || ref) at every token, never below 0."""
    gap = log_ref - log_pi
    return gap.exp() - gap - 1


def surrogate(log_pi: Tensor, log_old: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return the clipped gain of every token, (N, L). advantage: (N,)."""
    ratio = (log_pi - log_old).exp()
    above = advantage[:, None]
    return torch.minimum(ratio * above, ratio.clamp(1 - clip, 1 + clip) * above)


def per_answer(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over an answer's own tokens, (N,)."""
    return (values * mask).sum(1) / mask.sum(1).clamp_min(1)
