"""What Matters: its derived videos, its experts, their ensemble, and what each of them sees."""

import csv
import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool3d
from toy_pictures import pink
from toy_scenes import KINDS, scenes

from verilens.batch import ClipBatch
from verilens.bench.metrics.ranking import auc
from verilens.errors import ConfigError, MissingWeights
from verilens.nn.grad_cam import grad_cam, stretched
from verilens.records import Clip, View
from verilens.train.loop import fit
from verilens.train.recipe import Plan
from verilens.verify.what_matters.config import EXPERTS, Config
from verilens.verify.what_matters.ensemble import Ensemble
from verilens.verify.what_matters.model import WhatMatters
from verilens.verify.what_matters.providers import Flow, Haze, Plugged, Texture, relative
from verilens.verify.what_matters.transfer import leave_one_out

SMALL = View(size=48, frames=8, fit="resize")


def small(**changes) -> Config:
    settings = {"haze_patch": 7, "view": SMALL} | changes
    return dataclasses.replace(Config.tiny(), **settings)


def drifting(moments: int, pixels: int, seed: int = 0) -> Tensor:
    """Return a texture that moves right by so many pixels a moment, (1, moments, 3, 64, 64)."""
    texture = (0.5 + 0.15 * pink(1, 128, np.random.default_rng(seed))).clamp(0, 1)
    moved = [texture.roll(n * pixels, 3)[:, :, 32:96, 32:96] for n in range(moments)]
    return torch.stack(moved, 1)


