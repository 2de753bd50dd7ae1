"""What TDM learns: where joints are, and where bones point."""

from collections.abc import Sequence

import torch
from torch import Tensor

SMALL = 1e-8


def directions(joints: Tensor, bones: Sequence[tuple[int, int]]) -> Tensor:
    """Return the unit vector of every bone, (B, T, bones, 3). joints: (B, T, J, 3)."""
    ends = torch.tensor(bones, device=joints.device)
    along = joints[..., ends[:, 0], :] - joints[..., ends[:, 1], :]
    return along / along.norm(dim=-1, keepdim=True).clamp_min(SMALL)


def joint_loss(found: Tensor, wanted: Tensor, mask: Tensor) -> Tensor:
    """Return the mean absolute error, (B, T, J, 3) each; what the mask leaves out counts as 0."""
    return ((found - wanted).abs() * mask).mean()


def bone_loss(
    found: Tensor, wanted: Tensor, mask: Tensor, bones: Sequence[tuple[int, int]]
) -> Tensor:
    """Return the mean squared difference of the coordinates of bone directions.

    It does not see where a skeleton is or how large.
    """
    gaps = directions(found * mask, bones) - directions(wanted * mask, bones)
    return gaps.square().mean()
