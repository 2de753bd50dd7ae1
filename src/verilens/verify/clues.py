"""Clues of several modalities into one answer, in parallel or one after the other.

    parallel:    concat       all clues side by side, missing ones as a learned vector
                 attention    weighed by how much each says
    sequential   each clue is let in as far as what came before asks for it

Features in, a logit and a weight a modality out; any clue may be missing. After the survey of
misinformation videos (arXiv:2302.03242), which names these ways; the layers are our own reading.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from verilens.errors import ConfigError

Mode = Literal["concat", "attention", "sequential"]


class Fused(NamedTuple):
    """logits: (B,), positive is fake. weights: of each modality, (B, M), rows sum to 1."""

    logits: Tensor
    weights: Tensor


class Fusion(nn.Module):
    """Fuses clues of named modalities, in the order they are named."""

    def __init__(
        self, widths: Mapping[str, int], mode: Mode = "attention", width: int = 32
    ) -> None:
        """widths: of each modality's features. ConfigError for an unknown mode or no modality."""
        super().__init__()
        if mode not in get_args(Mode) or not widths:
            modes = ", ".join(get_args(Mode))
            raise ConfigError(f"clues need a modality and one of {modes}, not '{mode}'")
        self.mode, self.names = mode, tuple(widths)
        self.enter = nn.ModuleDict({name: nn.Linear(n, width) for name, n in widths.items()})
        self.absent = nn.Parameter(torch.zeros(len(widths), width))
        inside = width * (len(widths) if mode == "concat" else 1)
        self.head = nn.Sequential(nn.Linear(inside, width), nn.ReLU(), nn.Linear(width, 1))
        self.weigh = nn.Linear(width * (2 if mode == "sequential" else 1), 1)

    def forward(self, clues: Mapping[str, Tensor | None]) -> Fused:
        """Return the answer to clues, (B, width of the modality) each; None or left out: missing.

        ConfigError when every one is missing.
        """
        given = {name: x for name in self.names if (x := clues.get(name)) is not None}
        if not given:
            raise ConfigError(f"no clue is there; one of {', '.join(self.names)} is needed")
        count = len(next(iter(given.values())))
        entered = [
            torch.tanh(self.enter[name](given[name]))
            if name in given
            else self.absent[n].expand(count, -1)
            for n, name in enumerate(self.names)
        ]
        x = torch.stack(entered, 1)  # (B, M, width)
        is_there = torch.tensor([name in given for name in self.names], device=x.device)
        fused, weights = getattr(self, f"_{self.mode}")(x, is_there)
        return Fused(self.head(fused).squeeze(1), weights)

    def _concat(self, x: Tensor, is_there: Tensor) -> tuple[Tensor, Tensor]:
        share = is_there.float() / is_there.sum()
        return x.flatten(1), share.expand(len(x), -1)

    def _attention(self, x: Tensor, is_there: Tensor) -> tuple[Tensor, Tensor]:
        scores = self.weigh(x).squeeze(2).masked_fill(~is_there, -torch.inf)
        weights = scores.softmax(1)
        return (weights[..., None] * x).sum(1), weights

    def _sequential(self, x: Tensor, is_there: Tensor) -> tuple[Tensor, Tensor]:
        state, gates = torch.zeros_like(x[:, 0]), []
        for n, there in enumerate(is_there.tolist()):
            gate = torch.sigmoid(self.weigh(torch.cat([state, x[:, n]], 1))) * float(there)
            state = state + gate * x[:, n]
            gates.append(gate)
        opened = torch.cat(gates, 1)
        return state, opened / opened.sum(1, keepdim=True).clamp_min(1e-9)
