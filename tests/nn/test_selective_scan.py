"""The scan equals its definition, by hand and step by step, and so do its gradients."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from verilens.nn import selective_scan as scans
from verilens.nn.selective_scan import by_kernel, selective_scan, stepwise


def inputs(batch: int, length: int, width: int, size: int, kind=torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(length)
    x, delta = torch.randn(2, batch, length, width, generator=generator, dtype=kind)
    a = -16 * torch.rand(width, size, generator=generator, dtype=kind)
    b, c = torch.randn(2, batch, length, size, generator=generator, dtype=kind)
    d = torch.randn(width, generator=generator, dtype=kind)
    return [t.requires_grad_() for t in (x, softplus(delta - 2), a, b, c, d)]


def gap(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max())


@pytest.fixture
def small_tiles(monkeypatch):
    """Make few elements fill a step and a chunk, so that small inputs have many tiles."""
    monkeypatch.setattr(scans, "STEP", 64)
    monkeypatch.setattr(scans, "CHUNK", 128)
    monkeypatch.setattr(scans, "FEWEST_STEPS", 3)


@pytest.mark.parametrize("scan", [selective_scan, stepwise])
def test_three_steps_by_hand(scan):
    x = torch.tensor([[[1.0], [2.0], [-1.0]]])
    delta = torch.tensor([[[1.0], [0.5], [2.0]]])
    a, d = torch.tensor([[-math.log(2)]]), torch.tensor([0.25])
    b, c = torch.tensor([[[1.0], [3.0], [1.0]]]), torch.tensor([[[2.0], [1.0], [-1.0]]])
    # exp(delta a) is 1/2, 1/sqrt 2, 1/4; delta b x is 1, 3, -2
    states = [1.0, 1 / math.sqrt(2) + 3, (1 / math.sqrt(2) + 3) / 4 - 2]
    expected = [2 * states[0] + 0.25, states[1] + 0.5, -states[2] - 0.25]
    assert scan(x, delta, a, b, c, d).flatten().tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "shape", [(2, 300, 96, 16), (3, 1, 5, 2), (70, 32, 64, 16), (2, 40, 4096, 16)]
)
def test_equals_the_recurrence_step_by_step(shape):
    with torch.no_grad():
        given = inputs(*shape)
        assert gap(selective_scan(*given), stepwise(*given)) < 1e-4


@pytest.mark.parametrize("shape", [(2, 300, 96, 16), (3, 1, 5, 2), (20, 32, 64, 16)])
def test_gradients_equal_those_of_the_recurrence(shape):
    given = inputs(*shape)
    y, reference = selective_scan(*given), stepwise(*given)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    both = (torch.autograd.grad(form, given, weights) for form in (y, reference))
    for ours, theirs in zip(*both, strict=True):
        assert gap(ours, theirs) <= 1e-4 * max(1.0, float(theirs.abs().max()))


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("shape", [(3, 7, 4, 2), (20, 4, 2, 1), (2, 4, 40, 2), (4, 1, 2, 1)])
def test_gradients_are_those_of_the_outputs_across_tiles(shape):
    given = inputs(*shape, kind=torch.float64)
    assert len(list(scans.tiles(given[0], shape[2] * shape[3]))) > 1 or shape[1] == 1
    assert gap(selective_scan(*given), stepwise(*given)) < 1e-12
    assert torch.autograd.gradcheck(selective_scan, given, fast_mode=True)


@pytest.mark.usefixtures("small_tiles")
def test_tiles_cover_every_step_of_every_sequence_once():
    seen = torch.zeros(7, 23, 4)
    for tile in scans.tiles(seen, 8):
        seen[tile.rows, tile.steps] += 1
    assert (seen == 1).all()


def test_gradients_reach_only_what_asks_for_them():
    given = [tensor.detach() for tensor in inputs(2, 9, 6, 4)]
    given[2].requires_grad_()
    selective_scan(*given).sum().backward()
    assert given[2].grad is not None and given[0].grad is None


def test_gradients_need_no_stored_states():
    given = inputs(1, 512, 64, 16)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        selective_scan(*given)
    states = 512 * 64 * 16
    assert sum({t.data_ptr(): t.numel() for t in kept}.values()) < states / 2


def test_strong_decay_neither_overflows_nor_loses_the_input():
    x, delta, a, b, c, d = inputs(1, 64, 8, 4)
    y = selective_scan(x, delta + 100, a * 50, b, c, d)
    last = ((delta + 100) * x)[..., None] * b[:, :, None]
    assert gap(y, (last @ c[..., None]).squeeze(-1) + d * x) < 1e-3


def test_half_precision_is_computed_in_single():
    given = [tensor.detach().bfloat16() for tensor in inputs(2, 30, 8, 4)]
    y = selective_scan(*given)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, selective_scan(*(t.float() for t in given)).bfloat16())


def test_autocast_changes_neither_outputs_nor_gradients():
    given = inputs(2, 30, 8, 4)
    plain = torch.autograd.grad(selective_scan(*given).sum(), given)
    with torch.autocast("cpu", torch.bfloat16):
        cast = torch.autograd.grad(selective_scan(*given).sum(), given)
    assert all(torch.equal(one, other) for one, other in zip(plain, cast, strict=True))


def test_exported_scans_equal_the_others():
    class Scan(torch.nn.Module):
        def forward(self, *given):
            return selective_scan(*given)

    given = tuple(tensor.detach() for tensor in inputs(2, 3, 8, 4))
    exported = torch.export.export(Scan(), given).module()
    assert gap(exported(*given), selective_scan(*given)) < 1e-6


def test_the_kernel_gets_time_last():
    """Stands in for mamba_ssm, which needs a GPU: its documented shapes and argument order."""

    def kernel(u, delta, A, B, C, D):
        assert all(t.is_contiguous() for t in (u, delta, B, C))
        state, read = torch.zeros(*u.shape[:2], A.shape[1]), []
        for t in range(u.shape[2]):
            decay = torch.einsum("bd,dn->bdn", delta[..., t], A).exp()
            driven = torch.einsum("bd,bn,bd->bdn", delta[..., t], B[..., t], u[..., t])
            state = decay * state + driven
            read.append(torch.einsum("bdn,bn->bd", state, C[..., t]))
        return torch.stack(read, 2) + D[:, None] * u

    with torch.no_grad():
        given = inputs(2, 20, 6, 4)
        assert gap(by_kernel(kernel, tuple(given)), selective_scan(*given)) < 1e-5
