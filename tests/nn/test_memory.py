"""Laying weights out: pictures' channels last, everything else as it was."""

import torch
from torch import nn

from verilens.nn.memory import channels_last


def test_only_weights_of_pictures_move():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv3d(3, 4, 3), nn.Linear(3, 4))
    before = [p.clone() for p in network.parameters()]
    channels_last(network)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[1].weight.is_contiguous() and network[2].weight.is_contiguous()
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(old, new)
