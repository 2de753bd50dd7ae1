"""How training movements are varied, on tensors: joints (B, M, T, J, D), confidence (B, M, T, J).

Everything is drawn from torch's global generator, which the training loop seeds for every step.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from verilens.motion.stretch import Change


class Moved(NamedTuple):
    """Joints (B, M, T, J, D) and their confidence (B, M, T, J)."""

    joints: Tensor
    confidence: Tensor


def changed(joints: Tensor, confidence: Tensor, change: Change, mirror: Sequence[int]) -> Moved:
    """Return the movements varied. mirror: which joint is whose mirror image, (J,)."""
    b, d = len(joints), joints.shape[-1]
    if change.shift:
        joints, confidence = _shifted(joints, confidence, change.shift)
    if any(change.turn_rad):
        limits = joints.new_tensor(change.turn_rad)
        angles = (2 * torch.rand(b, 3, device=joints.device) - 1) * limits
        turn = rotation(angles) if d == 3 else rotation(angles)[:, :2, :2]
        joints = torch.einsum("bij,bmtvj->bmtvi", turn, joints)
    if change.stretch:
        factor = 1 + change.stretch * (2 * torch.rand(b, 1, 1, 1, d, device=joints.device) - 1)
        joints = joints * factor
    if change.noise:
        extent = joints.flatten(1).std(1).view(b, 1, 1, 1, 1)
        joints = joints + change.noise * extent * torch.randn_like(joints)
    if change.flip:
        is_flipped = torch.rand(b, device=joints.device) < change.flip
        mirrored = flipped(joints, confidence, mirror)
        joints, confidence = _chosen(is_flipped, mirrored, joints, confidence)
    if change.hide:
        kept = torch.rand(b, 1, 1, joints.shape[3], device=joints.device) >= change.hide
        confidence = confidence * kept
    return Moved(joints * (confidence > 0)[..., None], confidence)


def rotation(angles: Tensor) -> Tensor:
    """Return the turn about x, then y, then z. angles: radians, (B, 3); returns (B, 3, 3)."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    one, zero = torch.ones_like(cx), torch.zeros_like(cx)

    def rows(*entries: Tensor) -> Tensor:
        return torch.stack(entries, 1).view(-1, 3, 3)

    about_x = rows(one, zero, zero, zero, cx, -sx, zero, sx, cx)
    about_y = rows(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_z = rows(cz, -sz, zero, sz, cz, zero, zero, zero, one)
    return about_z @ about_y @ about_x


def flipped(joints: Tensor, confidence: Tensor, mirror: Sequence[int]) -> Moved:
    """Return the mirror image: x turned round, left joints where right ones were."""
    order = torch.tensor(list(mirror), device=joints.device)
    sign = joints.new_ones(joints.shape[-1])
    sign[0] = -1
    return Moved(joints[..., order, :] * sign, confidence[..., order])


def _chosen(picked: Tensor, other: Moved, joints: Tensor, confidence: Tensor) -> Moved:
    at = picked.view(-1, 1, 1, 1)
    return Moved(
        torch.where(at[..., None], other.joints, joints),
        torch.where(at, other.confidence, confidence),
    )


def _shifted(joints: Tensor, confidence: Tensor, share: float) -> Moved:
    """Cut the ends off each movement and draw the rest out to its length, frames repeated."""
    b, _, t = joints.shape[:3]
    cut = share * torch.rand(b, 1, device=joints.device)
    start = cut * torch.rand(b, 1, device=joints.device) * t
    places = start + torch.arange(t, device=joints.device) * (1 - cut)
    index = places.long().clamp(max=t - 1).view(b, 1, t, 1).expand(-1, *_but_time(confidence))
    taken = torch.take_along_dim(joints, index[..., None].expand_as(joints), 2)
    return Moved(taken, torch.take_along_dim(confidence, index, 2))


def _but_time(confidence: Tensor) -> tuple[int, int, int]:
    _, m, t, j = confidence.shape
    return m, t, j
