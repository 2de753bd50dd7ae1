"""Faces that are noise: a foreign patch blended in, with the mark of the method that made it.

A source is one genuine picture; each forgery of it shows another patch behind the same kind of
seam, and inside the patch a faint pattern of its method. The seam is what all methods share.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from toy_pictures import pink

from verilens.batch import ClipBatch
from verilens.method import Method
from verilens.verify.detector import Detector


def ellipses(count: int, rng: np.random.Generator, side: int) -> Tensor:
    """Return soft-edged ellipses near the middle, 1 inside, (count, 1, side, side)."""
    rows, columns = np.mgrid[:side, :side]
    middle = rng.uniform(0.4, 0.6, (2, count, 1, 1)) * side
    radius = rng.uniform(0.22, 0.34, (2, count, 1, 1)) * side
    inside = ((rows - middle[0]) / radius[0]) ** 2 + ((columns - middle[1]) / radius[1]) ** 2 < 1
    masks = torch.from_numpy(inside[:, None].astype(np.float32))
    return avg_pool2d(masks, 3, 1, 1)


def mark(kind: int, count: int, rng: np.random.Generator, side: int) -> Tensor:
    """Return what method `kind` leaves inside its patches, -1 to 1, (count, 3, side, side).

    1 vertical stripes, 2 a red tint, 3 a checkerboard of four pixels, 4 coarse coloured noise.
    """
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    if kind == 1:
        return torch.cos(2 * torch.pi * columns / 3).expand(count, 3, side, side)
    if kind == 2:
        return torch.tensor([1.0, -0.5, -0.5]).view(1, 3, 1, 1).expand(count, 3, side, side)
    if kind == 3:
        return (((rows // 4 + columns // 4) % 2) * 2.0 - 1).expand(count, 3, side, side)
    coarse = torch.from_numpy(rng.normal(size=(count, 3, side // 4, side // 4)).astype(np.float32))
    return coarse.repeat_interleave(4, 2).repeat_interleave(4, 3).clamp(-1, 1)


def groups(
    sources: int,
    kinds: Sequence[int],
    seed: int,
    strength: float = 0.1,
    seam: float = 0.06,
    side: int = 64,
) -> Tensor:
    """Return genuine pictures and a forgery of each by every kind, (sources, 1 + kinds, 3, ...).

    Pictures are RGB in [0, 1]. strength: of the marks. seam: how much darker the seams are.
    """
    rng = np.random.default_rng(seed)
    genuine = 0.5 + 0.12 * pink(sources, side, rng)
    found = [genuine]
    for kind in kinds:
        other = 0.5 + 0.12 * pink(sources, side, rng) + strength * mark(kind, sources, rng, side)
        mask = ellipses(sources, rng, side)
        found.append(mask * other + (1 - mask) * genuine - seam * 4 * mask * (1 - mask))
    pictures = torch.stack(found, 1)
    grain = torch.from_numpy(rng.normal(0, 0.02, tuple(pictures.shape)).astype(np.float32))
    return (pictures + grain).clamp(0, 1)


def train_groups(
    method: Method[ClipBatch], pictures: Tensor, epochs: int, batch: int = 8, lr: float = 1e-3
) -> None:
    """Train on shuffled groups (see `groups`) with Adam; leaves `method` in evaluation mode."""
    kinds = torch.arange(pictures.shape[1])
    optimiser = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=lr)
    method.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures)).split(batch):
            numbers = kinds.repeat(len(chosen))
            given = ClipBatch(
                frames=pictures[chosen].flatten(0, 1)[:, None],
                labels=(numbers > 0).float(),
                kinds=numbers,
            )
            loss = method.training_step(given)
            optimiser.zero_grad()
            loss.total.backward()
            optimiser.step()
    method.eval()


@torch.inference_mode()
def scores(method: Detector, pictures: Tensor) -> Tensor:
    """Return one logit a picture, (N,)."""
    return torch.cat([method(part) for part in pictures.split(64)])
