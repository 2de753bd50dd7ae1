"""StgcDiff: graph layers by hand, what stays untouched, and how noise comes and goes."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from verilens.batch import PoseBatch
from verilens.errors import ConfigError
from verilens.motion.fillers import SIMPLE, KeepsBones, from_root, joined, with_bones
from verilens.motion.stgcdiff import noise
from verilens.motion.stgcdiff.config import Config
from verilens.motion.stgcdiff.graph import GraphConv, adjacency
from verilens.motion.stgcdiff.model import StgcDiff
from verilens.motion.stgcdiff.passage import (
    Measure,
    Span,
    crossed,
    hidden,
)
from verilens.poses.make import make_pose
from verilens.poses.skeletons import skeleton
from verilens.train.filling import Windows, fit_filler, gaps
from verilens.train.recipe import Plan

TINY = Config.tiny()
BODY = skeleton("h36m17")


def filler(**changes: object) -> StgcDiff:
    torch.manual_seed(0)
    return StgcDiff(dataclasses.replace(TINY, **changes)).eval()


def movements(count: int = 2, frames: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, frames, 17, 3, generator=generator)


def batch(count: int = 4) -> PoseBatch:
    joints = movements(count)[:, None]
    return PoseBatch(
        joints=joints,
        confidence=torch.ones(joints.shape[:-1]),
        labels=torch.zeros(count, dtype=torch.int64),
    )


def test_size_at_the_default_settings():
    """Every block has a graph layer with masks and attention, and a convolution over time."""
    width, joints, told = 128, 50, 64
    graph = width * 3 * width + 3 * width + 3 * joints**2 + 2 * (width * 8 + 8) + 3
    block = graph + width * width * 9 + width + 4 * width
    encoder, decoder = 4 * width + 4 * block, (width + 1) * width + 4 * block + (width + 1) * 3
    inputs = 3 + 1 + width
    denoiser = (inputs + 1) * width + 8 * (block + (told + 1) * width) + (width + 1) * 3
    with torch.device("meta"):
        count = sum(p.numel() for p in StgcDiff().parameters())
    assert count == encoder + decoder + denoiser == 3_416_566


def test_edges_lead_to_oneself_the_parent_and_the_children():
    edges = adjacency(BODY)
    knee, hip, pelvis = (BODY.index(name) for name in ("right_knee", "right_hip", "pelvis"))
    assert torch.equal(edges[0], torch.eye(17))
    assert edges[1, knee, hip] == 1 and edges[1].sum(1)[pelvis] == 0
    assert edges[2, hip, knee] == 1
    assert edges[2, pelvis].count_nonzero() == 3  # two hips and the spine
    assert edges[2, pelvis].sum() == pytest.approx(1)


def test_without_neighbours_a_graph_layer_maps_every_joint_alone():
    torch.manual_seed(0)
    layer = GraphConv(5, 7, torch.eye(4)[None], mask=True, attention=True)
    x = torch.randn(2, 4, 5, 6)
    alone = torch.einsum("oc,nvct->nvot", layer.mix.weight[..., 0], x)
    alone = alone + layer.mix.bias[:, None]
    assert torch.allclose(layer(x), alone, atol=1e-6)


def test_renumbered_joints_give_renumbered_results():
    torch.manual_seed(0)
    edges, order = torch.rand(3, 4, 4), [2, 0, 3, 1]
    one = GraphConv(5, 7, edges, attention=True)
    other = GraphConv(5, 7, edges[:, order][:, :, order], attention=True)
    for layer in (one, other):
        nn.init.constant_(layer.strength, 0.5)
    other.mix.load_state_dict(one.mix.state_dict())
    other.query.load_state_dict(one.query.state_dict())
    other.key.load_state_dict(one.key.state_dict())
    x = torch.randn(2, 4, 5, 6)
    assert torch.allclose(one(x)[:, order], other(x[:, order]), atol=1e-6)


def test_a_graph_layer_by_hand():
    """Two joints, of which the second hears the first doubled by its mask."""
    layer = GraphConv(1, 1, torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]))
    nn.init.constant_(layer.mix.weight, 3)
    nn.init.zeros_(layer.mix.bias)
    with torch.no_grad():
        layer.mask[0, 1, 0] = 2
    found = layer(torch.tensor([[[[1.0]], [[5.0]]]]))
    assert found.flatten().tolist() == [3, 6]


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_noise_grows_to_nearly_all(schedule):
    left = noise.kept(dataclasses.replace(Config(), schedule=schedule))
    assert len(left) == 1000 and (left.diff() < 0).all()
    assert left[0] > 0.999 and left[-1] < 1e-3


def test_noise_and_clean_frames_are_found_again():
    clean, drawn = movements().unbind(0)
    clean, drawn, level = clean[None], drawn[None], torch.tensor([0.3])
    mixed = noise.noised(clean, drawn, level)
    assert torch.allclose(mixed, 0.3**0.5 * clean + 0.7**0.5 * drawn)
    assert torch.allclose(noise.clean_of(mixed, drawn, level), clean, atol=1e-5)
    assert torch.allclose(noise.noise_of(mixed, clean, level), drawn, atol=1e-5)


def test_sampling_visits_evenly_spaced_steps_down_to_the_first():
    steps = noise.visited(dataclasses.replace(Config(), sampling=5))
    assert steps == [999, 749, 500, 250, 0] or steps == [999, 749, 499, 250, 0]


@pytest.mark.parametrize("predict", ["clean", "noise"])
def test_a_perfect_denoiser_finds_what_was_hidden(predict, monkeypatch):
    method, span = filler(predict=predict), Span(4, 9)
    truth = movements()

    def perfect(state, told, step, span):
        level = method.kept[step]
        return truth if predict == "clean" else noise.noise_of(state, truth, level)

    monkeypatch.setattr(method, "denoised", perfect)
    assert torch.allclose(method.sample(truth, span), truth, atol=1e-3)


@pytest.mark.parametrize("base", ["zero", "linear", "cubic"])
@pytest.mark.parametrize("visible", ["clean", "noised"])
@pytest.mark.parametrize("predict", ["clean", "noise"])
def test_visible_frames_come_out_as_they_went_in(base, visible, predict):
    method = filler(base=base, visible=visible, predict=predict)
    x, span = movements(), Span(5, 9)
    found = method.sample(x, span)
    kept = [n for n in range(16) if not 5 <= n < 9]
    assert torch.equal(found[:, kept], x[:, kept])
    assert not torch.equal(found[:, 5:9], x[:, 5:9]) and torch.isfinite(found).all()
    assert torch.equal(method.sample(x, Span(5, 5)), x)


@pytest.mark.parametrize("base", ["zero", "linear", "cubic"])
@pytest.mark.parametrize("told", ["base", "cubic"])
def test_what_is_hidden_is_not_read(base, told):
    method, x, span = filler(base=base, told=told), movements(), Span(5, 9)
    other = x.clone()
    other[:, 5:9] = 100
    assert torch.equal(method.sample(x, span)[:, 5:9], method.sample(other, span)[:, 5:9])


@pytest.mark.parametrize(("base", "name"), [("linear", "linear"), ("cubic", "cubic")])
def test_passages_are_those_of_the_simple_fillers(base, name):
    x, span = movements(), Span(5, 9)
    found = crossed(x, span, base)[:, 5:9]
    for one, sample in zip(found, x.double().numpy(), strict=True):
        wanted = SIMPLE[name].between(sample[:5], sample[9:], 4)
        assert np.allclose(one, wanted, atol=1e-5)


def test_told_of_a_cubic_passage_it_begins_with_that():
    method, x, span = filler(base="linear", told="cubic", sampling=1), movements(), Span(5, 9)
    assert torch.allclose(method.sample(x, span), crossed(x, span, "cubic"), atol=1e-4)
    told = method.autoencoder.describe_seen(x, span)
    other = method.sample(x, span, told.flip(0))
    assert not torch.allclose(other[:, 5:9], method.sample(x, span)[:, 5:9], atol=0.1)


def test_place_and_size_do_not_matter():
    method, rng = filler(bones="kept"), np.random.default_rng(0)
    before, after = rng.normal(size=(6, 17, 3)), rng.normal(size=(5, 17, 3))
    found = method.between(before, after, 4)
    moved = method.between(1000 * before + 7, 1000 * after + 7, 4)
    assert np.allclose(moved, 1000 * found + 7, rtol=1e-3, atol=0.5)
    assert np.array_equal(found, method.between(before, after, 4))


def test_bones_pass_from_their_length_before_to_that_after():
    rng = np.random.default_rng(0)
    gap, first, last = (
        rng.normal(size=(3, 17, 3)),
        rng.normal(size=(17, 3)),
        rng.normal(size=(17, 3)),
    )
    fixed = with_bones(gap, first, last, BODY)

    def lengths(frame):
        return np.array([np.linalg.norm(frame[j] - frame[p]) for j, p in from_root(BODY)])

    for share, frame in zip((0.25, 0.5, 0.75), fixed, strict=True):
        assert np.allclose(lengths(frame), (1 - share) * lengths(first) + share * lengths(last))
    assert np.array_equal(fixed[:, BODY.root], gap[:, BODY.root])
    before, after = rng.normal(size=(5, 17, 3)), rng.normal(size=(5, 17, 3))
    kept = KeepsBones(SIMPLE["cubic"], BODY).between(before, after, 3)
    cubic = SIMPLE["cubic"].between(before, after, 3)
    assert np.array_equal(kept, with_bones(cubic, before[-1], after[0], BODY))


def test_a_network_without_masks_fits_every_skeleton():
    hands = skeleton("phoenix50")
    free, rng = filler(mask=False), np.random.default_rng(0)
    other = free.fitted_to(hands)
    assert other.between(rng.normal(size=(6, 50, 3)), rng.normal(size=(6, 50, 3)), 3).shape[0] == 3
    assert free.fitted_to(BODY) is free
    with pytest.raises(
        ConfigError, match="trained for the joints of h36m17, not for those of phoe"
    ):
        filler(mask=True).fitted_to(hands)
    with pytest.raises(ConfigError, match="50 joints"):
        free.between(rng.normal(size=(6, 50, 3)), rng.normal(size=(6, 50, 3)), 3)


def test_flat_movements_stay_flat():
    rng = np.random.default_rng(0)
    found = filler().between(rng.normal(size=(6, 17, 2)), rng.normal(size=(6, 17, 2)), 3)
    assert found.shape == (3, 17, 2)


def test_loss_is_finite_and_reaches_every_weight():
    method = filler(velocity=0.5).train()
    loss = method.training_step(batch())
    assert set(loss.parts) == {"hidden", "velocity", "rebuilt"} and torch.isfinite(loss.total)
    loss.total.backward()
    for name, weight in method.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


def test_the_denoiser_leaves_the_encoder_alone():
    method = filler().train()
    x, span = movements(), Span(4, 8)
    method.denoising(Measure.of(x).measured(x), span).total.backward()
    assert all(p.grad is None for p in method.autoencoder.parameters())


def test_two_phases_train_one_network_each():
    pose = make_pose(movements(1, 40)[0].numpy(), None, "h36m17", 30, units="m", frame="world")
    windows = Windows([pose], frames=16, size=4, steps=2)
    method = filler()

    def weights(part: nn.Module) -> list[torch.Tensor]:
        return [p.detach().clone() for p in part.parameters()]

    parts = (method.autoencoder, method.denoiser)
    seen = [[weights(part) for part in parts]]
    for _ in fit_filler(method, windows, Plan(epochs=1), Plan(epochs=1, steps=2)):
        seen.append([weights(part) for part in parts])

    def moved(part: int, since: int, until: int) -> bool:
        pairs = zip(seen[since][part], seen[until][part], strict=True)
        return any(not torch.equal(a, b) for a, b in pairs)

    assert len(seen) == 5
    assert moved(0, 0, 2) and not moved(1, 0, 2)
    assert not moved(0, 2, 4) and moved(1, 2, 4)
    assert not method.autoencoder.training and method.denoiser.training


def test_hidden_stretches_leave_something_to_see():
    for seed in range(200):
        torch.manual_seed(seed)
        span = hidden((0.1, 0.9), 10)
        assert 1 <= span.start < span.end <= 9


def test_windows_are_turned_mirrored_and_played_backwards():
    pose = make_pose(movements(1, 20)[0].numpy(), None, "h36m17", 30, units="m", frame="world")
    plain = Windows([pose], frames=20, size=1, augment=False)
    truth = plain.batch(np.random.default_rng(0)).joints[0, 0].numpy()
    assert np.array_equal(truth, pose.joints) and plain.samples == 1
    changed = Windows([pose], frames=20, size=64).batch(np.random.default_rng(0)).joints[:, 0]
    heights = changed[..., 1].numpy()
    forwards = [np.allclose(h, truth[..., 1]) for h in heights]
    flip = list(pose.skeleton.flip)
    mirrored = [np.allclose(h, truth[:, flip, 1]) for h in heights]
    backwards = [np.allclose(h[::-1], truth[..., 1]) for h in heights]
    assert 5 < sum(forwards) < 30 and 5 < sum(mirrored) < 30 and 5 < sum(backwards) < 30
    lengths = (changed[..., 0] ** 2 + changed[..., 2] ** 2).sqrt()
    ways = [(flip, False), (flip, True), (list(range(17)), False), (list(range(17)), True)]
    wanted = np.hypot(truth[..., 0], truth[..., 2])
    for one in lengths.numpy():
        assert any(
            np.allclose(one[::-1] if back else one, wanted[:, order], atol=1e-5)
            for order, back in ways
        )
    with pytest.raises(ConfigError, match="30 frames"):
        Windows([pose], frames=30, size=1)


def test_gaps_are_cut_along_a_movement():
    pose = make_pose(movements(1, 20)[0].numpy(), None, "h36m17", 30)
    cut = list(gaps(pose, context=3, frames=4, step=5))
    assert len(cut) == 3
    assert np.array_equal(np.concatenate(cut[1]), pose.joints[5:15].astype(float))
    assert [len(part) for part in cut[0]] == [3, 4, 3]


def test_joining_through_the_network_keeps_both_movements():
    rng = np.random.default_rng(0)
    first, second = (
        make_pose(rng.normal(size=(frames, 17, 3)), None, "h36m17", 30, units="m", frame="world")
        for frames in (8, 9)
    )
    whole = joined(first, second, filler(), 5)
    assert np.array_equal(whole.joints[:8], first.joints)
    assert np.array_equal(whole.joints[13:], second.joints)


@pytest.mark.parametrize(
    "facts",
    [
        {"kernel": 4},
        {"width": 12},
        {"sampling": 0},
        {"hidden": (0.5, 0.2)},
        {"spread": 0.0},
        {"velocity": 1.0, "predict": "noise"},
        {"told": "cubic", "predict": "noise"},
    ],
)
def test_impossible_settings_are_refused(facts):
    with pytest.raises(ConfigError, match="stgcdiff"):
        dataclasses.replace(Config(), **facts)