def fitted(method: WhatMatters, batch: ClipBatch, epochs: int, lr: float = 3e-3) -> WhatMatters:
    """Return the method after training on videos derived once."""
    derived = method.derived(batch.frames)
    steps = epochs * -(-len(batch) // 24)
    optimiser = torch.optim.Adam(method.parameters(), lr=lr, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    method.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(batch)).split(24):
            part = {name: video[chosen] for name, video in derived.items()}
            optimiser.zero_grad()
            method.loss(part, batch.labels[chosen]).total.backward()
            optimiser.step()
            schedule.step()
    return method.eval()


@torch.inference_mode()
def scored(method: WhatMatters, batch: ClipBatch) -> Tensor:
    """Return every expert's scores, (N, E, 2)."""
    return torch.cat([method.scores(method.derived(part)) for part in batch.frames.split(40)])


# Sizes and shapes


def test_full_size():
    with torch.device("meta"):
        method = WhatMatters()
        sizes = {n: sum(p.numel() for p in e.parameters()) for n, e in method.experts.items()}
        videos = {"appearance": (47, 16, 56, 56), "motion": (2, 15, 224, 224)}
        videos["geometry"] = (1, 16, 224, 224)
        for name, shape in videos.items():  # four steps of time are left: the maps know when
            maps = method.experts[name].maps(torch.empty(1, *shape))
            assert maps.shape == (1, 512, 4, 7, 7), name
    # The published 3-D ResNet-18 (33,409,104) with a head of 2 classes instead of 400, and a stem
    # for 2 or 1 channels instead of 3; appearance has a 3 x 3 x 3 stem after a 1 x 1 x 1 reduction.
    published = 33_409_104 - 513 * 398
    assert sizes == {
        "appearance": published - 64 * 3 * 343 + 64 * 64 * 27 + 47 * 64 + 2 * 64,
        "motion": published - 64 * 343,
        "geometry": published - 2 * 64 * 343,
    }
    assert sum(p.numel() for p in method.parameters()) == sum(sizes.values()) == 99_596_806


def test_shapes_and_probabilities():
    torch.manual_seed(0)
    method = WhatMatters(small()).eval()
    derived = method.derived(torch.rand(2, 8, 3, 48, 48))
    assert {name: tuple(video.shape) for name, video in derived.items()} == {
        "appearance": (2, 47, 8, 12, 12),
        "motion": (2, 2, 7, 48, 48),
        "geometry": (2, 1, 8, 48, 48),
    }
    scores = method.scores(derived)
    assert scores.shape == (2, 3, 2)
    assert torch.allclose(scores.softmax(2).sum(2), torch.ones(2, 3))
    for n, (name, expert) in enumerate(method.experts.items()):
        assert torch.equal(expert(derived[name]), scores[:, n])
    assert method(torch.rand(2, 8, 3, 48, 48)).shape == (2,)


# What each provider says


@pytest.mark.parametrize("kind", ["farneback", "dis"])
def test_flow_of_a_drifting_and_of_a_still_texture(kind):
    flow = Flow(kind)(drifting(4, 2))
    assert flow.shape == (1, 2, 3, 64, 64)
    x, y = flow.mean((0, 2, 3, 4)).tolist()
    assert x == pytest.approx(2, abs=0.3) and y == pytest.approx(0, abs=0.3)
    assert Flow(kind)(drifting(4, 0)).norm(dim=1).max() < 0.1


def test_flow_takes_no_change_of_light_for_motion():
    light = torch.tensor([0.8, 1.0, 0.7, 0.9]).view(1, 4, 1, 1, 1)
    assert Flow()(drifting(4, 0) * light).norm(dim=1).mean() < 0.1


def test_haze_rises_with_distance_and_wobbles_with_it():
    rng = np.random.default_rng(0)
    texture = rng.uniform(0, 0.8, (3, 64, 64)) * (rng.random((64, 64)) > 0.1)
    depth = np.linspace(0.1, 1.5, 64)
    through = np.exp(-depth)
    seen = torch.from_numpy(texture * through + 0.9 * (1 - through)).float()
    found = relative(Haze(7)(seen[None, None]))[0, 0, 0].mean(0)
    assert np.corrcoef(found.numpy(), depth)[0, 1] > 0.95


def test_texture_ignores_contrast_and_reads_colour():
    torch.manual_seed(0)
    picture = (0.5 + 0.15 * pink(1, 32, np.random.default_rng(0)))[:, None]
    features = Texture()(picture)
    veiled = Texture()(0.7 * picture + 0.3 * 0.9)
    coloured = picture + torch.tensor([0.06, -0.031, 0.0]).view(3, 1, 1)  # luma stays
    change = (veiled - features).abs().mean()
    assert change < 0.2 * (Texture()(coloured) - features)[:, -1].abs().mean()


def test_depth_has_no_scale_or_shift():
    depth = torch.rand(2, 1, 3, 8, 8)
    assert torch.allclose(relative(depth).mean((1, 2, 3, 4)), torch.zeros(2), atol=1e-5)
    assert relative(torch.full((1, 1, 3, 8, 8), 4.0)).abs().max() < 1e-4


def test_providers_of_ones_own():
    channels = {"motion": 2, "geometry": 1}
    own = {name: lambda frames, c=c: frames.transpose(1, 2)[:, :c] for name, c in channels.items()}
    method = WhatMatters(small(), own).eval()
    frames = torch.rand(1, 8, 3, 48, 48)
    derived = method.derived(frames)
    assert torch.equal(derived["geometry"], frames.transpose(1, 2)[:, :1])
    assert torch.isfinite(method(frames)).all()
    with pytest.raises(ConfigError, match="channels"):
        WhatMatters(small(), {"appearance": lambda frames: frames})
    with pytest.raises(ConfigError, match="smell"):
        WhatMatters(small(), {"smell": lambda frames: frames})


def test_a_network_plugged_in_is_frozen_and_saved():
    class Net(torch.nn.Conv3d):
        channels = 2

        def forward(self, frames: Tensor) -> Tensor:
            return super().forward(frames.transpose(1, 2))

    method = WhatMatters(small(experts=("motion",)), {"motion": Net(3, 2, 1)}).train()
    assert not method.providers["motion"].training
    assert not any(p.requires_grad for p in method.providers.parameters())
    assert "providers.motion.weight" in method.state_dict()


def test_features_and_depth_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    transformers.Dinov2Backbone(transformers.Dinov2Config(**size)).save_pretrained(tmp_path / "v")
    depth = transformers.DepthAnythingConfig(
        backbone_config=transformers.Dinov2Config(
            **size, out_features=["stage1"] * 1, reshape_hidden_states=False
        ),
        neck_hidden_sizes=[8],
        reassemble_factors=[1],
        reassemble_hidden_size=16,
        fusion_hidden_size=8,
        head_hidden_size=4,
    )
    transformers.DepthAnythingForDepthEstimation(depth).save_pretrained(tmp_path / "d")
    config = small(
        appearance="folder",
        appearance_folder=str(tmp_path / "v"),
        geometry="folder",
        geometry_folder=str(tmp_path / "d"),
        view=View(size=56, frames=4, fit="resize"),
    )
    method = WhatMatters(config).eval()
    frames = torch.rand(2, 4, 3, 56, 56)
    derived = method.derived(frames)
    assert derived["appearance"].shape == (2, 16, 4, 4, 4)
    assert derived["geometry"].shape == (2, 1, 4, 56, 56)
    apart = torch.cat([method(frames[:1]), method(frames[1:])])
    assert torch.allclose(method(frames), apart, atol=1e-4)
    untrained = WhatMatters(small(experts=("appearance",), appearance="dinov2", dinov2=(16, 1, 2)))
    assert untrained.derived(frames)["appearance"].shape == (2, 16, 4, 4, 4)
    assert not any(p.requires_grad for p in untrained.providers.parameters())


def test_a_folder_without_a_model_is_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(MissingWeights, match="appearance_folder"):
        WhatMatters(small(appearance="folder", appearance_folder=str(tmp_path)))


def test_impossible_settings_are_refused():
    for wrong in (
        {"experts": ()},
        {"experts": ("motion", "appearance")},
        {"view": View(size=32, frames=1)},
        {"haze_patch": 4},
        {"time_strides": (1,)},
        {"cam_stage": 2},
    ):
        with pytest.raises(ConfigError):
            small(**wrong)
    with pytest.raises(ConfigError, match=r"data\.frames"):
        batch = ClipBatch(frames=torch.rand(2, 1, 3, 48, 48), labels=torch.tensor([0.0, 1.0]))
        WhatMatters(small()).training_step(batch)


class Films:
    """Two batches an epoch, as the training loop asks for them."""

    samples, steps = 8, 2

    def epoch(self, epoch: int, skip: int = 0):
        for n in range(skip, self.steps):
            yield scenes(2, 2, seed=n)


def test_the_training_loop_takes_three_dimensional_networks():
    pytest.importorskip("accelerate")
    torch.manual_seed(0)
    method = WhatMatters(small())
    before = method.experts["motion"].network.head.weight.clone()
    steps = list(fit(method, Films(), Plan(batch=4, epochs=1)))
    assert len(steps) == 2 and set(steps[0].parts) == set(EXPERTS)
    assert not torch.equal(method.experts["motion"].network.head.weight, before)


# The ensemble


@pytest.mark.parametrize("rule", ["mean", "max", "weighted"])
def test_three_identical_experts_equal_one_exactly(rule):
    torch.manual_seed(0)
    one = 4 * torch.randn(200, 1, 2)
    single = Ensemble(1, rule)(one)
    assert torch.equal(Ensemble(3, rule)(one.expand(-1, 3, -1)), single)
    assert torch.allclose(single.sigmoid(), one.softmax(2)[:, 0, 1], atol=1e-6)


def test_ensembles_by_hand():
    p = torch.tensor([[0.9, 0.6, 0.3]])
    scores = torch.stack([torch.zeros_like(p), p.logit()], 2)
    assert Ensemble(3, "mean")(scores).sigmoid().item() == pytest.approx(0.6)
    assert Ensemble(3, "max")(scores).sigmoid().item() == pytest.approx(0.9)
    weighted = Ensemble(3, "weighted")
    weighted.weight.copy_(torch.tensor([3.0, 0.0, 1.0]))
    assert weighted(scores).sigmoid().item() == pytest.approx((3 * 0.9 + 0.3) / 4)
    stacked = Ensemble(3, "stacked")
    stacked.weight.copy_(torch.tensor([1.0, 0.0, 2.0]))
    stacked.bias.fill_(0.5)
    expected = p.logit()[0, 0] + 2 * p.logit()[0, 2] + 0.5
    assert stacked(scores).item() == pytest.approx(expected.item(), abs=1e-5)


def test_ensembles_are_fitted_on_validation_clips():
    torch.manual_seed(0)
    labels = (torch.arange(400) % 2).float()
    noise = torch.randn(400, 3)
    odds = noise + torch.tensor([3.0, 1.0, 0.0]) * (labels[:, None] - 0.5)  # the last one guesses
    scores = torch.stack([torch.zeros_like(odds), odds], 2)
    weighted, stacked = Ensemble(3, "weighted"), Ensemble(3, "stacked")
    weighted.fit(scores, labels)
    above = [max(auc(column, labels.numpy()) - 0.5, 0) for column in odds.T.numpy()]
    assert weighted.weight.tolist() == pytest.approx(above)
    stacked.fit(scores, labels)
    # The log-odds of two unit Gaussians at +-a/2 rise by a: the ideal weights are 3, 1 and 0.
    assert stacked.weight.tolist() == pytest.approx([3, 1, 0], abs=0.6)
    assert auc(stacked(scores).numpy(), labels.numpy()) > auc(odds[:, 0].numpy(), labels.numpy())
    with pytest.raises(ConfigError, match="genuine and fake"):
        stacked.fit(scores[::2], labels[::2])


# Where and why


def film(moments: int, step_s: float) -> Clip:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (moments, 48, 48, 3), dtype=np.uint8)
    boxes = np.tile(np.array([0, 0, 96, 64], np.int32), (moments, 1))
    times = np.arange(moments) * step_s
    return Clip(frames=frames, times_s=times, boxes=boxes, size=(96, 64), view=SMALL)


