"""Patterns of colours, counted, and the classifier of the counts.

face -> Y Cb Cr H S V -> uniform local binary patterns -> histograms -> logit
"""

import torch
from torch import Tensor, nn

from verilens.verify.colour_texture.config import Config
from verilens.verify.detector import Detector

CHANNELS = 6
BINS = 59  # 58 uniform patterns, and one for all others
RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def uniform() -> Tensor:
    """Return the bin of each of 256 patterns: those with at most two changes have their own."""
    bins, free = torch.full((256,), BINS - 1), 0
    for pattern in range(256):
        bits = [pattern >> n & 1 for n in range(8)]
        if sum(bits[n] != bits[n - 1] for n in range(8)) <= 2:
            bins[pattern] = free
            free += 1
    return bins


def colours(frames: Tensor) -> Tensor:
    """Return Y, Cb, Cr, H, S, V in whole steps of 0 to 255, (N, 6, H, W). frames: RGB in [0, 1]."""
    red, green, blue = (frames * 255).unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma_blue, chroma_red = 128 + 0.564 * (blue - luma), 128 + 0.713 * (red - luma)
    value, least = torch.maximum(torch.maximum(red, green), blue), frames.amin(1) * 255
    span = value - least
    safe = span.clamp(min=1e-6)
    hue = torch.where(
        value == red,
        (green - blue) / safe % 6,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    hue = torch.where(span > 0, hue * (255 / 6), torch.zeros_like(hue))
    saturation = 255 * span / value.clamp(min=1e-6)
    found = torch.stack([luma, chroma_blue, chroma_red, hue, saturation, value], 1)
    return found.round()


def patterns(planes: Tensor, radius: int) -> Tensor:
    """Return each pixel's pattern, 0 to 255: bit n says that its n-th neighbour is not darker.

    planes: (N, C, H, W). Returns (N, C, H - 2 radius, W - 2 radius) int64.
    """
    height, width = planes.shape[-2:]
    middle = planes[..., radius : height - radius, radius : width - radius]
    found = torch.zeros(middle.shape, dtype=torch.int64, device=planes.device)
    for bit, (y, x) in enumerate(RING):
        top, left = radius * (1 + y), radius * (1 + x)
        ring = planes[..., top : top + middle.shape[-2], left : left + middle.shape[-1]]
        found = found + ((ring >= middle).to(torch.int64) << bit)
    return found


def counted(bins: Tensor, cells: int) -> Tensor:
    """Return square roots of the shares of each bin in each cell, (N, C x cells^2 x BINS).

    bins: (N, C, H, W) int64. The root makes their differences those of Hellinger's distance.
    """
    n, c, height, width = bins.shape
    rows, columns = height // cells, width // cells
    parts = bins[..., : rows * cells, : columns * cells]
    parts = parts.reshape(n, c, cells, rows, cells, columns).permute(0, 1, 2, 4, 3, 5)
    flat = parts.reshape(n, c * cells * cells, rows * columns)
    counts = torch.zeros(*flat.shape[:2], BINS, device=bins.device)
    ones = torch.ones(flat.shape, device=bins.device)
    shares = counts.scatter_add(2, flat, ones) / flat.shape[-1]
    return shares.sqrt().flatten(1)


class ColourTexture(Detector):
    """Tells presentation attacks by the texture of colours."""

    name = "colour_texture"
    sign = "the colour texture of paper, a screen or a mask: {} crops show it"
    claim = "spoof"
    config: Config
    bins: Tensor

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        config = config or Config()
        self.config = config
        self.register_buffer("bins", uniform(), persistent=False)
        width = CHANNELS * len(config.radii) * config.cells**2 * BINS
        self.norm = nn.BatchNorm1d(width, affine=False)
        layers: list[nn.Module] = [nn.Linear(width, 1)]
        if config.hidden:
            layers = [
                nn.Linear(width, config.hidden),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, 1),
            ]
        self.head = nn.Sequential(*layers)

    @torch.no_grad()
    def features(self, frames: Tensor) -> Tensor:
        """Return the roots of all histograms, (N, width). frames: RGB in [0, 1], (N, 3, H, W)."""
        planes = colours(frames)
        found = [
            counted(self.bins[patterns(planes, radius)], self.config.cells)
            for radius in self.config.radii
        ]
        return torch.cat(found, 1)

    def read(self, features: Tensor) -> Tensor:
        """Return the logits (N,) of `features`."""
        logits: Tensor = self.head(self.norm(features))
        return logits.squeeze(1)

    def forward(self, frames: Tensor) -> Tensor:
        return self.read(self.features(frames))
