"""FAS-GRPO: rewards and objective by hand, and a tiny policy that learns by them."""

import dataclasses
from copy import deepcopy

import numpy as np
import pytest
import torch
from toy_spoofs import (
    SENTENCES,
    WORDS,
    batches,
    begun,
    faces,
    measured,
    policy,
    shifted,
    start,
    supervised,
)

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.train.recipe import Plan
from verilens.verify.fas_grpo import grpo
from verilens.verify.fas_grpo.config import Config
from verilens.verify.fas_grpo.fit import fit
from verilens.verify.fas_grpo.model import FASGRPO, opening
from verilens.verify.fas_grpo.rewards import implied, rewards

GOOD = "<think>The skin shows pores and depth.</think><answer>real</answer>"


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        (GOOD, "real", (1, 1, 1)),
        (GOOD, "spoof", (0, 1, 1)),
        ("<think>A moire pattern, so a screen.</think>\n<answer>spoof: replay</answer>", "spoof",
         (1, 1, 1)),
        ("<think>It looks like printed paper.</think><answer>real</answer>", "real", (1, 0, 1)),
        ("<think>No moire, no glare.</think><answer>real</answer>", "real", (1, 1, 1)),
        ("<think>Hard to say.</think><answer>spoof</answer>", "spoof", (1, 0, 1)),
        ("The skin shows pores. <answer>real</answer>", "real", (1, 0, 0)),
        ("<think>pores</think> real", "real", (0, 0, 0)),
        ("<think>pores</think><answer>real</answer><answer>spoof</answer>", "real", (0, 0, 0)),
        ("<think>pores</think><answer>maybe</answer>", "real", (0, 0, 0)),
        (GOOD + " Trust me.", "real", (1, 1, 0)),
        ("<answer>spoof</answer><think>a mask</think>", "spoof", (1, 1, 0)),
        ("", "real", (0, 0, 0)),
    ],
)  # fmt: skip
def test_the_reward_table(text, label, expected):
    assert tuple(rewards(text, label)) == expected
    assert rewards(text, label).total() == sum(expected)
    assert rewards(text, label).total((2.0, 1.0, 0.5)) == 2 * expected[0] + expected[1] + (
        0.5 * expected[2]
    )


@pytest.mark.parametrize(
    ("thoughts", "verdict"),
    [
        ("a flat paper edge", "spoof"),
        ("without any sign of a mask", "real"),
        ("pores, but the screen shows stripes", "spoof"),
        ("pores and stripes", None),
        ("", None),
    ],
)
def test_what_thoughts_imply(thoughts, verdict):
    assert implied(thoughts) == verdict


def test_advantages_by_hand():
    found = torch.tensor([[2.0, 1.0, 1.0, 0.0]])
    root = 2**0.5
    assert grpo.advantages(found)[0].tolist() == pytest.approx([root, 0, 0, -root], abs=1e-4)
    sample = grpo.advantages(found, "sample")[0].tolist()
    assert sample == pytest.approx([1.2247, 0, 0, -1.2247], abs=1e-3)
    assert (grpo.advantages(torch.full((2, 4), 1.5)) == 0).all()


