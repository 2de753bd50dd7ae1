"""What is done to a training cube: a random crop, a black half, black squares, a mix."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from verilens.verify.hyspefas.config import Augment

FULL = 256  # side that the squares' size is given for


def augmented(cubes: Tensor, settings: Augment) -> Tensor:
    """Return the cubes cut, scaled back and partly blackened. cubes: in [0, 1], (N, C, H, W)."""
    found = torch.stack([cropped(cube, settings) for cube in cubes])
    for cube in found:
        if settings.half:
            blacken_half(cube)
        for _ in range(settings.holes):
            blacken_square(cube, max(1, settings.hole_px * cube.shape[2] // FULL))
    return found


def cropped(cube: Tensor, settings: Augment) -> Tensor:
    """Return a random part of the cube at its full size, (C, H, W)."""
    height, width = cube.shape[1:]
    area = uniform(settings.area) * height * width
    # Log-uniform, so that wide and tall crops are equally likely.
    low, high = (torch.tensor(edge).log().item() for edge in settings.aspect)
    aspect = float(torch.tensor(uniform((low, high))).exp())
    rows = min(height, max(1, round((area / aspect) ** 0.5)))
    columns = min(width, max(1, round((area * aspect) ** 0.5)))
    top, left = below(height - rows + 1), below(width - columns + 1)
    part = cube[None, :, top : top + rows, left : left + columns]
    return interpolate(part, (height, width), mode="bilinear", align_corners=False)[0]


def blacken_half(cube: Tensor) -> None:
    """Blacken the lower half, or the left or the right one, or none, a third of the time each."""
    height, width = cube.shape[1:]
    kind = below(3)
    if kind == 1:
        cube[:, height // 2 :] = 0
    elif kind == 2:
        side = slice(width // 2) if below(2) else slice(width // 2, None)
        cube[:, :, side] = 0


def blacken_square(cube: Tensor, side: int) -> None:
    """Blacken a square around a random pixel, cut off at the edges."""
    top, left = (below(length) - side // 2 for length in cube.shape[1:])
    cube[:, max(0, top) : top + side, max(0, left) : left + side] = 0


def mixed(cubes: Tensor, labels: Tensor, alpha: float) -> Tensor:
    """Return every cube mixed with one of its own class, all with one share of Beta(a, a)."""
    if alpha == 0:
        return cubes
    share = torch.distributions.Beta(alpha, alpha).sample().to(cubes)
    partners = torch.arange(len(labels), device=labels.device)
    for label in (0, 1):
        places = (labels == label).nonzero().squeeze(1)
        partners[places] = places[torch.randperm(len(places), device=places.device)]
    return share * cubes + (1 - share) * cubes[partners]


def uniform(edges: tuple[float, float]) -> float:
    return edges[0] + (edges[1] - edges[0]) * float(torch.rand(()))


def below(count: int) -> int:
    return int(torch.randint(count, ()))