def silenced(method: WhatMatters, loud: str) -> WhatMatters:
    """Return the method with one expert sure of a fake and the others sure of the contrary."""
    for name, expert in method.experts.items():
        torch.nn.init.constant_(expert.network.head.bias, 0.0)
        expert.network.head.bias.data[1 if name == loud else 0] = 6.0
    return method


@pytest.mark.parametrize("loud", EXPERTS)
def test_evidence_names_the_expert_that_speaks_with_its_heat(loud):
    torch.manual_seed(0)
    method = silenced(WhatMatters(small()).eval(), loud)
    evidence = method.inspect([film(20, 0.1)])[0]
    assert evidence.why.startswith(f"{loud} speaks for a generated video (1 of 3")
    assert evidence.where.by.startswith(f"Grad-CAM of the {loud} expert at ")
    assert len(evidence.where.timeline) == 20 and not evidence.limits
    assert evidence.where.heatmap.shape == (21, 32)  # of a frame of 96 x 64
    assert evidence.where.heatmap.min() >= 0 and evidence.where.heatmap.max() <= 1
    frames = torch.from_numpy(film(20, 0.1).frames).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        expected = [float(method(frames[None, a : a + 8])) for a in (0, 4, 8, 12)]
    assert min(expected) - 1e-4 <= evidence.logit <= max(expected) + 1e-4


