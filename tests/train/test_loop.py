"""The loop: it learns, is fixed by its seed, goes on exactly, and stops where it must."""

import copy
import dataclasses
import itertools

import pytest
import torch
from toy_batches import Held, Perceptron, separable

from verilens.batch import ClipBatch
from verilens.errors import ConfigError, TrainingError
from verilens.method import Loss
from verilens.train import schedule
from verilens.train.ema import swapped_in
from verilens.train.loop import fit
from verilens.train.recipe import Boost, Plan

PLAN = Plan(lr=0.02, batch=16, epochs=5, seed=3)
RICH = dataclasses.replace(
    PLAN, optimiser="adamw", weight_decay=0.1, schedule="cosine", warmup_steps=3, clip_norm=0.5,
    accumulate=3, ema=0.9, boost=Boost(on=True),
)  # fmt: skip


def held() -> Held:
    return Held(*separable(), size=16)


def fresh(dropout: float = 0.2) -> Perceptron:
    torch.manual_seed(1)
    return Perceptron(4, dropout=dropout)


def curve(plan: Plan, method: Perceptron | None = None) -> list[float]:
    return [step.loss for step in fit(method or fresh(), held(), plan)]


def test_learns():
    losses = curve(dataclasses.replace(PLAN, epochs=30), fresh(dropout=0.0))
    assert sum(losses[-4:]) < 0.3 * sum(losses[:4])


def test_steps_are_counted_and_timed():
    steps = list(fit(fresh(), held(), PLAN))
    assert [step.n for step in steps] == list(range(1, 21))
    assert [(s.epoch, s.batch) for s in steps[3:6]] == [(0, 4), (1, 1), (1, 2)]
    assert [step.n for step in steps if step.ends_epoch] == [4, 8, 12, 16, 20]
    assert all(s.seconds >= s.waited_s + s.worked_s > 0 for s in steps)
    assert steps[0].parts.keys() == {"bce"} and steps[0].norm is None


def test_a_limit_of_steps_ends_the_run():
    assert len(curve(dataclasses.replace(PLAN, steps=6))) == 6


@pytest.mark.parametrize("plan", [PLAN, RICH], ids=["plain", "rich"])
def test_the_seed_fixes_the_curve_whatever_was_drawn_before(plan):
    first = curve(plan)
    torch.rand(7)
    assert curve(plan) == first
    assert curve(dataclasses.replace(plan, seed=4)) != first


@pytest.mark.parametrize("plan", [PLAN, RICH], ids=["plain", "rich"])
@pytest.mark.parametrize("stop", [1, 6, 8])
def test_goes_on_exactly_from_a_snapshot(plan, stop):
    whole = fresh()
    losses = curve(plan, whole)
    first = fresh()
    *_, last = itertools.islice(fit(first, held(), plan), stop)
    kept = copy.deepcopy(last.snapshot())
    torch.rand(5)
    second = Perceptron(4)
    rest = list(fit(second, held(), plan, start=kept))
    assert [step.loss for step in rest] == losses[stop:]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_a_batch_in_parts_gives_the_gradient_of_the_whole():
    plan = dataclasses.replace(PLAN, optimiser="sgd", momentum=0.0, steps=3)
    whole, parts = fresh(dropout=0.0), fresh(dropout=0.0)
    list(fit(whole, held(), plan))
    list(fit(parts, held(), dataclasses.replace(plan, accumulate=3)))
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)


def test_gradients_are_clipped():
    plan = dataclasses.replace(PLAN, optimiser="sgd", momentum=0.0, steps=1, lr=1.0, clip_norm=0.01)
    method = fresh(dropout=0.0)
    before = [p.detach().clone() for p in method.parameters()]
    (step,) = fit(method, held(), plan)
    moved = torch.cat([(a - b).flatten() for a, b in zip(method.parameters(), before, strict=True)])
    assert step.norm > 0.01
    assert float(moved.detach().norm()) == pytest.approx(0.01, rel=1e-3)


