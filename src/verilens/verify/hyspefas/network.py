"""The network: weighed bands, a multi-attention EfficientNet, and the head of the contrast.

    cube -> x + x w -> EfficientNet -> maps of stage 3  -> texture, by attention -> 256 \
                                    -> maps of the head -> attention maps               512 -> logit
                                                        -> mean by attention    -> 256 /
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import (
    adaptive_max_pool2d,
    avg_pool2d,
    conv2d,
    elu,
    interpolate,
    normalize,
)

from verilens.nn.efficientnet import EfficientNet
from verilens.verify.hyspefas.config import Config

TEMPLATE, BORDER = 24, 2  # attention is masked as far from the edge as 2 pixels are of 24
COARSE = 4  # pixels of the mean that is taken away from the texture


class Found(NamedTuple):
    """logits: positive is an attack, (N,). embeddings: of unit length, (N, embedding)."""

    logits: Tensor
    embeddings: Tensor


class BandWeights(nn.Module):
    """A weight in (0, 1) for each band, from its mean and its maximum."""

    def __init__(self, bands: int, squeeze: int) -> None:
        super().__init__()
        down = nn.Conv2d(bands, bands // squeeze, 1, bias=False)
        up = nn.Conv2d(bands // squeeze, bands, 1, bias=False)
        for layer in (down, up):
            nn.init.kaiming_normal_(layer.weight)
        self.shared = nn.Sequential(down, nn.ReLU(), up)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, bands, H, W). Returns (N, bands, 1, 1)."""
        mean, most = x.mean((2, 3), keepdim=True), adaptive_max_pool2d(x, 1)
        weights: Tensor = (self.shared(mean) + self.shared(most)).sigmoid()
        return weights


class DifferenceStem(nn.Conv2d):
    """A 3 x 3 convolution of stride 2 minus `share` times its response to a flat patch.

    share: of the centre pixel, weighted by the sum of the kernel (central difference convolution).
    """

    def __init__(self, bands: int, channels: int, share: float) -> None:
        super().__init__(bands, channels, 3, stride=2, padding=1, bias=False)
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        flat = torch.zeros_like(self.weight)
        flat[:, :, 1, 1] = self.weight.sum((2, 3))
        return conv2d(x, self.weight - self.share * flat, stride=2, padding=1)


class Attention(nn.Module):
    """Positive maps of where to look, zero at the border."""

    mask: Tensor

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, maps, 1, bias=False),
            nn.BatchNorm2d(maps),
        )
        mask = torch.zeros(1, 1, TEMPLATE, TEMPLATE)
        mask[..., BORDER:-BORDER, BORDER:-BORDER] = 1
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (N, C, H, W). Returns (N, maps, H, W)."""
        return (elu(self.layers(x)) + 1) * interpolate(self.mask, x.shape[2:])


class Texture(nn.Module):
    """What of a feature map is finer than its mean, read under each attention map apart."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.maps = maps
        wide = channels * maps
        self.extract = nn.Conv2d(channels, channels, 3, padding=1)
        self.first = nn.Conv2d(wide, wide, 5, padding=2, groups=maps)
        self.denser = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(n * wide),
                nn.ReLU(),
                nn.Conv2d(n * wide, wide, 3, padding=1, groups=maps),
            )
            for n in (1, 2, 3)
        )
        self.last = nn.Sequential(
            nn.BatchNorm2d(4 * wide),
            nn.ReLU(),
            nn.Conv2d(4 * wide, wide, 1, groups=maps),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
        )

    def forward(self, x: Tensor, attention: Tensor) -> Tensor:
        """x: (N, C, H, W); attention: (N, maps, h, w). Returns (N, maps, C, H, W)."""
        n, channels, *size = x.shape
        x = self.extract(x)
        x = x - interpolate(avg_pool2d(x, COARSE), size)
        weights = interpolate(attention.detach(), size, mode="bilinear", align_corners=True)
        x = self.first((x[:, None] * weights.tanh()[:, :, None]).flatten(1, 2))
        for layer in self.denser:
            x = self.beside(x, layer(x))
        found: Tensor = self.last(x)
        return found.view(n, self.maps, channels, *size)

    def beside(self, a: Tensor, b: Tensor) -> Tensor:
        """Return two stacks of maps as one, those of an attention map next to each other."""
        pair = [x.reshape(len(x), self.maps, -1, *x.shape[2:]) for x in (a, b)]
        return torch.cat(pair, 2).flatten(1, 2)


class Network(nn.Module):
    """Maps normalised cubes to logits and embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.stage = config.feature_stage
        bands, width, maps = config.view.bands, config.width, config.attentions
        self.weights = BandWeights(bands, config.squeeze)
        self.trunk = trunk(config)
        head = self.trunk.out_channels
        last: Any = self.trunk.encoder.blocks[self.trunk.ends[self.stage - 1]]
        channels = last.projection.project_conv.out_channels
        self.attention = Attention(head, maps)
        self.texture = Texture(channels, maps)
        self.dropout = nn.Dropout1d(config.dropout)
        self.local = nn.Sequential(
            nn.Linear(maps * channels, width),
            nn.BatchNorm1d(width),
            nn.Mish(),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.Mish(),
        )
        self.whole = nn.Sequential(nn.Linear(head, width), nn.BatchNorm1d(width), nn.Mish())
        self.head = nn.Sequential(
            nn.Linear(2 * width, width), nn.BatchNorm1d(width), nn.Mish(), nn.Linear(width, 1)
        )
        self.embed = nn.Sequential(
            nn.Linear(2 * width, config.embedding),
            nn.BatchNorm1d(config.embedding),
            nn.ReLU(),
            nn.Linear(config.embedding, config.embedding),
        )

    def forward(self, x: Tensor) -> Found:
        """x: normalised, (N, bands, H, W)."""
        features = self.features(x)
        return Found(self.head(features).squeeze(1), normalize(self.embed(features), dim=1))

    def features(self, x: Tensor) -> Tensor:
        """Return both branches, (N, 2 x width)."""
        taps = self.trunk.taps(x + x * self.weights(x))
        attention = self.attention(taps[-1])
        texture = self.texture(taps[self.stage], attention)  # (N, maps, C, H, W)
        wide = interpolate(attention, texture.shape[3:], mode="bilinear", align_corners=True)
        local = normalize(torch.einsum("nmhw,nmchw->nmc", wide, texture), dim=2)
        share = attention.sum(1, keepdim=True) + 1e-8
        whole = (taps[-1] * share).sum((2, 3)) / share.sum((2, 3))
        return torch.cat([self.local(self.dropout(local).flatten(1)), self.whole(whole)], 1)


def trunk(config: Config) -> EfficientNet:
    """Return an EfficientNet with Mish for every swish and a stem of differences for all bands."""
    found = EfficientNet(config.scale, pretrained=config.pretrained, activation="mish")
    stem: Any = found.embeddings
    stem.padding = nn.Identity()
    stem.convolution = DifferenceStem(config.view.bands, stem.out_dim, config.difference)
    return found
