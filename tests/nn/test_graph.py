"""Graph layers: neighbours as parted by ST-GCN, and layers against sums by hand."""

import torch

from verilens.nn.graph import (
    GraphConvolution,
    GraphTrunk,
    JointNorm,
    MultiScaleTime,
    Width,
    partition,
    widths,
)

STAR = (0, 0, 0, 1)  # joint 0 is the root, 1 and 2 hang on it, 3 hangs on 1


def test_partition_by_hand():
    same, inward, outward = partition(STAR)
    assert torch.equal(same, torch.eye(4))
    assert inward[:, 3].tolist() == [0, 1, 0, 0]  # from its parent
    assert inward[:, 0].sum() == 0
    assert outward[:, 0].tolist() == [0, 0.5, 0.5, 0]  # the mean of its children
    assert outward[:, 1].tolist() == [0, 0, 0, 1]


def test_ten_blocks_widen_and_shorten_as_published():
    sizes = widths(3, 64, 10, (5, 8))
    assert [size.out for size in sizes] == [64] * 4 + [128] * 3 + [256] * 3
    assert [n for n, size in enumerate(sizes, 1) if size.stride == 2] == [5, 8]
    assert sizes[4] == Width(64, 128, 2)


def test_graph_convolution_is_a_sum_over_neighbours():
    layer = GraphConvolution(1, 1, partition(STAR)).eval()
    with torch.no_grad():
        layer.mix.weight.fill_(1.0)
        layer.mix.bias.zero_()
    x = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4)
    summed = x + (layer.adjacency[1:] * x.view(4, 1)).sum((0, 1)) / (1 + 1e-5) ** 0.5
    expected = x + (layer.adjacency * x.view(4, 1)).sum((0, 1)) / (1 + 1e-5) ** 0.5
    assert torch.allclose(layer(x), expected, atol=1e-6) and not torch.allclose(layer(x), summed)


def test_joint_norm_treats_each_coordinate_on_its_own():
    x = torch.randn(6, 2, 5, 4, 3) * torch.tensor([1.0, 10.0, 100.0]) + 7
    y = JointNorm(4, 3).train()(x)
    assert y.shape == (12, 3, 5, 4)
    assert y.mean((0, 2)).abs().max() < 1e-4 and (y.std((0, 2)) - 1).abs().max() < 0.05


def test_time_branches_keep_joints_apart_unless_they_share():
    torch.manual_seed(0)
    x = torch.randn(2, 12, 9, 4)
    other = x.clone()
    other[..., 3] += 1
    apart = MultiScaleTime(12, 2).eval()
    assert apart(x).shape == (2, 12, 5, 4)
    assert torch.equal(apart(x)[..., :3], apart(other)[..., :3])
    sharing = MultiScaleTime(12, 2, shared=25).eval()
    assert torch.equal(sharing(x)[..., :3], sharing(other)[..., :3])  # shares start at 0
    with torch.no_grad():
        sharing.share.fill_(0.5)
    assert not torch.equal(sharing(x)[..., :3], sharing(other)[..., :3])


def test_trunk_gives_features_of_every_person():
    trunk = GraphTrunk(STAR, into=3, width=6, blocks=3, grown=(2,)).eval()
    x = torch.randn(2, 2, 12, 4, 3)
    y = trunk(x)
    assert y.shape == (2, 2, trunk.channels, 6, 4) and trunk.channels == 12
    swapped = trunk(x.flip(1))
    assert torch.allclose(swapped, y.flip(1), atol=1e-6)
