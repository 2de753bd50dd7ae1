"""The forgery prompter: which of the 21 regions look edited.

    picture -> patches + class token -> [+ edges] layer 1 [+ finer edges] layer 2 ... -> 21 logits
                  \\-> CoordConv 3 x 3 -> pooled ---^   \\-> Conv 5 x 5 -> pooled ---^

The class token is read after the last layer and, by a head of its own, half-way.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from verilens.datasets.mmtt import REGIONS
from verilens.nn.normalise import Normalise
from verilens.verify.forgerytalker.config import Config


class Found(NamedTuple):
    """Logits of the 21 regions, at the end and half-way, (N, 21) each."""

    last: Tensor
    middle: Tensor


class Branch(nn.Module):
    """Edges beside the patches: two maps of the tokens' grid, (N, width, g, g) each."""

    def __init__(self, width: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.coarse = nn.Sequential(
            nn.Conv2d(5, width, 3, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU(), nn.MaxPool2d(2)
        )
        self.fine = nn.Conv2d(width, width, 5, 2, 2)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        count, _, height, width = pictures.shape
        rows = torch.linspace(-1, 1, height, device=pictures.device)
        columns = torch.linspace(-1, 1, width, device=pictures.device)
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None]
        coarse = self.coarse(torch.cat([pictures, places.expand(count, -1, -1, -1)], 1))
        fine = self.fine(coarse)
        return adaptive_avg_pool2d(coarse, self.grid), adaptive_avg_pool2d(fine, self.grid)


class Prompter(nn.Module):
    """Predicts edited regions."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        sizes, grid = config.prompter, config.image // config.prompter_patch
        self.normalise = Normalise()
        self.patches = nn.Conv2d(3, sizes.width, config.prompter_patch, config.prompter_patch)
        self.token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.places = nn.Parameter(0.02 * torch.randn(1, grid**2 + 1, sizes.width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                sizes.width,
                sizes.heads,
                sizes.inner,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(sizes.layers)
        )
        self.norm = nn.LayerNorm(sizes.width)
        self.head = nn.Linear(sizes.width, len(REGIONS))
        self.middle = nn.Linear(sizes.width, len(REGIONS))
        self.branch = Branch(sizes.width, grid) if config.branches else None

    def forward(self, frames: Tensor) -> Found:
        """frames: RGB in [0, 1], (N, 3, image, image)."""
        pictures = self.normalise(frames)
        x = self.patches(pictures).flatten(2).mT  # (N, g g, width)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        beside = self.branch(pictures) if self.branch else ()
        half = x
        for n, layer in enumerate(self.layers):
            if n < len(beside):
                edges = beside[n].flatten(2).mT
                x = x + torch.cat([torch.zeros_like(x[:, :1]), edges], 1)
            x = layer(x)
            if n + 1 == len(self.layers) // 2:
                half = x
        return Found(self.head(self.norm(x)[:, 0]), self.middle(half[:, 0]))
