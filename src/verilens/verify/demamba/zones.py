"""Where the tokens of a zone stand in the sequence of all tokens.

A clip of T frames of h x w tokens is numbered frame after frame, row after row. Every layout is a
table of these numbers, (zones, tokens of a zone), so cutting is one look-up and putting back its
inverse.
"""

import torch
from torch import Tensor

from verilens.verify.demamba.config import Layout, Order


def snake(side: int) -> list[int]:
    """Return the cells of a side x side square, numbered by rows: down a column, up the next."""
    columns = [list(range(column, side * side, side)) for column in range(side)]
    return [cell for n, column in enumerate(columns) for cell in column[:: -1 if n % 2 else 1]]


def places(
    frames: int, grid: tuple[int, int], side: int, layout: Layout = "paper", order: Order = "cell"
) -> Tensor:
    """Return which token each step of each zone's sequence reads, (zones, frames side^2) int64.

    grid: tokens of a frame (rows, columns), multiples of `side`. layout, order: see `Scan`.
    """
    rows, columns = grid[0] // side, grid[1] // side
    tokens = torch.arange(frames * grid[0] * grid[1])
    if layout == "release":
        # The published code: blocks and cells change roles, then the axes are read as if time came
        # before the cells of a zone.
        mixed = tokens.view(frames, side, rows, side, columns).permute(1, 3, 0, 2, 4)
        zoned = mixed.reshape(rows * columns, frames, side * side)
    else:
        cut = tokens.view(frames, rows, side, columns, side).permute(1, 3, 0, 2, 4)
        zoned = cut.reshape(rows * columns, frames, side * side)
    zoned = zoned[:, :, snake(side)]
    if layout == "release" or order == "cell":
        zoned = zoned.transpose(1, 2)
    return zoned.reshape(rows * columns, -1)


def cut(tokens: Tensor, table: Tensor) -> Tensor:
    """Return the sequences of the zones, (N, Z, L, C). tokens: (N, T, P, C); table: `places`."""
    return tokens.flatten(1, 2)[:, table]


def joined(zones: Tensor, table: Tensor, frames: int) -> Tensor:
    """Return the tokens that `cut` took apart, (N, frames, P, C). zones: (N, Z, L, C)."""
    flat = zones.flatten(1, 2)[:, table.flatten().argsort()]
    return flat.view(len(zones), frames, -1, zones.shape[-1])
