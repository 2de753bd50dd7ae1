"""Where prompts lie: the real one at real faces, spoof ones near what is known, but not too near.

Our reading of the abstract. Features have unit length; prompts: the real one first, (1 + K, F).
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize


def spoof_logits(features: Tensor, prompts: Tensor, tau: float) -> Tensor:
    """Return log p(spoof) - log p(real), (N,).

    p(real) = exp(s_real / tau) / sum over all prompts of exp(s / tau), s the cosine.
    features: (N, F).
    """
    scores = features @ prompts.T / tau
    return scores[:, 1:].logsumexp(1) - scores[:, 0]


def from_prior(
    spoofs: Tensor, sentences: Tensor, delta: float, near: Literal["own", "nearest", "mean"]
) -> Tensor:
    """Return how far the spoof prompts lie outside the region of prior knowledge, on average.

    Distance is 1 - cosine to a sentence, the prompt's own by turns, the nearest, or the mean of
    all; up to `delta` it costs nothing. spoofs: (K, F); sentences: (S, F).
    """
    if near == "mean":
        sentences = normalize(sentences.mean(0, keepdim=True), dim=1)
    cosines = spoofs @ sentences.T
    if near == "own":
        each = torch.arange(len(spoofs), device=spoofs.device)
        fits = cosines[each, each % len(sentences)]
    else:
        fits = cosines.amax(1)
    return (1 - fits - delta).clamp_min(0).mean()


def near_real(prompts: Tensor, features: Tensor, margin: float) -> Tensor:
    """Return by how much spoof prompts fit the mean real face too well, on average.

    The real prompt must fit it better by `margin`. features: of real faces, (N, F).
    """
    fits = prompts @ normalize(features.mean(0), dim=0)
    return (margin + fits[1:] - fits[0]).clamp_min(0).mean()


def alike(spoofs: Tensor, kind: Literal["cosine", "gram"]) -> Tensor:
    """Return how alike the spoof prompts are: 0 when orthogonal; "cosine" gives 1 when equal.

    spoofs: (K, F). A single prompt is like no other.
    """
    cosines = spoofs @ spoofs.T
    count = len(spoofs)
    if kind == "gram":
        return (cosines - torch.eye(count, device=spoofs.device)).square().sum()
    above = torch.ones_like(cosines).triu(1).bool()
    return cosines[above].abs().sum() / max(1, count * (count - 1) // 2)
