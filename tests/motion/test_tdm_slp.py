"""TDM: exact sizes, the schedule, what the bone loss sees, and that it learns made-up signing."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from toy_signs import prototypes, signed_from

from verilens.bench.metrics import signs
from verilens.errors import ConfigError, MissingWeights
from verilens.motion.retrieval import MeanPose
from verilens.motion.sentences import Sentence
from verilens.motion.tdm_slp import diffusion
from verilens.motion.tdm_slp.config import BONES, Config
from verilens.motion.tdm_slp.loss import bone_loss, directions, joint_loss
from verilens.motion.tdm_slp.model import TDM
from verilens.motion.vocabulary import counted
from verilens.poses import dtw
from verilens.poses.skeletons import skeleton
from verilens.train.loop import fit
from verilens.train.recipe import Plan


def size(module):
    return sum(p.numel() for p in module.parameters())


def test_size_is_the_published_one_plus_the_vocabulary():
    with torch.device("meta"):
        method = TDM()
    vocabulary = method.words.num_embeddings
    assert size(method.encoder) == 50_386_944
    assert size(method.denoiser) == 72_480_768
    assert size(method) == 122_867_712 + 1024 * vocabulary


def test_bones_are_those_of_arms_and_hands():
    assert len(BONES) == len(set(BONES)) == 50
    assert {n for bone in BONES for n in bone} == set(range(50))
    names = skeleton("holistic178").joints
    told = {f"{names[a]} {names[b]}" for a, b in BONES}
    assert {"left_elbow left_wrist", "right_hand_wrist right_index_mcp"} <= told
    assert {"left_index_mcp left_middle_mcp", "left_pinky_mcp left_hand_wrist"} <= told


def test_the_schedule_falls_from_nearly_one_to_nearly_nothing():
    kept = diffusion.cosine(1000)
    assert 0.99 < kept[0] < 1 and 0 < kept[999] < 1e-4
    assert (kept.diff() < 0).all()
    clean = torch.randn(2, 5, 6)
    noisy = diffusion.noised(clean, torch.zeros_like(clean), kept[[10, 700]])
    assert torch.allclose(noisy[1], clean[1] * kept[700].sqrt().float())
    assert torch.allclose(noisy[0], clean[0] * kept[10].sqrt().float())


def test_an_oracle_is_sampled_back():
    clean = torch.randn(2, 7, 9)
    asked = []

    def oracle(x, time):
        asked.append(time)
        return clean

    torch.manual_seed(0)
    found = diffusion.sample(oracle, torch.randn_like(clean), diffusion.cosine(1000), 5, 1.0)
    assert torch.allclose(found, clean, atol=1e-5)
    assert asked == [999, 799, 599, 399, 199]


def test_bone_loss_sees_direction_only():
    torch.manual_seed(0)
    joints = torch.randn(1, 4, 50, 3)
    mask = torch.ones_like(joints)
    moved = 1.7 * joints
    assert float(bone_loss(moved, joints, mask, BONES)) == pytest.approx(0, abs=1e-9)
    assert float(bone_loss(joints + 3, joints, mask, BONES)) == pytest.approx(0, abs=1e-9)
    assert float(joint_loss(moved, joints, mask)) > 0.1
    a = 0.4
    one = torch.tensor([[[[0.0, 0, 0], [1, 0, 0]]]])
    turned = torch.tensor([[[[0.0, 0, 0], [2 * math.cos(a), 2 * math.sin(a), 0]]]])
    found = bone_loss(turned, one, torch.ones_like(one), ((0, 1),))
    assert float(found) == pytest.approx(2 * (1 - math.cos(a)) / 3, abs=1e-6)


def test_what_counts_as_padding_is_said_by_the_config():
    joints = torch.ones(1, 3, 178, 3)
    joints[0, 0, 5] = 0  # a true zero
    joints[0, 2] = 0  # padding
    from verilens.batch import TextPoseBatch

    batch = TextPoseBatch(
        labels=torch.zeros(1),
        joints=joints,
        frames=torch.tensor([2]),
        words=torch.tensor([[4, 3]]),
        word_counts=torch.tensor([2]),
    )
    losses = []
    for masking in ("zeros", "length"):
        torch.manual_seed(0)
        method = TDM(dataclasses.replace(Config.tiny(), masking=masking))
        torch.manual_seed(1)
        losses.append(float(method.training_step(batch).parts["joint"]))
    assert losses[0] < losses[1]


def world(count, seed, vocabulary=20, frames=12, spoken=(2, 5)):
    """Return made-up sentences of 20 words, each word a movement of 12 frames over 50 joints."""
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(vocabulary)]
    signs_ = prototypes(words, 50, frames, np.random.default_rng(5))
    texts = [" ".join(rng.choice(words, rng.integers(*spoken))) for _ in range(count)]
    rows = [Sentence(name=str(n), gloss=text, text=text) for n, text in enumerate(texts)]
    return rows, signed_from(rows, signs_, 0.005, rng)


def taught(signed, bone_weight, shuffle=False, epochs=40):
    if shuffle:
        texts = np.random.default_rng(0).permutation([s.text for s in signed])
        signed = [dataclasses.replace(s, text=str(t)) for s, t in zip(signed, texts, strict=True)]
    config = Config(
        skeleton="phoenix50",
        joints=50,
        words=counted(s.text for s in signed),
        width=128,
        layers=2,
        heads=4,
        inner=256,
        bone_weight=bone_weight,
        frames_per_word=12,
        loud=True,
        scale=2.0,
    )
    torch.manual_seed(0)
    method = TDM(config)
    plan = Plan(lr=1e-3, epochs=epochs, batch=32, clip_norm=5.0)
    for _ in fit(method, method.sentences(signed, 32, 0), plan):
        pass
    return method.eval()


def mje(ours, truth):
    return signs.dtw_mje(ours, truth, lambda a, b: dtw.fast(a, b).path)


def test_words_told_loudly_are_learned_in_seconds():
    """Six words, one a sentence; from noise alone each is told apart by its text."""
    _, signed = world(320, 0, vocabulary=6, frames=6, spoken=(1, 2))
    torch.manual_seed(0)
    method = TDM(
        Config(
            skeleton="phoenix50",
            joints=50,
            words=counted(s.text for s in signed),
            width=64,
            layers=1,
            heads=4,
            inner=128,
            loud=True,
            scale=3.0,
        )
    )
    for _ in fit(method, method.sentences(signed, 16, 0), Plan(lr=2e-3, epochs=15, clip_norm=5.0)):
        pass
    method.eval()
    truth = {s.text: s.joints for s in signed}
    still = MeanPose(signed).joints("", 6)
    told, other, mean = [], [], []
    for word, movement in truth.items():
        made = method.sign(word, 6).joints
        told.append(np.abs(made - movement).mean())
        other += [np.abs(made - one).mean() for name, one in truth.items() if name != word]
        mean.append(np.abs(still - movement).mean())
    assert np.mean(told) < 0.75 * np.mean(mean) and np.mean(told) < 0.6 * np.mean(other)


@pytest.mark.slow
def test_it_signs_made_up_words_better_than_standing_still():
    _, signed = world(500, 0)
    tests, truth = world(100, 1)
    moves = [s.joints for s in truth]
    lengths = [len(m) for m in moves]
    figures = {}
    for name, shuffle in (("text", False), ("shuffled", True)):
        method = taught(signed, 0.1, shuffle)
        made = [method.sign(t.text, n).joints for t, n in zip(tests, lengths, strict=True)]
        figures[name] = mje(made, moves)
    still = MeanPose(signed)
    figures["mean"] = mje([still.joints("", n) for n in lengths], moves)
    print(figures)
    assert figures["text"] < 0.7 * figures["mean"]
    assert figures["text"] < 0.8 * figures["shuffled"]


@pytest.mark.slow
def test_the_bone_loss_makes_bones_point_right():
    _, signed = world(500, 0)
    tests, truth = world(60, 1)
    errors = []
    for weight in (0.0, 0.1):
        method = taught(signed, weight, epochs=20)
        each = [
            (
                directions(torch.from_numpy(method.sign(t.text, len(s.joints)).joints), BONES)
                - directions(torch.from_numpy(s.joints), BONES)
            )
            .norm(dim=-1)
            .mean()
            for t, s in zip(tests, truth, strict=True)
        ]
        errors.append(float(torch.stack(each).mean()))
    print(f"direction error without bone loss {errors[0]:.4f}, with it {errors[1]:.4f}")
    assert errors[0] > errors[1]


def test_the_same_sentence_is_signed_the_same_way_and_as_long_as_asked():
    torch.manual_seed(0)
    method = TDM(Config.tiny()).eval()
    state = torch.get_rng_state()
    first, second = method.sign("a b c", 9), method.sign("A B C", 9)
    assert torch.equal(state, torch.get_rng_state())
    assert first.joints.shape == (9, 178, 3) and (first.joints == second.joints).all()
    assert len(method.sign("a b").joints) == round(2 * 8.3)
    assert len(method.sign("").joints) == 1
    assert np.isfinite(method.sign("unbekannt", 5).joints).all()


def test_what_is_wrong_is_named():
    with torch.device("meta"):
        method = TDM()
    with pytest.raises(MissingWeights, match="name no words"):
        method.sign("regen")
    with pytest.raises(ConfigError, match="beyond 49"):
        Config(joints=50, bones=((0, 50),))
    with pytest.raises(ConfigError, match="steps"):
        Config(steps=0)
