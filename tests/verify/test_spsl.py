"""SPSL: what the phase keeps, what it loses, and the traces of up-sampling in it."""

import pytest
import torch
from torch.nn.functional import interpolate

from verilens.verify.spsl.config import Config
from verilens.verify.spsl.convert import CONVERTER
from verilens.verify.spsl.model import SPSL, averaged, phase_picture


def test_paper_size_with_a_fourth_channel():
    with torch.device("meta"):
        assert sum(p.numel() for p in SPSL().parameters()) == 20_811_050 + 32 * 9
        shallow = SPSL(Config(middle=0))
        assert sum(p.numel() for p in shallow.parameters()) < 8_000_000
        assert shallow(torch.rand(1, 3, 256, 256)).shape == (1,)


def test_every_frequency_has_magnitude_one():
    spectrum = torch.fft.fft2(phase_picture(torch.rand(2, 3, 16, 16) - 0.5))
    assert torch.allclose(spectrum.abs(), torch.ones_like(spectrum.abs()), atol=1e-4)
    assert phase_picture(torch.rand(1, 3, 16, 16)).square().sum() == pytest.approx(1, abs=1e-4)


def test_contrast_and_brightness_do_not_change_the_phase():
    x = torch.rand(1, 3, 32, 32) - 0.5
    before = phase_picture(x)
    assert torch.allclose(phase_picture(3 * x), before, atol=1e-6)
    # Brightness moves one frequency alone, the mean: at most 2 of 32 x 32.
    moved = phase_picture(0.5 * x + 0.3) - before
    assert moved.max() - moved.min() < 1e-5 and moved.abs().max() <= 2 / 32**2 + 1e-6


def test_a_shift_of_the_picture_shifts_its_phase_picture():
    x = torch.rand(1, 3, 16, 16)
    rolled = phase_picture(x.roll((3, 5), (2, 3)))
    assert torch.allclose(rolled, phase_picture(x).roll((3, 5), (2, 3)), atol=1e-5)


def test_a_single_bright_pixel_is_its_own_phase_picture():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 2, 5] = 7
    assert torch.allclose(phase_picture(x), x / 7, atol=1e-6)


def test_up_sampling_shows_in_the_phase():
    torch.manual_seed(0)
    small = torch.rand(8, 1, 32, 32)
    large = interpolate(small, scale_factor=2, mode="nearest")

    def tied(x: torch.Tensor) -> float:
        """Return how alike the phase picture's pixels in a block are, relative to others."""
        y = phase_picture(x)
        inside = (y[..., ::2] - y[..., 1::2]).square().mean()
        across = (y[..., 1:-1:2] - y[..., 2::2]).square().mean()
        return float(inside / across)

    assert tied(torch.rand(8, 1, 64, 64)) == pytest.approx(1, abs=0.1)
    assert tied(large) < 0.8


def test_a_kernel_for_colours_becomes_one_for_four_channels():
    kernel = torch.rand(2, 3, 3, 3)
    spread = averaged(kernel)
    assert spread.shape == (2, 4, 3, 3)
    assert torch.allclose(spread[:, 3], kernel.mean(1))


def test_published_names_have_a_place():
    with torch.device("meta"):
        own = set(SPSL().state_dict())
    theirs = {name.replace("head.", "backbone.last_linear.") for name in own}
    assert {CONVERTER.place(name) for name in theirs} == own
    assert CONVERTER.reason("backbone.adjust_channel.0.weight")
