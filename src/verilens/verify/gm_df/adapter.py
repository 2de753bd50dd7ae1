"""Experts beside a frozen MLP, and the normalisation that knows the data set.

    F(x) = F_clip(x) + alpha DNorm(sum_n w_n E_n(x), c)                               (Eq. 1)
    DNorm(x, c) = (x - mean) / deviation * (g + W_g c) + (b + W_b c)                  (Eq. 2)
    w = softmax over experts of the mean over m of Q_n K_m / sqrt(d)                  (Eq. 4-5)

Q and K are projections of the experts' mean outputs.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm


class DomainNorm(nn.Module):
    """Layer norm whose scale and shift depend on a domain embedding."""

    def __init__(self, width: int, domain_width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))
        self.scale_by = nn.Linear(domain_width, width, bias=False)
        self.shift_by = nn.Linear(domain_width, width, bias=False)
        for layer in (self.scale_by, self.shift_by):
            nn.init.normal_(layer.weight, std=0.02)

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """x: (B, N, D); domain: embeddings, (B, domain width). Returns (B, N, D)."""
        scale = self.scale + self.scale_by(domain)[:, None]
        shift = self.shift + self.shift_by(domain)[:, None]
        normed: Tensor = layer_norm(x, x.shape[-1:], eps=self.eps) * scale + shift
        return normed


class Router(nn.Module):
    """Weighs experts by attention among their mean outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)

    def forward(self, outputs: Tensor) -> Tensor:
        """Return a weight an expert, (B, E), that sum to 1. outputs: (B, E, N, D)."""
        means = outputs.mean(2)
        scores = self.query(means) @ self.key(means).transpose(1, 2)  # (B, E, E)
        weights: Tensor = (scores / means.shape[-1] ** 0.5).mean(2).softmax(1)
        return weights


def expert(width: int, ratio: int) -> nn.Sequential:
    """Return a two-layer network of the MLP's own shape."""
    inner = width * ratio
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))


class Adapter(nn.Module):
    """What experts add to the output of one MLP."""

    def __init__(self, width: int, experts: int, ratio: int, domain_width: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(expert(width, ratio) for _ in range(experts))
        self.router = Router(width)
        self.norm = DomainNorm(width, domain_width)
        self.alpha = nn.Parameter(torch.empty(()))

    def forward(self, x: Tensor, domain: Tensor) -> Tensor:
        """x: the MLP's input, (B, N, D); domain: (B, domain width). Returns (B, N, D)."""
        outputs = torch.stack([expert(x) for expert in self.experts], 1)  # (B, E, N, D)
        mixed = torch.einsum("be,bend->bnd", self.router(outputs), outputs)
        added: Tensor = self.alpha * self.norm(mixed, domain)
        return added
