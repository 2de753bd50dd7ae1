"""Transformer layers as sign language networks use them: normalised first, ReLU in between.

Sizes and places of dropout are those of JoeyNMT, on which Sign Language Transformers, progressive
transformers and their followers build. Masks are True where something may be attended to.
"""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Attention of several heads, with biases everywhere."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """x: (B, T, W) asks memory: (B, S, W). mask: broadcast to (B, T, S). Returns (B, T, W)."""
        parts = (self.query(x), self.key(memory), self.value(memory))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = None if mask is None else mask[:, None]
        dropped = self.dropout if self.training else 0.0
        found = scaled_dot_product_attention(q, k, v, attn_mask=seen, dropout_p=dropped)
        answer: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return answer


class FeedForward(nn.Sequential):
    """Two layers with ReLU between them; normalises its input."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, inner),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(inner, width),
            nn.Dropout(dropout),
        )


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, dropout)
        self.feed_forward = FeedForward(width, inner, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x: (B, T, W); mask: broadcast to (B, T, T)."""
        y = self.norm(x)
        x = x + self.drop(self.attention(y, y, mask))
        inner: Tensor = self.feed_forward(x)
        return x + inner


class DecoderLayer(nn.Module):
    """Self-attention, attention to a memory, and a feed-forward network."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.memory_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, dropout)
        self.memory_attention = Attention(width, heads, dropout)
        self.feed_forward = FeedForward(width, inner, dropout)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None
    ) -> Tensor:
        """x: (B, T, W); memory: (B, S, W); the masks broadcast to (B, T, T) and (B, T, S)."""
        y = self.norm(x)
        x = x + self.drop(self.attention(y, y, mask))
        x = x + self.drop(self.memory_attention(self.memory_norm(x), memory, memory_mask))
        inner: Tensor = self.feed_forward(x)
        return x + inner


class Encoder(nn.Module):
    """Layers of self-attention over a sequence with positions, and a last normalisation."""

    def __init__(self, layers: int, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(width, heads, inner, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x: (B, T, W); mask: broadcast to (B, T, T). Returns (B, T, W)."""
        x = self.drop(x + sinusoids(x.shape[1], x.shape[2], x))
        for layer in self.layers:
            x = layer(x, mask)
        found: Tensor = self.norm(x)
        return found


class Decoder(nn.Module):
    """Layers that read a memory, over a sequence with positions, and a last normalisation."""

    def __init__(self, layers: int, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(width, heads, inner, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.drop = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None
    ) -> Tensor:
        """x: (B, T, W); memory: (B, S, W). Returns (B, T, W)."""
        x = self.drop(x + sinusoids(x.shape[1], x.shape[2], x))
        for layer in self.layers:
            x = layer(x, memory, mask, memory_mask)
        found: Tensor = self.norm(x)
        return found


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Return positions 0, 1, ... as sines (even places) and cosines (odd ones), (length, width)."""
    return waves(torch.arange(length, device=like.device), width).to(like.dtype)


def waves(places: Tensor, width: int) -> Tensor:
    """Return places (N,) as sines and cosines of falling frequency, (N, width), width even."""
    steps = torch.arange(0, width, 2, device=places.device, dtype=torch.float)
    angles = places.float()[:, None] * torch.exp(-math.log(10000.0) * steps / width)
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(1)


def present(counts: Tensor, length: int) -> Tensor:
    """Return which of `length` places hold something, (B, length) bool. counts: (B,)."""
    return torch.arange(length, device=counts.device) < counts[:, None]


def past(length: int, like: Tensor) -> Tensor:
    """Return the mask that shows each place itself and what is before it, (1, T, T)."""
    return torch.ones(1, length, length, dtype=torch.bool, device=like.device).tril()


def published_names(theirs: str, ours: str, decoder: bool = False) -> dict[str, str]:
    """Return patterns of JoeyNMT's names for the tensors of an Encoder or a Decoder, and ours.

    theirs: a pattern of what comes before; ours: what comes before ours.
    """
    layers = {"layer_norm": "norm", "src_src_att": "attention"}
    if decoder:
        layers = {
            "x_layer_norm": "norm",
            "dec_layer_norm": "memory_norm",
            "trg_trg_att": "attention",
            "src_trg_att": "memory_attention",
        }
    parts = {"k_layer": "key", "v_layer": "value", "q_layer": "query", "output_layer": "out"}
    found = {rf"{theirs}layer_norm\.(\w+)": rf"{ours}norm.\1"}
    for layer, own in layers.items():
        inside = {f"{layer}.{a}": f"{own}.{b}" for a, b in parts.items()}
        for name, place in (inside if own.endswith("attention") else {layer: own}).items():
            named = re.escape(name)
            found[rf"{theirs}layers\.(\d+)\.{named}\.(\w+)"] = rf"{ours}layers.\1.{place}.\2"
    feeds = {"layer_norm": 0, "pwff_layer.0": 1, "pwff_layer.3": 4}
    for name, at in feeds.items():
        pattern = rf"{theirs}layers\.(\d+)\.feed_forward\.{re.escape(name)}\.(\w+)"
        found[pattern] = rf"{ours}layers.\1.feed_forward.{at}.\2"
    return found


def published_sizes(tensors: Mapping[str, Tensor], theirs: str) -> dict[str, int]:
    """Return width, layers and inner of an encoder under JoeyNMT's names; {} where there is none.

    How many heads it has, its tensors do not say.
    """
    feeds = [
        name for name in tensors if re.fullmatch(rf"{theirs}layers\.\d+\..*_layer\.0\.weight", name)
    ]
    if not feeds:
        return {}
    inner, width = tensors[feeds[0]].shape
    return {"width": width, "layers": len(feeds), "inner": inner}


def xavier(module: nn.Module) -> None:
    """Draw all weight matrices by Xavier's rule and set all biases to zero, in place."""
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
