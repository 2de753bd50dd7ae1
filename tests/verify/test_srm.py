"""SRM: filters that take content away, the margin of the loss, the exchange, the converter."""

import dataclasses
import math

import pytest
import torch

from verilens import published
from verilens.batch import ClipBatch
from verilens.errors import ConfigError, MissingWeights
from verilens.nn.high_pass import kernels
from verilens.verify.srm.config import Config
from verilens.verify.srm.convert import CONVERTER
from verilens.verify.srm.loss import margin_loss
from verilens.verify.srm.model import SRM, entry_side
from verilens.verify.srm.noise import Exchange, NoiseOfFeatures, NoisePicture


def test_released_size():
    with torch.device("meta"):
        assert sum(p.numel() for p in SRM().parameters()) == 53_238_380


def test_kernels_sum_to_zero_and_ignore_slopes():
    found = kernels()
    assert found.shape == (3, 5, 5)
    assert found.sum((1, 2)).abs().max() < 1e-6
    slope = torch.arange(5.0)
    for plane in (slope[:, None].expand(5, 5), slope[None].expand(5, 5)):
        assert (found * plane).sum((1, 2)).abs().max() < 1e-5
    assert found[:, 2, 2].tolist() == [-1, -1, -1]


def test_flat_and_evenly_shaded_pictures_have_no_noise():
    shade = torch.linspace(-1, 1, 16).expand(1, 3, 16, 16)
    assert NoisePicture()(shade)[..., 2:-2, 2:-2].abs().max() < 1e-5
    assert NoisePicture()(torch.full((1, 3, 16, 16), 0.7))[..., 2:-2, 2:-2].abs().max() < 1e-5


def test_noise_is_truncated_and_summed_over_colours():
    x = torch.zeros(1, 3, 9, 9)
    x[0, :, 4, 4] = 0.1
    assert NoisePicture()(x)[0, :, 4, 4].tolist() == pytest.approx([-0.3] * 3)
    x[0, :, 4, 4] = 9
    assert NoisePicture()(x)[0, :, 4, 4].tolist() == [-3] * 3


def test_filters_of_features_stand_in_the_released_order():
    layer = NoiseOfFeatures(6)
    assert layer.kernels.shape == (18, 1, 5, 5)
    for n in range(18):
        assert torch.equal(layer.kernels[n, 0], kernels()[n // 6])


def test_margin_loss_by_hand():
    scores = torch.tensor([[0.2, 0.7]])
    expected = math.log(1 + math.exp(2 * (0.2 - (0.7 - 0.5))))
    found = margin_loss(scores, torch.tensor([1]), margin=0.5, scale=2.0)
    assert found.tolist() == pytest.approx([expected], abs=1e-6)
    plain = torch.nn.functional.cross_entropy(scores, torch.tensor([1]))
    assert margin_loss(scores, torch.tensor([1]), 0.0, 1.0)[0] == pytest.approx(float(plain))


def test_training_uses_the_margin():
    torch.manual_seed(0)
    batch = ClipBatch(frames=torch.rand(2, 2, 3, 64, 64), labels=torch.tensor([0.0, 1.0]))
    losses = []
    for margin in (0.0, 0.45):
        torch.manual_seed(0)
        method = SRM(dataclasses.replace(Config.tiny(), margin=margin)).eval()
        losses.append(method.training_step(batch))
    assert losses[1].total > losses[0].total
    assert losses[1].each is not None and losses[1].each.shape == (2,)


def test_streams_meet_only_through_open_gates():
    torch.manual_seed(0)
    exchange = Exchange(8, 4, 2)
    x, y, other = (torch.rand(1, 8, 4, 4) for _ in range(3))
    assert torch.equal(exchange(x, y)[0], x) and torch.equal(exchange(x, y)[1], y)
    for gate in exchange.gates:
        torch.nn.init.ones_(gate)
    assert not torch.allclose(exchange(x, y)[0], exchange(x, other)[0])
    # Where attention is even, all places see the mean.
    for layer in exchange.mix:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    mean = exchange.values[1](y).mean((2, 3), keepdim=True)
    assert torch.allclose(exchange(x, y)[0] - x, mean.expand_as(x), atol=1e-6)


@pytest.mark.parametrize(("pixels", "side"), [(256, 16), (299, 19), (64, 4)])
def test_side_of_the_attention(pixels, side):
    assert entry_side(pixels) == side


def test_crops_of_another_size_are_refused():
    with pytest.raises(ConfigError, match="4 x 4 maps"):
        SRM(Config.tiny())(torch.rand(1, 3, 96, 96))


def test_published_names_fill_the_network():
    """The layers outside the two trunks, as DeepfakeBench names them."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    theirs = {f"srm_conv{n}.out_conv.0.weight" for n in (1, 2)}
    theirs |= {f"srm_conv{n}.out_conv.1.{leaf}" for n in (1, 2) for leaf in norm}
    theirs |= {f"srm_sa.conv.{n}.{leaf}" for n in (1, 4) for leaf in norm}
    theirs |= {"srm_sa.conv.0.weight", "srm_sa.conv.3.weight", "srm_sa.pa.conv.weight"}
    theirs |= {f"srm_sa_post.0.{leaf}" for leaf in norm}
    layers = ("key_conv1", "key_conv2", "key_conv_share", "linear1", "linear2")
    for n in range(2):
        for layer in (*layers, "value_conv1", "value_conv2"):
            theirs |= {f"dual_cma{n}.{layer}.{leaf}" for leaf in ("weight", "bias")}
        theirs |= {f"dual_cma{n}.gamma1", f"dual_cma{n}.gamma2"}
    theirs |= {"fusion.convblk.0.weight", *(f"fusion.convblk.1.{leaf}" for leaf in norm)}
    theirs |= {f"fusion.ca.sharedMLP.{n}.weight" for n in (0, 2)}
    theirs |= {f"backbone_rgb.last_linear.{leaf}" for leaf in ("weight", "bias")}
    with torch.device("meta"):
        own = {n for n in SRM().state_dict() if not n.startswith(("colours.", "noise."))}
    assert {CONVERTER.place(name) for name in theirs} == own
    assert CONVERTER.place("backbone_srm.block1.skip.weight") == "noise.block1.skip.weight"
    for name in ("blur.weight", "backbone_srm.last_linear.bias", "srm_sa.srm.kernel"):
        assert CONVERTER.reason(name)


def test_foreign_filters_are_refused(tmp_path):
    torch.save({"srm_conv0.kernel": torch.ones(3, 3, 5, 5)}, tmp_path / "a.pth")
    with pytest.raises(MissingWeights, match="not the high-pass filters"):
        published.convert("srm", tmp_path / "a.pth")
