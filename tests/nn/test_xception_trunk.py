"""Xception: published sizes, shapes, names and taps."""

import torch
from torch import nn

from verilens.nn.fold import fold_batch_norms
from verilens.nn.xception import TINY, WIDTHS, Xception


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def settled(**settings) -> Xception:
    """Return a tiny trunk whose batch norms have seen noise."""
    torch.manual_seed(0)
    trunk = Xception(widths=TINY, middle=2, **settings)
    for _ in range(3):
        trunk(torch.rand(4, settings.get("channels", 3), 64, 64))
    return trunk.eval()


def test_published_sizes_with_a_two_way_head():
    with torch.device("meta"):
        head = size(nn.Linear(WIDTHS[-1], 2))
        assert size(Xception()) + head == 20_811_050
        assert size(Xception(reduced=512)) + head == 21_861_162


def test_published_shapes():
    with torch.device("meta"):
        x = torch.rand(2, 3, 256, 256)
        assert Xception().features(x).shape == (2, 2048, 8, 8)
        assert Xception(reduced=512).features(x).shape == (2, 512, 8, 8)
        assert Xception(channels=12).features(torch.rand(1, 12, 299, 299)).shape[2:] == (10, 10)


def test_names_are_those_of_published_weights():
    with torch.device("meta"):
        names = set(Xception(reduced=512).state_dict())
    for name in (
        "conv1.weight",
        "bn2.running_var",
        "block1.rep.0.conv1.weight",
        "block2.rep.1.pointwise.weight",
        "block3.skipbn.bias",
        "block11.rep.7.pointwise.weight",
        "block12.skip.weight",
        "conv4.pointwise.weight",
        "adjust_channel.0.bias",
    ):
        assert name in names
    assert "block4.skip.weight" not in names


def test_taps_end_in_the_features():
    trunk = settled(reduced=24)
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        taps = trunk.taps(x)
        assert torch.equal(taps[-1], trunk.features(x))
    assert [tap.shape[1] for tap in taps] == [8, 16, 16, 32, 24]
    with torch.device("meta"):
        full = Xception().taps(torch.rand(1, 3, 256, 256))
    shapes = [tuple(tap.shape[1:3]) for tap in full]
    assert shapes == [(64, 125), (128, 63), (256, 32), (728, 16), (2048, 8)]


def test_parts_make_the_whole():
    trunk = settled(channels=4)
    x = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        part = trunk.between(x, "conv1", "block4")
        assert torch.equal(trunk.between(part, "block5", "bn4"), trunk(x))


def test_folding_leaves_no_norm_and_the_same_features():
    trunk = settled(reduced=24)
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        before = trunk(x)
        fold_batch_norms(trunk)
        assert not [m for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)]
        assert torch.allclose(trunk(x), before, atol=1e-5)