def test_answers_kept_by_hand():
    found = torch.tensor([[2.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert grpo.kept(found, 0.5).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]
    assert grpo.kept(found, 1.0)[0].tolist() == [1, 1, 1, 1]


def test_the_distance_is_never_negative_and_its_gradient_is_right():
    torch.manual_seed(0)
    log_pi = torch.randn(50, dtype=torch.float64, requires_grad=True)
    log_ref = torch.randn(50, dtype=torch.float64)
    assert (grpo.kl_k3(log_pi, log_ref) >= 0).all()
    assert (grpo.kl_k3(log_pi, log_pi) == 0).all()
    assert torch.autograd.gradcheck(lambda x: grpo.kl_k3(x, log_ref), log_pi)


def test_clipping_is_inactive_at_a_ratio_of_one_and_acts_beyond():
    zero = torch.zeros(1, 1)
    plus, minus = torch.tensor([2.0]), torch.tensor([-2.0])
    assert grpo.surrogate(zero, zero, plus, 0.2) == 2.0
    log_pi = zero.clone().requires_grad_()
    grpo.surrogate(log_pi, zero, plus, 0.2).sum().backward()
    assert log_pi.grad == 2.0  # the policy gradient, unclipped
    far = torch.full((1, 1), 0.5, requires_grad=True)  # a ratio of 1.65
    assert grpo.surrogate(far, zero, plus, 0.2).item() == pytest.approx(2.4)
    grpo.surrogate(far, zero, plus, 0.2).sum().backward()
    assert far.grad == 0
    assert grpo.surrogate(far, zero, minus, 0.2).item() == pytest.approx(-2 * np.exp(0.5))


def test_the_loss_is_a_mean_over_an_answers_own_tokens():
    values, mask = torch.tensor([[3.0, 1.0, 9.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    assert grpo.per_answer(values, mask).item() == 2.0


def test_equal_rewards_move_nothing():
    torch.manual_seed(0)
    method = FASGRPO(Config.tiny())  # its answers are noise: all earn 0
    batch = ClipBatch(frames=torch.rand(2, 1, 3, 32, 32), labels=torch.tensor([0.0, 1.0]))
    loss = method.eval().training_step(batch)
    assert loss.parts["reward"] == 0
    loss.total.backward()
    weights = [p for p in method.parameters() if p.requires_grad]
    assert max(p.grad.abs().max() for p in weights) < 1e-6


def test_openings_end_where_the_verdict_begins():
    assert opening(GOOD) == "<think>The skin shows pores and depth.</think><answer> "
    assert opening("<think> a </think> b") == "<think> a </think> b<answer> "
    assert opening("endless") == "endless </think> <answer> "


def test_impossible_settings_are_refused():
    for settings in ({"group": 1}, {"inner": 0}, {"keep": 0.0}):
        with pytest.raises(ConfigError, match="fas_grpo"):
            Config(**settings)


def test_the_toys_words_are_those_its_rewards_know():
    for sentence, verdict in SENTENCES.items():
        assert implied(sentence) == verdict
    assert set(WORDS) >= {"<think>", "</think>", "<answer>", "</answer>", "real", "spoof"}


@pytest.fixture(scope="module")
def formed():
    """A policy that keeps to the form, its thoughts and verdicts random."""
    return begun(policy(seed=0))


def test_the_seed_fixes_the_curve(formed):
    curves = []
    for _ in range(2):
        method = deepcopy(formed)
        plan = Plan(lr=1e-3, seed=5, clip_norm=1.0)
        curves.append([step.parts["reward"] for step in fit(method, batches(3, seed=2), plan)])
    assert curves[0] == curves[1] and len(set(curves[0])) == 3


def test_several_updates_a_batch_leave_the_ratio_of_one(formed):
    method = deepcopy(formed)
    method.config = dataclasses.replace(method.config, inner=3)
    steps = list(fit(method, batches(1, seed=2), Plan(lr=1e-3, seed=5)))
    assert [s.n for s in steps] == [1, 2, 3]
    assert steps[0].parts["kl"] == pytest.approx(0, abs=1e-6)
    assert min(steps[1].parts["kl"], steps[2].parts["kl"]) > 1e-3


@pytest.fixture(scope="module")
def learned():
    """The toy trained with all rewards, its curve, and its start."""
    return start()


@pytest.mark.slow
def test_reward_rises_and_held_out_faces_are_told_apart(learned):
    method, curve, _ = learned
    first, last = np.mean(curve[:10]), np.mean(curve[-10:])
    found = measured(method, *faces(300, seed=99))
    print(f"reward of 2: {first:.2f} -> {last:.2f}; held out {found}")
    assert 0.7 <= first <= 1.3 and last >= 1.8
    assert found.accuracy >= 0.9 and found.agreement >= 0.95


@pytest.mark.slow
def test_without_the_reasoning_reward_thoughts_and_answers_part(learned):
    method, _, _ = learned
    other, _, _ = start(reason=0.0)
    data = faces(300, seed=99)
    with_it, without = measured(method, *data), measured(other, *data)
    print(f"agreement {with_it.agreement:.3f}, without its reward {without.agreement:.3f}")
    assert without.agreement <= with_it.agreement - 0.1


@pytest.fixture(scope="module")
def taught(learned):
    """The same policy, tuned on right answers for as many steps."""
    return supervised(steps=len(learned[1]))


def of_shifted(learned, taught, far):
    """Return how GRPO and supervised tuning fare on another camera's textures."""
    frames, labels = faces(300, seed=77)
    moved = shifted(frames, far)
    ours, theirs = (measured(method, moved, labels) for method in (learned[0], taught))
    print(f"shifted, far={far}: GRPO {ours.accuracy:.3f}, supervised {theirs.accuracy:.3f}")
    return ours.accuracy, theirs.accuracy


@pytest.mark.slow
def test_it_carries_over_to_shifted_faces_as_well_as_supervised_tuning(learned, taught):
    ours, theirs = of_shifted(learned, taught, far=False)
    assert ours >= theirs - 0.02


@pytest.mark.slow
@pytest.mark.xfail(reason="measured 0.68 against 0.84: where the shift is large, GRPO falls behind")
def test_it_carries_over_to_far_shifted_faces_too(learned, taught):
    ours, theirs = of_shifted(learned, taught, far=True)
    assert ours >= theirs - 0.02
