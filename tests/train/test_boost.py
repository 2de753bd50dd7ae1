"""Momentum difficulty boosting: the hand checks of its formula, and that it finds what is hard."""

import pytest
import torch
from toy_batches import Held, Perceptron, separable

from verilens.errors import ConfigError
from verilens.method import Loss
from verilens.train.boost import Difficulty, boosted, weights
from verilens.train.loop import fit
from verilens.train.recipe import Boost, Plan


@pytest.mark.parametrize("rule", ["softmax", "power"])
def test_weights_have_mean_one_and_rise_with_difficulty(rule):
    generator = torch.Generator().manual_seed(0)
    for count in (1, 2, 7, 32):
        momentum = torch.rand(count, generator=generator) * 3
        weight = weights(momentum, Boost(rule=rule))
        assert float(weight.double().mean()) == pytest.approx(1, abs=1e-7)
        assert torch.equal(weight.argsort(), momentum.argsort())


@pytest.mark.parametrize("rule", ["softmax", "power"])
def test_equal_difficulties_give_weights_of_one(rule):
    assert torch.equal(weights(torch.full((5,), 0.7), Boost(rule=rule)), torch.ones(5))


def test_momentum_by_hand():
    difficulty = Difficulty(1, Boost(momentum=0.5))
    index = torch.tensor([0])
    seen = [float(difficulty.update(index, torch.tensor([d]))) for d in (1.0, 0.0, 1.0)]
    assert seen == [0.5, 0.25, 0.625]


def test_no_momentum_uses_the_current_loss_only():
    difficulty = Difficulty(3, Boost(momentum=0.0))
    index = torch.tensor([2, 0])
    difficulty.update(index, torch.tensor([9.0, 9.0]))
    assert difficulty.update(index, torch.tensor([1.0, 3.0])).tolist() == [1.0, 3.0]
    assert difficulty.momentum.tolist() == [3.0, 0.0, 1.0]


def test_full_momentum_freezes_the_weights():
    difficulty = Difficulty(2, Boost(momentum=1.0))
    for each in ([5.0, 0.0], [0.0, 7.0]):
        momentum = difficulty.update(torch.tensor([0, 1]), torch.tensor(each))
        assert weights(momentum, difficulty.boost).tolist() == [1.0, 1.0]


def test_temperature_flattens():
    momentum = torch.tensor([0.0, 2.0])
    sharp, flat = (weights(momentum, Boost(temperature=t)) for t in (0.5, 50.0))
    assert sharp[1] > 1.9 and flat[1] < 1.05


def test_a_miss_is_the_probability_that_was_wrong():
    losses = torch.tensor([0.0, 0.6931472])
    found = Difficulty(1, Boost(measure="miss")).of(losses)
    assert found.tolist() == pytest.approx([0.0, 0.5], abs=1e-6)


def test_only_the_term_per_sample_is_weighted():
    each = torch.tensor([1.0, 3.0])
    loss = Loss(total=each.mean() + 10, each=each)
    assert float(boosted(loss, torch.tensor([0.5, 1.5]))) == pytest.approx(12.5)
    with pytest.raises(ConfigError, match="no loss per sample"):
        boosted(Loss(total=each.mean()), torch.ones(2))


def test_the_first_epoch_has_uniform_weights():
    def curve(boost: Boost) -> list[float]:
        torch.manual_seed(0)
        method = Perceptron(4, dropout=0.0)
        plan = Plan(lr=0.02, batch=16, epochs=2, boost=boost)
        return [step.loss for step in fit(method, Held(*separable(), size=16), plan)]

    plain, boost = curve(Boost()), curve(Boost(on=True))
    assert plain[:4] == boost[:4] and plain[5:] != boost[5:]


def test_hard_samples_weigh_more_after_five_epochs():
    features, labels = separable(400, seed=2)
    hard = torch.arange(400) % 5 == 0  # a fifth, whose sum says the opposite of the label
    labels = torch.where(hard, 1 - labels, labels)
    torch.manual_seed(0)
    # With the default of 0.9 a sample seen five times carries 41 % of its difficulty; the ratio is
    # 1.4 then.
    boost = Boost(on=True, momentum=0.5)
    plan = Plan(lr=0.02, batch=40, epochs=5, boost=boost)
    *_, last = fit(Perceptron(4, dropout=0.0), Held(features, labels, 40), plan)
    weight = weights(last.snapshot()["difficulty"], boost)
    assert weight[hard].mean() >= 1.5 * weight[~hard].mean()
    assert float(weight.mean()) == pytest.approx(1, abs=1e-5)


# Three kinds of fakes, each told by a trace of its own four features; the rarest is the faintest.
SHARES = (0.7, 0.2, 0.1)
SPREADS, TRACES = (1.0, 0.3, 0.1), (4.0, 1.0, 0.3)


def mixture(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return features (count, 12), labels and the kind of each fake (-1 for genuine)."""
    generator = torch.Generator().manual_seed(seed)
    spread = torch.tensor(SPREADS).repeat_interleave(4)
    features = torch.randn(count, 12, generator=generator) * spread
    labels = (torch.arange(count) % 2).float()
    drawn = torch.multinomial(torch.tensor(SHARES), count, True, generator=generator)
    kinds = torch.where(labels > 0, drawn, torch.full_like(drawn, -1))
    for kind, trace in enumerate(TRACES):
        features[kinds == kind, 4 * kind : 4 * kind + 4] += trace
    return features, labels, kinds


def accuracies(boost: Boost, seed: int) -> tuple[float, float]:
    """Return accuracy on the rarest kind and on everything, after a short training."""
    torch.manual_seed(seed)
    method = Perceptron(12, width=32, dropout=0.0)
    features, labels, _ = mixture(2000, seed)
    plan = Plan(lr=2e-3, batch=64, epochs=8, seed=seed, boost=boost)
    list(fit(method, Held(features, labels, 64), plan))
    features, labels, kinds = mixture(8000, 100 + seed)
    with torch.inference_mode():
        right = (method.eval().net(features)[:, 0] > 0) == (labels > 0)
    return float(right[kinds == 2].float().mean()), float(right.float().mean())


@pytest.mark.slow
def test_boosting_helps_the_rarest_kind_and_costs_little():
    uniform = torch.tensor([accuracies(Boost(), seed) for seed in range(3)])
    boosted = torch.tensor([accuracies(Boost(on=True), seed) for seed in range(3)])
    rarest, overall = (boosted - uniform).mean(0).tolist()
    assert rarest >= 0.05 and overall >= -0.01, (uniform, boosted)
