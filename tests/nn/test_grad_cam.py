"""Grad-CAM against its formula by hand, in two and in three dimensions."""

import pytest
import torch
from torch import Tensor, nn

from verilens.nn.grad_cam import grad_cam, stretched


def linear_probe(weights: Tensor):
    """Return y = sum over places of w . A: the slope at every place is w."""
    return lambda maps: torch.einsum("nk...,k->n", maps.flatten(2).sum(2), weights)


@pytest.mark.parametrize("places", [(5, 7), (3, 5, 7)])
def test_linear_probe_equals_the_formula(places):
    torch.manual_seed(0)
    maps, weights = torch.randn(2, 4, *places), torch.randn(4)
    expected = torch.einsum("nk...,k->n...", maps, weights).clamp(min=0)
    assert torch.allclose(grad_cam(maps, linear_probe(weights)), expected, atol=1e-6)
    assert grad_cam(maps, linear_probe(weights)).shape == (2, *places)


def test_a_3d_convolution_read_by_a_linear_layer_equals_the_formula():
    torch.manual_seed(0)
    convolution, head = nn.Conv3d(2, 5, 3, padding=1), nn.Linear(5, 2)
    video = torch.randn(2, 2, 4, 8, 8)
    maps = convolution(video).relu()
    found = grad_cam(maps, lambda m: head(m.mean((2, 3, 4)))[:, 1])
    # y_c = sum_k w_ck mean(A_k), so dy_c / dA_k = w_ck / (T H W) everywhere.
    alpha = head.weight[1] / (4 * 8 * 8)
    expected = (alpha.view(1, -1, 1, 1, 1) * maps).sum(1).clamp(min=0)
    assert torch.allclose(found, expected, atol=1e-7)
    assert convolution.weight.grad is None and head.weight.grad is None


def test_slopes_that_differ_by_place_are_averaged():
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 1.0]]]])  # K = 2, one row, two columns
    slopes = torch.tensor([[[[4.0, 0.0]], [[-1.0, 1.0]]]])
    found = grad_cam(maps, lambda m: (m * slopes).sum((1, 2, 3)))
    assert found.tolist() == [[[2.0, 4.0]]]  # alpha is 2 and 0


def test_what_lowers_the_score_is_not_shown():
    maps = torch.rand(1, 3, 4, 4)
    assert grad_cam(maps, linear_probe(-torch.ones(3))).abs().max() == 0


def test_samples_do_not_read_each_other():
    torch.manual_seed(0)
    maps, head = torch.randn(2, 3, 2, 4, 4), nn.Linear(3, 1)
    score = lambda m: head(m.square().mean((2, 3, 4)))[:, 0]  # noqa: E731
    apart = torch.cat([grad_cam(maps[:1], score), grad_cam(maps[1:], score)])
    assert torch.allclose(grad_cam(maps, score), apart, atol=1e-7)


def test_works_where_gradients_are_off():
    head = nn.Linear(3, 1)
    nn.init.ones_(head.weight)
    for off in (torch.inference_mode, torch.no_grad):
        with off():
            found = grad_cam(torch.rand(1, 3, 4, 4), lambda m: head(m.mean((2, 3)))[:, 0])
        assert found.max() > 0


def test_stretched_keeps_the_place_and_peaks_at_one():
    heat = torch.zeros(2, 2, 4, 4)
    heat[0, 1, 0, 3] = 5.0
    large = stretched(heat, (8, 16, 16))
    assert large.shape == (2, 8, 16, 16)
    assert large[0].max() == 1 and large.min() == 0
    time, row, column = torch.unravel_index(large[0].argmax(), large[0].shape)
    assert time >= 4 and row < 4 and column >= 12
    assert large[1].abs().max() == 0  # no heat, no peak, no division by zero
    assert stretched(torch.rand(1, 4, 4), (9, 5)).shape == (1, 9, 5)
