"""From region names and picture tokens to a mask of the edited pixels.

21 region slots --query--> picture tokens    slots + class token = 22 tokens
mask token <--two-way transformer--> 22 tokens
MLP(22 tokens) -> 22 maps, MLP(mask token) -> 22 weights, mask = weights @ maps
"""

import torch
from torch import Tensor, nn

from verilens.datasets.mmtt import REGIONS
from verilens.verify.forgerytalker.config import Config

SLOTS = len(REGIONS) + 1


def mlp(inside: int, outside: int) -> nn.Sequential:
    """Return three linear layers."""
    return nn.Sequential(
        nn.Linear(inside, inside),
        nn.ReLU(),
        nn.Linear(inside, inside),
        nn.ReLU(),
        nn.Linear(inside, outside),
    )


class TwoWay(nn.Module):
    """Tokens look at themselves and at others; then the others look at them."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.own, self.there, self.back = (
            nn.MultiheadAttention(width, heads, batch_first=True) for _ in range(3)
        )
        self.wide = nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(self, x: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norms[0](x + self.own(x, x, x, need_weights=False)[0])
        x = self.norms[1](x + self.there(x, other, other, need_weights=False)[0])
        x = self.norms[2](x + self.wide(x))
        other = self.norms[3](other + self.back(other, x, x, need_weights=False)[0])
        return x, other


class MaskDecoder(nn.Module):
    """Maps regions and a picture to mask logits."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.vision.width
        self.side = config.mask
        self.words = nn.Linear(config.language.width, width)
        self.query = nn.MultiheadAttention(width, config.heads, batch_first=True)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.both = nn.ModuleList(
            TwoWay(width, config.heads, config.mask_inner) for _ in range(config.mask_depth)
        )
        self.maps = mlp(width, self.side**2)
        self.weights = mlp(width, SLOTS)

    def forward(self, slots: Tensor, picture: Tensor) -> Tensor:
        """Return mask logits, (N, 1, side, side).

        slots: embedded regions, zero where none is suspect, (N, 21, language width). picture:
        tokens of the ViT, class token first, (N, T, width).
        """
        words = self.words(slots)
        seen = words + self.query(words, picture, picture, need_weights=False)[0]
        other = torch.cat([picture[:, :1], seen], 1)  # (N, 22, width)
        x = self.token.expand(len(other), -1, -1)
        for layer in self.both:
            x, other = layer(x, other)
        maps = self.maps(other)  # (N, 22, side side)
        weights = self.weights(x)  # (N, 1, 22)
        mask: Tensor = weights @ maps
        return mask.view(-1, 1, self.side, self.side)


class Gate(nn.Module):
    """Says of every region whether the picture bears its name out."""

    def __init__(self, config: Config, tokens: int) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        sizes = config.gate
        settings = BertConfig(
            vocab_size=tokens,
            hidden_size=sizes.width,
            num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads,
            intermediate_size=sizes.inner,
        )
        self.bert = BertModel(settings, add_pooling_layer=False)
        self.picture = nn.Linear(config.vision.width, sizes.width)
        self.look = nn.MultiheadAttention(sizes.width, config.heads, batch_first=True)
        self.head = nn.Linear(sizes.width, len(REGIONS))

    def forward(self, ids: Tensor, seen: Tensor, picture: Tensor) -> Tensor:
        """Return a probability for every region, (N, 21). ids, seen: of the names, (N, L)."""
        words = self.bert(input_ids=ids, attention_mask=seen).last_hidden_state
        shown = self.picture(picture)
        looked = self.look(words, shown, shown, need_weights=False)[0]
        each: Tensor = self.head(looked).sigmoid() * seen[..., None]
        return each.sum(1) / seen.sum(1, keepdim=True)
