"""ResNet: torchvision's sizes, names and shapes."""

import pytest
import torch
from torch import nn

from verilens.nn.fold import fold_batch_norms
from verilens.nn.resnet import ResNet, resnet18, resnet50


def tiny(expansion: int) -> ResNet:
    torch.manual_seed(0)
    network = ResNet((1, 2), expansion=expansion, width=8, classes=3)
    for _ in range(3):
        network(torch.rand(4, 3, 32, 32))
    return network.eval()


@pytest.mark.parametrize(("build", "count"), [(resnet18, 11_689_512), (resnet50, 25_557_032)])
def test_published_sizes(build, count):
    with torch.device("meta"):
        assert sum(p.numel() for p in build(classes=1000).parameters()) == count


def test_names_are_torchvisions():
    with torch.device("meta"):
        deep, shallow = set(resnet50(classes=1).state_dict()), set(resnet18().state_dict())
    assert {"layer1.0.downsample.0.weight", "layer4.2.bn3.running_mean", "fc.bias"} <= deep
    assert {"conv1.weight", "layer2.0.downsample.1.bias", "layer4.1.conv2.weight"} <= shallow
    assert "layer1.0.downsample.0.weight" not in shallow and "fc.weight" not in shallow


def test_shapes():
    with torch.device("meta"):
        x = torch.rand(2, 3, 224, 224)
        assert resnet50().features(x).shape == (2, 2048, 7, 7)
        assert resnet50()(x).shape == (2, 2048)
        assert resnet18(classes=5)(x).shape == (2, 5)
        shapes = [tuple(tap.shape[1:3]) for tap in resnet50().taps(x)]
    assert shapes == [(64, 112), (256, 56), (512, 28), (1024, 14), (2048, 7)]


@pytest.mark.parametrize("expansion", [1, 4])
def test_folding_leaves_no_norm_and_the_same_scores(expansion):
    network = tiny(expansion)
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        before = network(x)
        fold_batch_norms(network)
        assert not [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
        assert torch.allclose(network(x), before, atol=1e-5)


@pytest.mark.parametrize("expansion", [1, 4])
def test_a_block_with_a_silent_branch_passes_its_input_on(expansion):
    block = tiny(expansion).layer2[1]
    last = getattr(block, f"bn{block.depth}")
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    x = torch.rand(1, 16 * expansion, 8, 8)
    assert torch.equal(block(x), x)
