"""Which patches of a picture the facts speak of, and what is seen in them alone."""

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize


def relevance(patches: Tensor, facts: Tensor, labels: Tensor | None = None) -> Tensor:
    """Return how well each patch fits what is known of the right class, (N, P).

    Without labels: of the class it fits best. patches: of unit length, (N, P, F); facts: the mean
    sentence of each class, of unit length, (C, F).
    """
    fits = patches @ facts.T  # (N, P, C)
    if labels is None:
        return fits.amax(2)
    return torch.einsum("npf,nf->np", patches, facts[labels])


def kept(relevant: Tensor, share: float) -> Tensor:
    """Return which patches are kept: the most relevant ceil(share P) of each picture, (N, P)."""
    count = math.ceil(share * relevant.shape[1])
    places = relevant.topk(count, 1).indices
    return torch.zeros_like(relevant, dtype=torch.bool).scatter(1, places, True)


def pooled(patches: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean of the chosen patches, of unit length, (N, F). chosen: (N, P) bool."""
    weights = chosen.to(patches)[..., None]
    return normalize((patches * weights).sum(1) / weights.sum(1).clamp_min(1), dim=1)
