"""Streams are the published differences of joints; changes of movements do what they say."""

import math

import numpy as np
import pytest
import torch

from verilens.errors import ConfigError
from verilens.motion.augment import changed, flipped, rotation
from verilens.motion.recognizer import parents
from verilens.motion.streams import fuse, grandparents, shown
from verilens.motion.stretch import Change
from verilens.poses import skeletons

# Pairs of joints in the official code, for bones and for those that skip one.
NTU_BONES = (
    1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 20, 22, 7, 24, 11
)  # fmt: skip
NTU_LONG = (
    20, 1, 2, 20, 4, 20, 4, 5, 8, 20, 8, 9, 1, 0, 12, 13, 1, 0, 16, 17, 20, 7, 6, 11, 10
)  # fmt: skip
COCO_BONES = (19, 0, 0, 1, 2, 19, 19, 5, 6, 7, 8, 17, 17, 11, 12, 13, 14, 18, 19, 19)
COCO_LONG = (0, 19, 19, 0, 0, 5, 6, 19, 19, 5, 6, 18, 18, 17, 17, 11, 12, 19, 18, 19)


@pytest.mark.parametrize(
    ("name", "bones", "long"),
    [("ntu25", NTU_BONES, NTU_LONG), ("coco_new20", COCO_BONES, COCO_LONG)],
)
def test_bones_are_the_published_pairs(name, bones, long):
    assert parents(name) == bones
    assert tuple(grandparents(parents(name))) == long


def movement(d: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    joints = torch.randn(2, 1, 4, 3, d, generator=torch.Generator().manual_seed(0))
    return joints, torch.ones(2, 1, 4, 3)


CHAIN = (0, 0, 1)


def test_streams_by_hand():
    joints, sure = movement()
    assert torch.equal(shown(joints, sure, "j", CHAIN), joints)
    bones = shown(joints, sure, "b", CHAIN)
    assert not bones[..., 0, :].any()
    assert torch.equal(bones[..., 2, :], joints[..., 2, :] - joints[..., 1, :])
    long = shown(joints, sure, "k", CHAIN)
    assert not long[..., 1, :].any()  # its parent is the root: nothing to skip
    assert torch.equal(long[..., 2, :], joints[..., 2, :] - joints[..., 0, :])
    motion = shown(joints, sure, "bm", CHAIN)
    assert torch.equal(motion[:, :, :-1], bones[:, :, 1:] - bones[:, :, :-1])
    assert not motion[:, :, -1].any()


def test_flat_poses_show_confidence_and_missing_joints_no_difference():
    joints, sure = movement(2)
    sure[..., 1] = 0.5
    assert torch.equal(shown(joints, sure, "j", CHAIN)[..., 2], sure)
    assert torch.allclose(shown(joints, sure, "b", CHAIN)[..., 2, 2], torch.tensor(0.75))
    sure[:, :, 2, 1] = 0
    assert not shown(joints, sure, "b", CHAIN)[:, :, 2, 2, :2].any()
    assert not shown(joints, sure, "jm", CHAIN)[:, :, 1:3, 1, :2].any()


def test_fusion_weighs_streams_as_published():
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert fuse({"j": a, "b": b}).tolist() == [[0.5, 0.5]]
    assert np.allclose(fuse({"j": a, "b": a, "jm": b, "bm": b}), [[2 / 3, 1 / 3]])
    with pytest.raises(ConfigError, match="no stream"):
        fuse({"x": a})


def test_turns_keep_lengths_and_go_the_right_way():
    turn = rotation(torch.tensor([[0.0, 0.0, math.pi / 2]]))
    assert torch.allclose(turn[0] @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]), atol=1e-6)
    joints, sure = movement()
    torch.manual_seed(0)
    moved = changed(joints, sure, Change(turn_rad=(0.5, 0.5, 0.5)), (0, 1, 2))
    assert torch.allclose(moved.joints.norm(dim=-1), joints.norm(dim=-1), atol=1e-5)
    assert (moved.joints - joints).abs().max() > 0.05


@pytest.mark.parametrize("d", [2, 3])
def test_mirrors_swap_left_and_right(d):
    order = skeletons.skeleton("kinect20").flip
    joints = torch.randn(1, 1, 2, 20, d)
    once = flipped(joints, torch.ones(1, 1, 2, 20), order)
    assert torch.equal(once.joints[..., 4, 0], -joints[..., 8, 0])  # the shoulders
    assert torch.equal(flipped(*once, order).joints, joints)


def test_changes_are_drawn_anew_and_leave_missing_joints_missing():
    change = Change(turn_rad=(0.3,) * 3, stretch=0.2, noise=0.1, hide=0.3, flip=0.5, shift=0.4)
    joints, sure = movement()
    sure[..., 1] = 0
    joints = joints * (sure > 0)[..., None]
    torch.manual_seed(0)
    first, second = (changed(joints, sure, change, (0, 1, 2)) for _ in range(2))
    assert not torch.equal(first.joints, second.joints)
    assert not first.joints[..., 1, :].any() and first.joints.shape == joints.shape
    still = changed(joints, sure, Change(), (0, 1, 2))
    assert torch.equal(still.joints, joints) and torch.equal(still.confidence, sure)


def test_shifted_movements_are_a_stretch_of_the_same_frames():
    joints = torch.arange(50.0).view(1, 1, 50, 1, 1).repeat(8, 1, 1, 1, 3)
    torch.manual_seed(0)
    found = changed(joints, torch.ones(8, 1, 50, 1), Change(shift=0.5), (0,)).joints[:, 0, :, 0, 0]
    steps = found.diff(dim=1)
    assert ((steps == 0) | (steps == 1)).all() and (found[:, -1] - found[:, 0]).min() < 45
