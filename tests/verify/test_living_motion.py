"""Figures of movement by hand, what they do not depend on, and what is said of too little."""

import dataclasses
import json

import moving
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from verilens import catalog, weights
from verilens.errors import ConfigError
from verilens.poses.make import make_pose
from verilens.poses.skeletons import skeleton
from verilens.records import Report
from verilens.report import json as report_json
from verilens.verify.living_motion import words
from verilens.verify.living_motion.config import Config
from verilens.verify.living_motion.eyes import eyes
from verilens.verify.living_motion.figures import FIGURES, GROUPS, NAMES, figures, of_part
from verilens.verify.living_motion.model import FigureBatch, LivingMotion
from verilens.verify.living_motion.movement import Groups, at_rate, spans, stretches

FINE = 500.0


def of(joints, rate, bones=None):
    return dict(zip(FIGURES, of_part(moving.part(joints, rate, bones)), strict=True))


def test_minimum_jerk_has_the_dimensionless_jerk_of_its_equation():
    # 720 A^2 / T^5 is the mean square jerk over T; the peak speed is 1.875 A / T
    for seconds in (1.0, 2.0):
        found = of(moving.straight(moving.minimum_jerk(seconds, FINE)), FINE)
        assert found["dimensionless_jerk"] == pytest.approx(np.log10(720 / 1.875**2), abs=0.02)


@pytest.mark.parametrize("hz", [0.5, 1.5, 2.5])
def test_a_sine_has_the_ratios_of_its_frequency(hz):
    t = moving.times(4.0, FINE)
    found = of(moving.straight(np.sin(2 * np.pi * hz * t)), FINE)
    for name in ("acceleration", "jerk", "snap"):
        assert found[name] == pytest.approx(np.log10(2 * np.pi * hz), abs=0.02)
    at_15 = of(moving.straight(np.sin(2 * np.pi * hz * moving.times(4.0, 15))), 15)
    bands = {name: value for name, value in at_15.items() if name.startswith("band")}
    assert max(bands, key=bands.get) == f"band_{ {0.5: 0, 1.5: 1, 2.5: 2}[hz] }"


def test_an_even_straight_passage_is_named_as_one():
    found = of(moving.straight(np.linspace(0, 1, 31)), 15)
    assert found["straight_least"] == -6 and found["cubic_least"] == -6
    assert found["lockstep"] == pytest.approx(1) and found["speed_changes"] < 1e-6
    assert found["shapes"] == pytest.approx(0, abs=1e-6)


def test_a_cubic_is_told_from_other_smooth_curves():
    t = np.linspace(-1, 1, 31)
    cubic, other = of(moving.straight(t**3 - t), 15), of(moving.straight(np.sin(9 * t)), 15)
    assert cubic["cubic"] == -6 and other["cubic"] > -2


def test_what_does_not_move_has_no_rhythm():
    found = of(moving.straight(np.zeros(31)), 15)
    assert found["frozen"] == 1 and found["speed"] == -6
    assert np.isnan(found["jerk"]) and np.isnan(found["lockstep"])


def test_drawing_hands_follow_the_power_law():
    assert of(moving.ellipse(4, FINE), FINE)["power_law"] == pytest.approx(-1 / 3, abs=0.01)


def test_repetition_and_return_are_seen():
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(8, 4, 3)).cumsum(0)
    once = rng.normal(size=(32, 4, 3)).cumsum(0)
    assert of(np.tile(turn, (4, 1, 1)), 15)["repeats"] == -6
    assert of(np.concatenate([once[:16], once[15::-1]]), 15)["mirrored"] == -6
    assert of(once, 15)["repeats"] > -1 and of(once, 15)["mirrored"] > -1


def test_bones_keep_their_length_when_they_turn_and_not_when_they_are_stretched():
    t = moving.times(2.0, 15)
    rest = np.random.default_rng(0).normal(size=(6, 3))
    turn = np.array([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in t])
    rigid = np.einsum("tab,jb->tja", turn, rest)
    stretched = rigid * (1 + 0.09 * np.sqrt(2) * np.sin(2 * np.pi * t))[:, None, None]
    assert of(rigid, 15, moving.TREE)["bone_change"] == -6
    assert of(rigid, 15, moving.TREE)["bone_wobble"] == -6
    assert 10 ** of(stretched, 15, moving.TREE)["bone_change"] == pytest.approx(0.09, rel=0.05)
    assert np.isnan(of(rigid, 15)["bone_change"])


def measured(pose):
    return np.stack([figures(one) for one in stretches(pose, Config())])


def test_place_size_and_unit_change_nothing():
    pose = moving.gesturing()
    moved = dataclasses.replace(
        pose, joints=(1000 * pose.joints + [5000, -70, 3]).astype(np.float32), units="mm"
    )
    assert np.allclose(measured(pose), measured(moved), atol=0.02, equal_nan=True)


