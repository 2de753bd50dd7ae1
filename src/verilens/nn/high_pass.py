"""High-pass kernels of the rich model, which leave of a picture what its content does not explain.

Fridrich & Kodovsky 2012, "Rich Models for Steganalysis of Digital Images".
"""

import torch
from torch import Tensor

SQUARE_3 = ((0,) * 5, (0, -1, 2, -1, 0), (0, 2, -4, 2, 0), (0, -1, 2, -1, 0), (0,) * 5)
SQUARE_5 = (
    (-1, 2, -2, 2, -1),
    (2, -6, 8, -6, 2),
    (-2, 8, -12, 8, -2),
    (2, -6, 8, -6, 2),
    (-1, 2, -2, 2, -1),
)
LINE = ((0,) * 5, (0,) * 5, (0, 1, -2, 1, 0), (0,) * 5, (0,) * 5)


def kernels() -> Tensor:
    """Return the 3 x 3 square, the 5 x 5 one and a second difference along a row, (3, 5, 5).

    Each sums to 0 and has -1 in its centre.
    """
    whole = torch.tensor([SQUARE_3, SQUARE_5, LINE], dtype=torch.float32)
    return whole / -whole[:, 2:3, 2:3]
