"""The skin probe: a frozen network cut off early, and what is read of it."""

import pytest
import torch

from verilens.errors import ConfigError, MissingExtra
from verilens.nn.efficientnet_lite import STAGES, EfficientNetLite2, load_public, public_weights
from verilens.verify.skin_probe.config import Config
from verilens.verify.skin_probe.model import SkinProbe

CHANNELS = [stage[-1] for stage in STAGES]


def test_the_size():
    method = SkinProbe()
    width = 2 * sum(CHANNELS[:5])
    assert method.features(torch.rand(2, 3, 128, 128)).shape == (2, width) == (2, 592)
    assert sum(p.numel() for p in method.backbone.parameters()) == 1_161_584
    assert sum(p.numel() for p in method.head.parameters()) == width * 64 + 64 + 65


def test_a_network_cut_off_sees_what_the_whole_one_sees():
    torch.manual_seed(0)
    whole, early = EfficientNetLite2().eval(), EfficientNetLite2(5).eval()
    early.load_state_dict({k: v for k, v in whole.state_dict().items() if k in early.state_dict()})
    frames = torch.rand(1, 3, 64, 64)
    for one, other in zip(early(frames), whole(frames)[:6], strict=True):
        assert torch.equal(one, other)


def test_the_public_weights_fit_the_cut_off_network():
    try:
        file = public_weights()
    except MissingExtra as error:
        pytest.skip(str(error))
    whole, early = EfficientNetLite2(), EfficientNetLite2(5)
    load_public(whole, file)
    load_public(early, file)
    for name, tensor in early.state_dict().items():
        assert torch.equal(tensor, whole.state_dict()[name])


def test_the_backbone_stays_as_it_was():
    method = SkinProbe(Config.tiny()).train()
    assert not method.backbone.training and method.head.training
    assert not any(p.requires_grad for p in method.backbone.parameters())
    before = {k: v.clone() for k, v in method.backbone.state_dict().items()}
    method(torch.rand(4, 3, 48, 48)).sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in method.backbone.state_dict().items())


def test_features_are_mean_and_spread_over_places():
    method = SkinProbe(Config.tiny()).eval()
    frames = torch.rand(1, 3, 48, 48)
    last = method.backbone(frames)[3][0]
    found = method.features(frames)[0, -2 * CHANNELS[2] :]
    assert torch.allclose(found[: CHANNELS[2]], last.mean((1, 2)), atol=1e-5)
    assert torch.allclose(found[CHANNELS[2] :], last.std((1, 2), correction=0), atol=1e-5)


def test_no_single_feature_decides():
    method = SkinProbe(Config.tiny()).eval()
    features = torch.zeros(2, method.norm.num_features)
    features[0, 0], features[1, 0] = 10.0, 1e6
    far, farther = method.read(features)
    assert torch.equal(far, farther)


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"depth": 7}, {"hidden": 0}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match="skin_probe"):
        Config(**wrong)