@pytest.mark.parametrize("fps", [20, 24, 25, 60, 120])
def test_the_frame_rate_hardly_matters(fps):
    usual, other = (measured(moving.gesturing(fps=rate)).mean(0) for rate in (30, fps))
    chosen = [
        NAMES.index(f"body.{name}")
        for name in ("speed", "acceleration", "jerk", "lockstep", "shapes", "form_change", "band_1")
    ]
    assert np.allclose(usual[chosen], other[chosen], atol=0.06)


def test_flat_joints_have_all_figures_but_bones():
    rows = measured(moving.gesturing(dims=2))
    unknown = {NAMES[n] for n in np.flatnonzero(np.isnan(rows).all(0))}
    assert {n for n in unknown if n.startswith("body")} == {"body.bone_change", "body.bone_wobble"}


def test_guessed_depth_beside_pixels_is_not_read():
    flat = moving.gesturing(dims=2)
    depth = np.random.default_rng(1).normal(size=(len(flat), 17, 1)).astype(np.float32)
    deep = dataclasses.replace(flat, joints=np.concatenate([flat.joints, depth], 2))
    assert np.allclose(measured(flat), measured(deep), equal_nan=True)


def test_parts_of_a_wide_picture_are_measured_in_pixels():
    flat = moving.gesturing(dims=2)
    size = (1600, 400)
    parts = dataclasses.replace(
        flat, joints=flat.joints / np.float32(size), units="norm", size=size
    )
    assert np.allclose(measured(flat), measured(parts), atol=0.02, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "body", "hands", "face"),
    [
        ("coco17", 17, [], 0),
        ("coco133", 23, [21, 21], 68),
        ("holistic178", 8, [21, 21], 128),
        ("phoenix50", 8, [21, 21], 0),
        ("sfinge20", 0, [20], 0),
        ("cmu38", 38, [], 0),
        ("mediapipe33", 33, [], 0),
    ],
)
def test_groups_are_told_by_names(name, body, hands, face):
    found = Groups.of(skeleton(name))
    assert (len(found.body), [len(h) for h in found.hands], len(found.face)) == (body, hands, face)


def test_the_last_stretch_ends_with_the_clip():
    config = Config()
    assert spans(14, 15, config) == []
    assert spans(15, 15, config) == [(0, 15)]
    assert spans(100, 15, config)[-1] == (70, 100)
    assert all(end - start == 30 for start, end in spans(100, 15, config))


def test_cubics_between_frames_pass_through_them():
    pose = moving.gesturing(fps=30)
    assert np.allclose(at_rate(pose, 15).joints, pose.joints[::2], atol=1e-6)
    assert at_rate(pose, 60) is pose and at_rate(pose, 25).fps == 25


def test_blinks_are_counted():
    assert eyes(moving.blinking(3)).blinks == 3
    assert eyes(moving.blinking(3)).per_minute == pytest.approx(15, rel=0.01)
    assert eyes(moving.blinking(3)).said() == ""
    still = eyes(moving.blinking(0))
    assert still.blinks == 0 and still.said() == "no blink in 12 s; the lids do not move"
    assert eyes(moving.blinking(0, seconds=4)).said() == ""  # nothing remarkable in four seconds
    assert eyes(moving.gesturing()) is None


# What the network promises, as every method does


def batch(count=8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, len(NAMES)))
    x[::2, len(FIGURES) :] = np.nan
    return FigureBatch(
        figures=torch.from_numpy(x).float(), labels=torch.arange(count).remainder(2).float()
    )


def tiny():
    torch.manual_seed(0)
    return LivingMotion(Config.tiny())


def test_loss_is_finite_and_reaches_every_weight():
    method, given = tiny().train(), batch()
    for weights_ in (None, torch.linspace(0.5, 2, 8)):
        loss = method.training_step(dataclasses.replace(given, weights=weights_))
        assert torch.isfinite(loss.total) and len(loss.each) == 8
    loss.total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.parameters())


def test_saved_and_loaded_methods_agree(tmp_path):
    method, other = tiny().eval(), tiny().eval()
    method.measure(batch().figures)
    save_file(method.state_dict(), tmp_path / "w.safetensors")
    weights.load_into(other, tmp_path / "w.safetensors")
    assert torch.equal(method(batch().figures), other(batch().figures))
    assert set(load_file(tmp_path / "w.safetensors")) == set(other.state_dict())


def test_a_batch_of_two_equals_two_of_one_and_the_unknown_counts_as_usual():
    method, x = tiny().eval(), batch().figures
    method.measure(x)
    apart = torch.cat([method(x[:1]), method(x[1:2])])
    assert torch.allclose(method(x[:2]), apart, atol=1e-6)
    usual = x.clone()
    usual[::2, len(FIGURES) :] = method.centre[len(FIGURES) :]
    assert torch.equal(method(x), method(usual))


def test_full_size_and_its_groups():
    method = LivingMotion()
    count = len(NAMES)
    layers = count * 64 + 64 + 64 * 32 + 32 + 32 + 1
    assert sum(p.numel() for p in method.parameters()) == layers
    assert count == len(FIGURES) * len(GROUPS)