def test_the_average_follows_and_is_swapped_in_for_a_while():
    method = fresh(dropout=0.0)
    *_, last = fit(method, held(), dataclasses.replace(PLAN, ema=0.5))
    own = copy.deepcopy(method.state_dict())
    with swapped_in(method, last.average):
        assert torch.equal(method.net[0].weight, last.average["net.0.weight"])
        assert not torch.equal(method.net[0].weight, own["net.0.weight"])
    assert torch.equal(method.net[0].weight, own["net.0.weight"])
    distance = (last.average["net.0.weight"] - own["net.0.weight"]).abs().max()
    assert 0 < distance < 0.1


def test_half_precision_learns_too():
    plan = dataclasses.replace(PLAN, epochs=30, precision="bfloat16")
    losses = curve(plan, fresh(dropout=0.0))
    assert sum(losses[-4:]) < 0.4 * sum(losses[:4])


class Poisoned(Perceptron):
    """Its loss is no number in the third step."""

    calls = 0

    def training_step(self, batch: ClipBatch) -> Loss:
        self.calls += 1
        loss = super().training_step(batch)
        return dataclasses.replace(loss, total=loss.total * (float("nan") if self.calls > 2 else 1))


def test_a_loss_that_is_no_number_stops_the_run_before_the_weights():
    method, seen = Poisoned(4), []
    with pytest.raises(TrainingError, match=r"step 3 is nan; lower --set plan\.lr=0\.002"):
        for step in fit(method, held(), PLAN):
            seen.append(step.n)
    assert seen == [1, 2]
    assert all(torch.isfinite(p).all() for p in method.parameters())


class Blunt(Perceptron):
    """Gives no loss per sample."""

    def training_step(self, batch: ClipBatch) -> Loss:
        return Loss(total=super().training_step(batch).total)


def test_boosting_a_method_without_single_losses_is_refused():
    with pytest.raises(ConfigError, match="no loss per sample"):
        list(fit(Blunt(4), held(), dataclasses.replace(PLAN, boost=Boost(on=True))))


@pytest.mark.parametrize(
    ("plan", "rates"),
    [
        (Plan(lr=1.0, epochs=3), [1, 1, 1, 1, 1, 1]),
        (Plan(lr=1.0, epochs=3, lr_factor=0.1, lr_every_epochs=1), [1, 1, 0.1, 0.1, 0.01, 0.01]),
        (
            Plan(lr=1.0, epochs=3, lr_factor=0.1, lr_every_epochs=1, lr_floor=0.05),
            [1, 1, 0.1, 0.1, 0.05, 0.05],
        ),
        (
            Plan(lr=1.0, epochs=3, schedule="milestones", lr_factor=0.5, lr_milestones=(1, 2)),
            [1, 1, 0.5, 0.5, 0.25, 0.25],
        ),
        (Plan(lr=1.0, epochs=3, warmup_steps=4), [0.25, 0.5, 0.75, 1, 1, 1]),
        (
            Plan(lr=1.0, epochs=3, schedule="cosine", warmup_steps=2, lr_floor=0.2),
            [0.5, 1, 1, 0.882843, 0.6, 0.317157],
        ),
        (
            Plan(lr=1.0, epochs=3, schedule="linear", warmup_steps=2, lr_floor=0.2),
            [0.5, 1, 1, 0.8, 0.6, 0.4],
        ),
    ],
)
def test_learning_rates_by_hand(plan, rates):
    assert [schedule.rate(plan, n, 2) for n in range(6)] == pytest.approx(rates, abs=1e-6)


def test_groups_keep_their_proportion():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": weights[:1]}, {"params": weights[1:], "lr": 0.1}]
    plan = Plan(lr=1.0, optimiser="sgd")
    optimiser = schedule.optimiser(groups, plan)
    schedule.set_rate(optimiser, plan, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.05]


def test_amsgrad_reaches_the_optimiser():
    features, labels = separable()
    for wanted in (False, True):
        torch.manual_seed(0)
        steps = fit(
            Perceptron(4), Held(features, labels, 16), Plan(lr=0.1, steps=1, amsgrad=wanted)
        )
        state = next(steps).snapshot()["optimiser"]
        assert all(("max_exp_avg_sq" in held) is wanted for held in state["state"].values())
