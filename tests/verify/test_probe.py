"""The probe: its backbone's shapes, its two heads, and the weights it ships with."""

import numpy as np
import pytest
import torch

from verilens import catalog
from verilens.nn.efficientnet_lite import EfficientNetLite2, pooled
from verilens.records import Clip
from verilens.verify.detector import tensor
from verilens.verify.probe.config import Config
from verilens.verify.probe.model import FEATURES, Probe


@pytest.fixture(scope="module")
def probe() -> Probe:
    torch.manual_seed(0)
    return Probe(Config.tiny()).eval()


def clip(times: list[float], seed: int = 0) -> Clip:
    frames = np.random.default_rng(seed).integers(0, 256, (len(times), 40, 56, 3), np.uint8)
    boxes = np.tile([0, 0, 56, 40], (len(times), 1)).astype(np.int32)
    return Clip(
        frames=frames,
        times_s=np.array(times),
        boxes=boxes,
        size=(56, 40),
        view=Config.tiny().view,
    )


def test_backbone_halves_five_times_and_keeps_odd_edges():
    taps = EfficientNetLite2().eval()(torch.rand(1, 3, 65, 97))
    assert [tuple(t.shape[1:]) for t in taps] == [
        (32, 33, 49),
        (16, 33, 49),
        (24, 17, 25),
        (48, 9, 13),
        (88, 5, 7),
        (120, 5, 7),
        (208, 3, 4),
        (352, 3, 4),
        (1280, 3, 4),
    ]


def test_pooled_is_mean_and_spread():
    maps = torch.tensor([[[[1.0, 3.0]], [[5.0, 5.0]]]])
    assert pooled(maps).tolist() == [[2.0, 5.0, 1.0, 0.0]]


def test_a_still_and_a_film_have_their_own_heads(probe):
    with torch.no_grad():
        for layer, bias in ((probe.still[-1], 1.0), (probe.clip, -2.0)):
            layer.weight.zero_()
            layer.bias.fill_(bias)
    still, film = probe.inspect([clip([0.0]), clip([0.0, 0.5, 1.0])])
    assert (still.logit, film.logit) == (1.0, -2.0)
    assert len(film.where.timeline) == 3


def test_a_small_frame_is_enlarged_first():
    probe = Probe(Config(least=64)).eval()
    frame = tensor(np.full((1, 32, 48, 3), 90, np.uint8))
    large = tensor(np.full((1, 64, 96, 3), 90, np.uint8))
    with torch.inference_mode():
        torch.testing.assert_close(
            probe.features(frame), probe.features(large), atol=1e-3, rtol=1e-3
        )


def test_training_leaves_the_backbone_alone(probe):
    before = {k: v.clone() for k, v in probe.backbone.state_dict().items()}
    probe.train()
    assert not probe.backbone.training
    probe(torch.rand(2, 3, 32, 32)).sum().backward()
    assert all(p.grad is None for p in probe.backbone.parameters())
    assert probe.still[-1].weight.grad is not None
    for name, value in probe.backbone.state_dict().items():
        assert torch.equal(value, before[name])
    probe.eval()


def test_shipped_weights_score_a_picture():
    shipped = catalog.load("probe")
    found = shipped.inspect([clip([0.0])])[0]
    assert shipped.still[0].weight.shape == (512, FEATURES)
    assert abs(found.logit) < 30
    assert found.why


def test_the_cells_of_the_map_average_to_the_logit():
    method = catalog.load("probe")
    frames = np.random.default_rng(3).integers(0, 256, (1, 288, 384, 3), np.uint8)
    seen = Clip(
        frames=frames,
        times_s=np.zeros(1),
        boxes=np.array([[0, 0, 384, 288]], np.int32),
        size=(384, 288),
        view=method.map_view,
    )
    scores = method.heatmap(seen).astype(float)
    assert scores.shape == (9, 12)
    logit = method.inspect([seen])[0].logit
    assert np.log(scores / (1 - scores)).mean() == pytest.approx(logit, abs=1e-3)