def test_it_learns_what_sets_two_kinds_apart():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, len(NAMES))).astype(np.float32)
    y = (rng.random(400) < 0.5).astype(np.float32)
    x[:, 3] += 2 * y
    method = tiny().train()
    method.measure(torch.from_numpy(x[y == 0]))
    optimiser = torch.optim.Adam(method.parameters(), 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        given = FigureBatch(figures=torch.from_numpy(x), labels=torch.from_numpy(y))
        method.training_step(given).total.backward()
        optimiser.step()
    moved = method.eval().moved(x[y == 1].astype(float)).mean(0)
    assert moved.argmax() == 3 and moved[3] > 1


@pytest.mark.parametrize(
    "field", [{"rate": 5.0}, {"hop_s": 3.0}, {"least_s": 0.0}, {"hidden": (0,)}]
)
def test_impossible_settings_are_refused(field):
    with pytest.raises(ConfigError, match="living_motion"):
        Config(**field)


# Evidence


def test_evidence_is_in_range_survives_json_and_names_seconds():
    method = catalog.load("living_motion")
    (found,) = method.inspect([moving.gesturing(seconds=6)])
    line = report_json.dumps(Report(path="x", version="0", seconds=0, evidence=(found,)))
    assert json.loads(line)["evidence"][0]["claim"] == "generated-movement"
    assert 0 <= found.score <= 1 and (found.score > 0.5) == (found.logit > 0) and found.why
    assert [round(t, 2) for t, _ in found.where.timeline][:3] == [1.0, 1.53, 2.07]
    assert all(0 <= s.start_s < s.end_s <= 6.1 for s in found.where.segments)
    assert found.track is None and any("no hand" in limit for limit in found.limits)


def test_why_names_the_figures_by_group_and_how_far_they_are_from_usual():
    usual, rows = np.zeros(len(NAMES)), np.zeros((1, len(NAMES)))
    moved = np.zeros((1, len(NAMES)))
    for name, value, pull in (
        ("body.jerk", np.log10(0.6), 3.0),
        ("hands.form_change", -1.0, 2.0),
        ("body.bone_change", np.log10(0.09), 1.0),
        ("body.speed", 1.0, 0.1),
    ):
        place = NAMES.index(name)
        usual[place] = -2 if name == "body.bone_change" else 0
        rows[0, place], moved[0, place] = value, pull
    said = words.why(rows, moved, usual, looks_made=True)
    assert said == (
        "body: jerk 40% below living movement, bones change length by 9.0%; hands: keep one shape"
    )
    assert words.why(rows, moved, usual, looks_made=False).endswith(f"most unusual: {said}")
    assert "as in captured" in words.why(rows, 0 * moved, usual, looks_made=True)


def test_two_persons_are_judged_each_alone():
    method = catalog.load("living_motion")
    one, two = moving.gesturing(seed=1), moving.gesturing(seed=2)
    both = method.inspect([one, two])
    assert [item.track for item in both] == [1, 2]
    for item, pose in zip(both, (one, two), strict=True):
        assert method.inspect([pose])[0].logit == pytest.approx(item.logit)


@pytest.mark.parametrize(
    ("pose", "why"),
    [
        (moving.gesturing(seconds=0.0), "too short: 1 frames"),
        (moving.gesturing(seconds=0.8), "too short: 25 frames in 0.83 s, 1 s needed"),
        (moving.gesturing(fps=5), "only 5 frames a second, 10 are needed"),
    ],
)
def test_too_little_is_said_and_not_scored(pose, why):
    method = tiny().eval()
    assert why in method.unable(pose) and method.inspect([pose]) == []


def test_missing_joints_count_as_missing():
    pose, method = moving.gesturing(), tiny().eval()
    joints = pose.joints.astype(float)
    joints[:, 3:] = np.nan
    few = make_pose(joints, None, "h36m17", 30)
    assert "too few joints: 4 must be seen" in method.unable(few)
    unsure = dataclasses.replace(pose, confidence=np.zeros_like(pose.confidence))
    assert "too few joints" in method.unable(unsure) and method.inspect([unsure]) == []
    holes = pose.confidence.copy()
    holes[10:12, 5] = 0  # two frames of one joint
    (found,) = method.inspect([dataclasses.replace(pose, confidence=holes)])
    assert np.isfinite(found.logit)


def test_hands_alone_and_a_frozen_person_are_judged():
    rng, method = np.random.default_rng(0), tiny().eval()
    hand = make_pose(rng.normal(size=(45, 20, 3)).cumsum(0), None, "sfinge20", 20)
    still = make_pose(np.tile(rng.normal(size=(1, 17, 3)), (45, 1, 1)), None, "h36m17", 30)
    for pose in (hand, still):
        (found,) = method.inspect([pose])
        assert np.isfinite(found.logit)
