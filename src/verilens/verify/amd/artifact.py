"""What AMD adds to Florence-2: learned tokens, their pooling, and heads for truth and box."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from verilens.verify.amd.config import Config


class Traces(NamedTuple):
    """What the first pass found. logits: (B, 2), class 1 is real; box: (B, 4) in [0, 1]."""

    tokens: Tensor
    logits: Tensor
    box: Tensor


class Artifact(nn.Module):
    """The added modules; the encoder that both passes share is the caller's."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.florence.width
        self.scale = width**-0.5 if config.scaled else 1.0
        self.tokens = nn.Parameter(torch.randn(config.artifact_tokens, width))
        self.pool = nn.Sequential(
            nn.Linear(width, config.pool_width), nn.ReLU(), nn.Linear(config.pool_width, 1)
        )
        self.binary = nn.Linear(width, 2)
        self.norm = nn.LayerNorm(width)
        self.ask = nn.MultiheadAttention(width, config.box_heads, batch_first=True)
        self.box = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.LayerNorm(2 * width),
            nn.GELU(),
            nn.Linear(2 * width, 2 * width),
            nn.LayerNorm(2 * width),
            nn.GELU(),
            nn.Linear(2 * width, 4),
        )
        self.between = nn.Linear(width, 2)  # both modalities share it
        for module in (*self.box, self.ask.out_proj):
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def traces(self, tokens: Tensor, patches: Tensor) -> Traces:
        """Return what the first pass found. tokens: (B, N, C); patches: (B, P, C)."""
        weights = self.pool(tokens).softmax(1)  # (B, N, 1)
        pooled = (weights * tokens).sum(1)
        logits = self.binary(pooled)
        logits = logits - logits.max(1, keepdim=True).values
        keys = self.norm(patches)
        asked = self.ask(self.norm(pooled[:, None]), keys, keys, need_weights=False)[0][:, 0]
        return Traces(tokens, logits, self.box(asked).sigmoid())

    def across(self, seen: Tensor, said: Tensor, attention: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the picture that asks the text, and of the text that asks it.

        seen: picture and artifact tokens, (B, P, C); said: text, (B, L, C); attention: (B, L).
        """
        mask = (1 - attention.float()) * torch.finfo(seen.dtype).min
        from_text = self._attend(seen, said, mask[:, None]).mean(1)
        asking = self._attend(said, seen, None)
        share = attention[..., None].to(asking) / attention.sum(1)[:, None, None]
        return self.between(from_text), self.between((asking * share).sum(1))

    def _attend(self, query: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        scores = self.scale * query @ values.transpose(1, 2)
        return (scores if mask is None else scores + mask).softmax(2) @ values
