"""Normalising pixels: by hand, whatever the rank, and with nothing to store."""

import torch

from verilens.nn.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise


def test_the_mean_becomes_0_and_a_deviation_1():
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    for shape in ((1, 3, 2, 2), (1, 4, 3, 2, 2)):
        frames = (mean + std).view(3, 1, 1).expand(shape)
        assert torch.allclose(Normalise()(frames), torch.ones(shape), atol=1e-6)
    assert not Normalise().state_dict()