def test_evidence_says_when_nobody_speaks_and_what_weakens_it():
    torch.manual_seed(0)
    method = silenced(WhatMatters(small()).eval(), "nobody")
    evidence = method.inspect([film(8, 0.7)])[0]
    assert evidence.why.startswith("no expert speaks for a generated video: appearance 0.0")
    assert evidence.limits == (
        "moments lie 0.70 s apart, so motion between them is measured unreliably",
    )
    still = method.inspect([film(1, 0.1)])[0]
    assert not still.where.timeline and "one moment" in still.limits[0]


def flickering(count: int, seed: int) -> tuple[ClipBatch, list[tuple[int, int]]]:
    """Return still videos, half of them with a 16 x 16 square that flickers, and its corners."""
    rng = np.random.default_rng(seed)
    base = 0.5 + 0.15 * pink(2 * count, 64, rng)
    grain = torch.from_numpy(rng.normal(0, 0.02, (2 * count, 8, 3, 64, 64))).float()
    frames = base[:, None] + grain
    corners = [tuple(map(int, rng.integers(0, 49, 2))) for _ in range(2 * count)]
    for n in range(count, 2 * count):
        top, left = corners[n]
        light = 0.2 * (-1.0) ** (torch.arange(8) + int(rng.integers(2)))
        frames[n, :, :, top : top + 16, left : left + 16] += light.view(8, 1, 1, 1)
    labels = (torch.arange(2 * count) >= count).float()
    return ClipBatch(frames=frames.clamp(0, 1), labels=labels), corners


