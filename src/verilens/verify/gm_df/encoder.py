"""CLIP's image encoder with adapters, and what it hands to the head.

    v = Proj(z_cls + sum over l of a_l Norm(D_l))                                     (Eq. 8)
    D_l = sum over heads h and tokens i of a_hi W_VO^h MLP^l(z_i)                     (Eq. 7)

a_hi is how much the class token of the block after l attends to token i.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from verilens.nn.clip import vision
from verilens.verify.gm_df.adapter import Adapter
from verilens.verify.gm_df.config import Config

VARIANCE = 0.1  # share of the variance beside the mean, with second_order="moments"


class Encoded(NamedTuple):
    """features: v of Eq. 8, (B, projection). tokens: of the last block, (B, 1 + patches, width)."""

    features: Tensor
    tokens: Tensor


class Encoder(nn.Module):
    """Maps normalised pictures and domain embeddings to features."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width = config.clip.width
        self.vit = vision(config.clip, config.view.size, config.pretrained)
        self.vit.requires_grad_(not config.frozen)
        places = config.adapted_blocks or range(config.clip.blocks)
        self.adapters = nn.ModuleDict(
            {
                str(n): Adapter(width, config.experts, config.expert_ratio, config.domain_width)
                for n in places
            }
        )
        for adapter in self.adapters.values():
            nn.init.constant_(adapter.alpha, config.alpha)  # type: ignore[arg-type]
        if config.mask_at == "encoder":
            self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        count = len(config.second_order_blocks)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(count))
        self.shares = nn.Parameter(torch.full((count,), 0.1))
        self.project = nn.Sequential(
            nn.Linear(width, width), nn.GELU(), nn.Linear(width, config.clip.projection)
        )

    def forward(self, pictures: Tensor, domain: Tensor, mask: Tensor | None = None) -> Encoded:
        """pictures: normalised, (B, 3, H, W); domain: (B, domain width).

        mask: True for patches to hide, (B, patches) bool.
        """
        x = self.vit.embeddings(pictures)
        if mask is not None:
            x = self.hidden(x, mask)
        x = self.vit.pre_layrnorm(x)
        orders: list[Tensor] = []
        outputs: Tensor | None = None  # of the MLP before, where its block counts
        for n, block in enumerate(self.vit.encoder.layers):
            normed = block.layer_norm1(x)
            if outputs is not None:
                orders.append(attended(block.self_attn, normed, outputs))
            x = x + block.self_attn(normed)[0]
            normed = block.layer_norm2(x)
            added = block.mlp(normed)
            if str(n) in self.adapters:
                added = added + self.adapters[str(n)](normed, domain)
            x = x + added
            counts = n in self.config.second_order_blocks
            outputs = added if counts and self.config.second_order == "attention" else None
            if counts and self.config.second_order == "moments":
                orders.append(x[:, 1:].mean(1) + VARIANCE * x[:, 1:].var(1))
        v = self.vit.post_layernorm(x[:, 0])
        for share, norm, order in zip(self.shares, self.norms, orders, strict=True):
            v = v + share * norm(order)
        return Encoded(self.project(v), x)

    def hidden(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return embedded tokens with some patches replaced; their positions stay known."""
        unseen = self.mask_token + self.vit.embeddings.position_embedding.weight[1:]
        patches = torch.where(mask[..., None], unseen, x[:, 1:])
        return torch.cat([x[:, :1], patches], 1)

    def plain(self, pictures: Tensor) -> Tensor:
        """Return the class token as the encoder alone gives it, (B, width)."""
        pooled: Tensor = self.vit(pictures).pooler_output
        return pooled


def attended(attention: Any, normed: Tensor, outputs: Tensor) -> Tensor:
    """Return D_l: MLP outputs, weighted by the class token's attention, through W_VO; (B, width).

    attention: of the next block. normed: what it reads; outputs: of the MLP; both (B, N, width).
    """
    heads = attention.num_heads
    query = attention.q_proj(normed[:, :1]).unflatten(2, (heads, -1)).transpose(1, 2)
    key = attention.k_proj(normed).unflatten(2, (heads, -1)).transpose(1, 2)
    weights = (query @ key.transpose(2, 3) * attention.scale).softmax(3)  # (B, heads, 1, N)
    value = outputs @ attention.v_proj.weight.T
    mixed = (weights @ value.unflatten(2, (heads, -1)).transpose(1, 2)).squeeze(2).flatten(1)
    found: Tensor = mixed @ attention.out_proj.weight.T
    return found
