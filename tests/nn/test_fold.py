"""Folding batch norms changes no result."""

import pytest
import torch
from torch import nn

from verilens.nn.fold import fold_batch_norms


def network() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(8, 8, 1, groups=2), nn.BatchNorm2d(8))
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), inner)
    for _ in range(3):
        layers(2 + 3 * torch.randn(8, 3, 9, 9))
    return layers.eval()


def test_folded_networks_give_the_same_numbers():
    layers, x = network(), torch.randn(2, 3, 9, 9)
    before = layers(x)
    fold_batch_norms(layers)
    assert not [m for m in layers.modules() if isinstance(m, nn.BatchNorm2d)]
    assert torch.allclose(layers(x), before, atol=1e-5)


def test_a_convolution_that_ends_a_sequential_is_folded_into():
    torch.manual_seed(0)
    separable = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 1, bias=False))
    layers = nn.Sequential(separable, nn.BatchNorm2d(6))
    layers(1 + torch.randn(8, 4, 9, 9))
    x = torch.randn(2, 4, 9, 9)
    before = layers.eval()(x)
    fold_batch_norms(layers)
    assert isinstance(layers[1], nn.Identity)
    assert torch.allclose(layers(x), before, atol=1e-5)


def test_a_sequential_with_a_forward_of_its_own_is_left_alone():
    class Shortcut(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    layers = nn.Sequential(Shortcut(nn.Conv2d(3, 3, 1)), nn.BatchNorm2d(3)).eval()
    fold_batch_norms(layers)
    assert isinstance(layers[1], nn.BatchNorm2d)


def test_a_norm_that_follows_no_convolution_stays():
    layers = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)).eval()
    fold_batch_norms(layers)
    assert isinstance(layers[1], nn.BatchNorm2d)


def test_training_networks_are_refused():
    with pytest.raises(ValueError, match="evaluation"):
        fold_batch_norms(network().train())
