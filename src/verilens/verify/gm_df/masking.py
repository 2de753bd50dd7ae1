"""Masked image modelling: a light decoder paints the patches that were hidden (Eq. 6)."""

import torch
from torch import Tensor, nn

from verilens.verify.gm_df.config import Config

EPS = 1e-6


def draw_mask(count: int, patches: int, share: float, device: torch.device) -> Tensor:
    """Return which patches to hide, (count, patches) bool: a fixed number of each picture's."""
    hidden = round(share * patches)
    order = torch.rand(count, patches, device=device).argsort(1).argsort(1)
    return order < hidden


def patchify(pictures: Tensor, side: int) -> Tensor:
    """Return patches row by row, (B, patches, 3 x side x side). pictures: (B, 3, H, W)."""
    x = pictures.unfold(2, side, side).unfold(3, side, side)  # (B, 3, rows, columns, side, side)
    return x.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def targets(pictures: Tensor, side: int) -> Tensor:
    """Return patches with mean 0 and deviation 1 each."""
    x = patchify(pictures, side)
    return (x - x.mean(2, keepdim=True)) / (x.var(2, keepdim=True) + EPS).sqrt()


def masked_error(painted: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Return the mean squared error over hidden patches.

    painted, wanted: (B, patches, pixels); mask: True where hidden, (B, patches).
    """
    each = (painted - wanted).square().mean(2)
    return (each * mask).sum() / mask.sum()


class Painter(nn.Module):
    """Maps tokens of the encoder to patches, (B, 1 + patches, width) to (B, patches, pixels)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.decoder_width
        self.is_masking = config.mask_at == "decoder"
        self.enter = nn.Linear(config.clip.width, width)
        self.places = nn.Parameter(0.02 * torch.randn(config.patches, width))
        if self.is_masking:
            self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        layer = nn.TransformerEncoderLayer(
            width,
            config.decoder_heads,
            4 * width,
            config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(
            layer, config.decoder_blocks, nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.leave = nn.Linear(width, 3 * config.clip.patch**2)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        x = self.enter(tokens[:, 1:])
        if self.is_masking:
            x = torch.where(mask[..., None], self.mask_token, x)
        painted: Tensor = self.leave(self.blocks(x + self.places))
        return painted
