"""The 30 high-pass kernels of the spatial rich model, as PatchCraft groups them.

a  8 directions  first order    [-1, 1]
b  8 directions  third order    [1, -3, 3, -1]
c  4 axes        second order   [1, -2, 1]
d  4 rotations   3 x 3 edge     the half of f
e  4 rotations   5 x 5 edge     the half of g
f  1             3 x 3 square   centre -4
g  1             5 x 5 square   centre -12
"""

from itertools import starmap

import torch
from torch import Tensor

from verilens.nn.high_pass import SQUARE_3, SQUARE_5

DIRECTIONS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def srm_kernels() -> Tensor:
    """Return the kernels with whole-number coefficients in the order a to g, (30, 5, 5) float32.

    Each sums to 0; the coefficient at the centre is the one of largest magnitude.
    """
    small, large = torch.tensor([SQUARE_3, SQUARE_5], dtype=torch.float32)
    return torch.stack(
        [
            *(_line(d, {0: -1, 1: 1}) for d in DIRECTIONS),
            *(_line(d, {-1: 1, 0: -3, 1: 3, 2: -1}) for d in DIRECTIONS),
            *(_line(d, {-1: 1, 0: -2, 1: 1}) for d in DIRECTIONS[:4]),
            *starmap(torch.rot90, ((_upper_half(small), k) for k in range(4))),
            *starmap(torch.rot90, ((_upper_half(large), k) for k in range(4))),
            small,
            large,
        ]
    )


def _line(direction: tuple[int, int], coefficients: dict[int, float]) -> Tensor:
    kernel = torch.zeros(5, 5)
    for step, value in coefficients.items():
        kernel[2 + step * direction[0], 2 + step * direction[1]] = value
    return kernel


def _upper_half(square: Tensor) -> Tensor:
    half = square.clone()
    half[3:] = 0
    return half
