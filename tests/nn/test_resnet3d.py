"""The 3-D ResNet: published sizes, the shapes of its stages, and its two halves."""

import pytest
import torch

from verilens.nn.resnet3d import Layout, ResNet3d

TINY = Layout(width=4, depths=(1, 1), time_strides=(1, 2))


@pytest.mark.parametrize(
    ("depths", "bottleneck", "expected"),
    # The published networks for 400 classes, counted in the authors' release.
    [
        ((1, 1, 1, 1), False, 14_604_624),
        ((2, 2, 2, 2), False, 33_409_104),
        ((3, 4, 6, 3), False, 63_718_736),
        ((3, 4, 6, 3), True, 47_018_576),
    ],
)
def test_published_sizes(depths, bottleneck, expected):
    with torch.device("meta"):
        network = ResNet3d(3, 400, Layout(depths=depths, bottleneck=bottleneck))
    assert sum(p.numel() for p in network.parameters()) == expected


def test_shapes_of_the_stages():
    with torch.device("meta"):
        network = ResNet3d(3, 2)
        video = torch.empty(1, 3, 16, 112, 112)
        shapes = [tuple(network.maps(video, stage).shape[1:]) for stage in range(4)]
    assert shapes == [(64, 8, 28, 28), (128, 4, 14, 14), (256, 2, 7, 7), (512, 1, 4, 4)]


@pytest.mark.parametrize("bottleneck", [False, True])
def test_the_halves_make_the_whole(bottleneck):
    torch.manual_seed(0)
    layout = Layout(width=4, depths=(1, 2), time_strides=(1, 2), bottleneck=bottleneck)
    network = ResNet3d(2, 3, layout).eval()
    video = torch.rand(2, 2, 4, 32, 32)
    whole = network(video)
    assert whole.shape == (2, 3)
    for stage in (0, 1, -1):
        assert torch.equal(network.after(network.maps(video, stage), stage), whole)


def test_a_stem_without_strides_and_pooling_keeps_small_maps():
    layout = Layout(
        width=4,
        depths=(1, 1),
        stem=(3, 3, 3),
        stem_strides=(1, 1, 1),
        pool_strides=None,
        time_strides=(1, 1),
    )
    maps = ResNet3d(5, 2, layout).maps(torch.rand(1, 5, 3, 8, 8), 0)
    assert maps.shape == (1, 4, 3, 8, 8)


def test_an_odd_number_of_moments_and_pixels_fits():
    assert ResNet3d(2, 2, TINY)(torch.rand(2, 2, 15, 33, 41)).shape == (2, 2)


def test_stages_must_agree():
    with pytest.raises(ValueError, match="time_strides"):
        Layout(depths=(1, 1))
