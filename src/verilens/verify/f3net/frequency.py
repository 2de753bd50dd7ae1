"""What F3-Net reads: frequency bands of the whole crop, and band energies of small windows."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from verilens.errors import ConfigError

LUMA = (0.299, 0.587, 0.114)
LEAST = 1e-3  # of a band's sum in a window, on the scale of 0-255


def dct_matrix(size: int) -> Tensor:
    """Return the orthonormal DCT-II, (size, size): rows are frequencies, D x D^T = 1."""
    k = torch.arange(size, dtype=torch.float64)[:, None]
    j = torch.arange(size, dtype=torch.float64)[None]
    matrix = math.sqrt(2 / size) * torch.cos((j + 0.5) * torch.pi * k / size)
    matrix[0] /= math.sqrt(2)
    return matrix.float()


def band(size: int, start: float, end: float) -> Tensor:
    """Return 1 where the sum of both frequencies is in [start, end], else 0, (size, size)."""
    at = torch.arange(size)
    total = at[:, None] + at[None]
    return ((total >= start) & (total <= end)).float()


def bands(size: int) -> Tensor:
    """Return the masks of low, middle, high and all frequencies, (4, size, size).

    The first covers a sixteenth of the spectrum and the first two an eighth.
    """
    low, middle = size // 2.82, size // 2
    edges = ((0, low), (low, middle), (middle, 2 * size), (0, 2 * size))
    return torch.stack([band(size, *edge) for edge in edges])


def squashed(weights: Tensor) -> Tensor:
    """Return what is learned of a mask, in (-1, 1)."""
    return 2 * torch.sigmoid(weights) - 1


class Decomposition(nn.Module):
    """FAD: the crop through four masks of its spectrum.

    Maps (N, 3, size, size) to (N, 12, size, size): the colours of low, middle, high and all bands.
    y_i = D^T (D x D^T * (base_i + squashed(learned_i))) D
    """

    dct: Tensor
    base: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("dct", dct_matrix(size), persistent=False)
        self.register_buffer("base", bands(size), persistent=False)
        self.learned = nn.ParameterList(
            nn.Parameter(torch.randn(size, size) / 10) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2:] != self.dct.shape:
            raise ConfigError(
                f"f3net: its masks are for {len(self.dct)} x {len(self.dct)} pixels, not "
                f"{x.shape[-2]} x {x.shape[-1]}; set view.size"
            )
        spectrum = self.dct @ x @ self.dct.T
        masks = (base + squashed(m) for base, m in zip(self.base, self.learned, strict=True))
        return torch.cat([self.dct.T @ (spectrum * mask) @ self.dct for mask in masks], 1)


class LocalStatistics(nn.Module):
    """LFS: how much of each frequency band the window around each place holds.

    Maps RGB in [0, 1], (N, 3, H, W), to (N, bands, H / stride, W / stride):
    q_i = log10 |D p D^T * (base_i + squashed(learned_i))|_1 of luma windows p in 0-255.
    """

    kernels: Tensor
    base: Tensor
    luma: Tensor

    def __init__(self, window: int, stride: int, count: int) -> None:
        super().__init__()
        dct = dct_matrix(window)
        kernels = torch.einsum("ai,bj->abij", dct, dct).reshape(-1, 1, window, window)
        width = 2 * window / count
        base = torch.stack([band(window, width * n, width * (n + 1)) for n in range(count)])
        self.register_buffer("kernels", kernels, persistent=False)
        self.register_buffer("base", base, persistent=False)
        self.register_buffer("luma", 255 * torch.tensor(LUMA).view(1, 3, 1, 1), persistent=False)
        self.learned = nn.Parameter(torch.randn(count, window, window) / 10)
        self.stride, self.padding = stride, window // 2 - 1

    def forward(self, x: Tensor) -> Tensor:
        grey = (x * self.luma).sum(1, keepdim=True)
        amounts = conv2d(grey, self.kernels, stride=self.stride, padding=self.padding).abs()
        masks = (self.base + squashed(self.learned)).abs().flatten(1)[..., None, None]
        return (conv2d(amounts, masks) + LEAST).log10()
