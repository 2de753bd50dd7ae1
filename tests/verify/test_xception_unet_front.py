"""Xception-UNet's front: noise is told from colour, and compared within the crop."""

import dataclasses

import pytest
import torch

from verilens.nn.high_pass import kernels
from verilens.nn.xception import Xception
from verilens.verify.xception_unet.config import Config
from verilens.verify.xception_unet.front import BOUND, REACH, UNIT, Noise
from verilens.verify.xception_unet.model import XceptionUNet


def test_high_pass_filters_leave_nothing_of_a_ramp():
    assert kernels().sum((1, 2)).abs().max() < 1e-6 and (kernels()[:, 2, 2] == -1).all()
    ramp = torch.linspace(0.2, 0.8, 24)[None, None, None].expand(1, 3, 24, 24)
    found = Noise()(ramp)
    assert found.shape == (1, Noise.channels, 24, 24)
    assert found[:, 3:12, 2:-2, 2:-2].abs().max() < 1e-4
    assert torch.allclose(found[:, :3], ramp * 2 - 1)


def test_noise_is_that_of_each_colour_and_bounded():
    frames = torch.full((1, 3, 16, 16), 0.5)
    frames[0, 1, 8, 8] += UNIT
    found = Noise()(frames)[0]
    own = [found[3 + 3 * colour : 6 + 3 * colour, 8, 8] for colour in range(3)]
    assert torch.allclose(own[1], torch.full((3,), -1.0), atol=1e-4)
    assert own[0].abs().max() < 1e-4 > own[2].abs().max()
    frames[0, 1, 8, 8] = 1.0
    assert Noise()(frames)[0, 3:12].abs().max() == BOUND


def test_strength_says_where_the_noise_is_stronger_than_elsewhere_in_the_crop():
    torch.manual_seed(0)
    frames = 0.5 + 0.01 * torch.randn(2, 3, 64, 64)
    frames[0, :, :32] = 0.5 + 0.03 * torch.randn(3, 32, 64)
    strength = Noise()(frames)[:, 12:]
    assert strength.mean((2, 3)).abs().max() < 1e-5  # relative to the crop
    inside = strength[0, :, REACH : 32 - REACH]
    assert (inside.mean((1, 2)) > strength[0, :, 32 + REACH :].mean((1, 2)) + 0.5).all()
    assert strength[1].std() < 0.5 * strength[0].std()


def test_noise_is_reckoned_in_32_bits_whatever_the_caller_does():
    frames = 0.7 + 0.002 * torch.randn(1, 3, 32, 32)
    exact = Noise()(frames)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Noise()(frames), exact)


def test_noise_costs_no_weights_but_those_of_the_first_layer():
    plain = XceptionUNet(dataclasses.replace(Config.tiny(), front="colours"))
    noise = XceptionUNet(dataclasses.replace(Config.tiny(), front="noise"))
    sizes = [sum(p.numel() for p in method.parameters()) for method in (plain, noise)]
    assert sizes[1] - sizes[0] == 8 * 12 * 9
    assert noise.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize("front", ["colours", "noise"])
def test_published_weights_start_with_the_colours_alone(front, tmp_path):
    config = dataclasses.replace(Config.tiny(), front=front)
    file = tmp_path / "imagenet.pth"
    torch.manual_seed(0)
    trunk = Xception(widths=config.widths, middle=config.middle)
    torch.save(trunk.state_dict(), file)
    method = XceptionUNet(dataclasses.replace(config, pretrained=str(file)))
    kernel = method.backbone.conv1.weight
    assert torch.equal(kernel[:, :3], trunk.conv1.weight)
    assert kernel[:, 3:].abs().sum() == 0