def share_inside(heat: Tensor, corner: tuple[int, int]) -> float:
    """Return how much of the energy of the hottest tenth lies in the square. heat: (T, 64, 64)."""
    top, left = corner
    inside = torch.zeros_like(heat)
    inside[:, top : top + 16, left : left + 16] = 1
    hottest = heat.flatten().topk(heat.numel() // 10)
    return float((hottest.values * inside.flatten()[hottest.indices]).sum() / hottest.values.sum())


@pytest.mark.slow
def test_grad_cam_finds_a_flickering_square():
    """The square is 6 % of the area; the sheet asks for 60 % of the hottest tenth's energy."""
    torch.manual_seed(0)
    config = small(experts=("appearance",), depths=(1,), time_strides=(1,))
    halves = Plugged(lambda frames: avg_pool3d(frames, (1, 2, 2)).transpose(1, 2), channels=3)
    method = WhatMatters(config, {"appearance": halves})
    fitted(method, flickering(100, seed=1)[0], epochs=8)
    batch, corners = flickering(40, seed=2)
    calls = scored(method, batch)[:, 0].argmax(1)
    assert (calls == batch.labels).float().mean() >= 0.9
    expert = method.experts["appearance"]
    with torch.no_grad():
        maps = expert.maps(method.derived(batch.frames[40:])["appearance"])
    heat = stretched(grad_cam(maps, expert.odds), (8, 64, 64))
    shares = [share_inside(one, corner) for one, corner in zip(heat, corners[40:], strict=True)]
    assert min(shares) >= 0.6 and np.median(shares) >= 0.75, (min(shares), np.median(shares))


# What each expert sees, and what only all of them see


@pytest.mark.slow
def test_experts_complement_each_other():
    torch.manual_seed(7)
    train, test = scenes(260, 130, seed=71), scenes(120, 120, seed=72)
    method = fitted(WhatMatters(small()), train, epochs=9)
    scores = scored(method, test)
    fake, labels = scores.softmax(2)[..., 1], test.labels.numpy()
    genuine = test.kinds == 0
    for n, own in enumerate(KINDS):
        spared = (fake[genuine, n] <= 0.5).float().mean()
        for k, kind in enumerate(KINDS, start=1):
            caught = (fake[test.kinds == k, n] > 0.5).float().mean()
            accuracy = float(spared + caught) / 2
            assert accuracy >= 0.9 if kind == own else accuracy <= 0.65, (own, kind, accuracy)
    single = max(auc(fake[:, n].numpy(), labels) for n in range(3))
    joined = auc(method.ensemble(scores).numpy(), labels)
    assert joined >= 0.9 and joined >= single + 0.05, (joined, single)


def test_leave_one_out_writes_a_row_for_every_train_set_test_and_expert(tmp_path):
    generators = ("svd", "pika", "sora")
    taught = []

    def train(others):
        torch.manual_seed(len(taught))
        taught.append(tuple(others))
        return WhatMatters(small())

    def test(generator):
        yield scenes(2, 2, seed=1, kinds=(KINDS[generators.index(generator)],))
        yield scenes(1, 2, seed=2, kinds=(KINDS[generators.index(generator)],))

    rows = leave_one_out(generators, train, test, tmp_path / "transfer.csv")
    assert taught == [("pika", "sora"), ("svd", "sora"), ("svd", "pika")]
    with (tmp_path / "transfer.csv").open() as stream:
        table = list(csv.DictReader(stream))
    experts = (*EXPERTS, "ensemble")
    assert [(r["train"], r["test"], r["expert"]) for r in table] == [
        ("+".join(others), one, expert)
        for others, one in zip(taught, generators, strict=True)
        for expert in experts
    ]
    for row, read in zip(rows, table, strict=True):
        assert (row.genuine, row.fake) == (3, 4) and 0 <= row.accuracy <= 1
        assert float(read["auc"]) == row.auc
    with pytest.raises(ConfigError, match="two generators"):
        leave_one_out(["svd"], train, test, tmp_path / "none.csv")
