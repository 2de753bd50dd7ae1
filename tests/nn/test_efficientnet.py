"""EfficientNet: published sizes, padding, drop-connect, taps."""

import pytest
import torch

from verilens.errors import ConfigError
from verilens.nn.efficientnet import DropConnect, EfficientNet

pytest.importorskip("transformers")


@pytest.mark.parametrize(
    ("scale", "count", "channels"),
    [("b0", 4_007_548, 1280), ("b1", 6_513_184, 1280), ("b4", 17_548_616, 1792)],
)
def test_published_sizes(scale, count, channels):
    with torch.device("meta"):
        trunk = EfficientNet(scale)
        assert sum(p.numel() for p in trunk.parameters()) == count
        assert trunk.features(torch.rand(2, 3, 256, 256)).shape == (2, channels, 8, 8)


@pytest.mark.parametrize(
    ("scale", "blocks"),
    [("b0", []), ("b1", [16]), ("b2", [5, 8, 16]), ("b4", [6]), ("b5", [13, 27])],
)
def test_padding_follows_the_resolution_each_scale_was_made_for(scale, blocks):
    with torch.device("meta"):
        assert EfficientNet(scale).encoder.config.depthwise_padding == blocks


def test_taps_end_in_the_features():
    torch.manual_seed(0)
    trunk = EfficientNet("tiny", channels=4).eval()
    x = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        taps = trunk.taps(x)
        assert torch.equal(taps[-1], trunk(x))
    assert [tap.shape[-1] for tap in taps] == [32, 32, 16, 8, 4, 4, 2, 2, 2]
    assert sum(p.numel() for p in trunk.parameters()) < 500_000


def test_drop_connect_drops_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    x = torch.ones(20_000, 2, 1, 1)
    y = DropConnect(0.2).train()(x)
    assert set(y.unique().tolist()) == {0.0, 1.25}
    assert torch.equal(y[:, 0], y[:, 1])
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert torch.equal(DropConnect(0.2).eval()(x), x)


def test_an_unpadded_stem_sees_one_column_less():
    with torch.device("meta"):
        x = torch.rand(1, 3, 64, 64)
        assert EfficientNet("tiny", stem_padding=False).eval().taps(x)[0].shape[-1] == 31


@pytest.mark.parametrize("scale", ["b0", "b4"])
def test_an_untrained_network_passes_signal_down_and_gradients_up(scale):
    torch.manual_seed(0)
    trunk = EfficientNet(scale).train()
    taps = trunk.taps(torch.randn(4, 3, 64, 64))
    spreads = [float(tap.detach().std()) for tap in taps]
    assert all(0.1 < spread < 10 for spread in spreads), spreads
    taps[-1].square().mean().backward()
    reached = [float(p.grad.norm()) for p in trunk.embeddings.parameters()]
    assert min(reached) > 1e-3, reached


def test_unknown_scales_are_refused():
    with pytest.raises(ConfigError, match="b9"):
        EfficientNet("b9")
