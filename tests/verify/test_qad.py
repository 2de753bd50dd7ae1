"""QAD: HSIC and the worst step by hand, that an ordinary step is the perturbed one, and a toy."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from toy_seams import groups, scores, train_groups

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.train.loop import fit
from verilens.train.recipe import Plan
from verilens.verify.qad.config import Config
from verilens.verify.qad.loss import alignment, described, gaussian, hsic, worst_step
from verilens.verify.qad.model import QAD, recompressed


def small(**changes: object) -> QAD:
    torch.manual_seed(0)
    return QAD(dataclasses.replace(Config.tiny(), **changes)).train()


def batch(count: int = 6, side: int = 64) -> ClipBatch:
    generator = torch.Generator().manual_seed(3)
    labels = (torch.arange(count) % 2).float()
    return ClipBatch(frames=torch.rand(count, 1, 3, side, side, generator=generator), labels=labels)


@pytest.mark.parametrize(
    ("changes", "size"),
    [({}, 23_510_081), ({"trunk": "efficientnet", "scale": "b1"}, 6_513_184 + 1281)],
)
def test_paper_size(changes, size):
    with torch.device("meta"):
        assert sum(p.numel() for p in QAD(Config(**changes)).parameters()) == size


def test_hsic_of_identical_and_of_constant_kernels():
    assert hsic(torch.eye(3), torch.eye(3)) == pytest.approx(0.5)
    assert hsic(torch.ones(3, 3), torch.eye(3)) == pytest.approx(0)


def test_hsic_falls_when_samples_are_no_longer_paired():
    torch.manual_seed(0)
    kernel = gaussian(torch.randn(32, 5))
    for _ in range(20):
        order = torch.randperm(32)
        unpaired = hsic(kernel, kernel[order][:, order])
        assert 0 <= unpaired < hsic(kernel, kernel)


def test_hsic_does_not_depend_on_the_order_of_samples():
    torch.manual_seed(0)
    first, second = torch.randn(2, 24, 4, dtype=torch.float64)
    order = torch.randperm(24)
    expected = hsic(gaussian(first), gaussian(second))
    assert hsic(gaussian(first[order]), gaussian(second[order])).item() == pytest.approx(
        expected.item()
    )


def test_independent_features_have_little_hsic():
    torch.manual_seed(0)
    first, second = gaussian(torch.randn(256, 4)), gaussian(torch.randn(256, 4))
    assert hsic(first, second) <= 0.1 * hsic(first, first)


def test_alignment_is_free_of_scale_and_at_most_one():
    torch.manual_seed(0)
    x = torch.randn(16, 8)
    assert alignment(gaussian(x), gaussian(5 * x)).item() == pytest.approx(1, abs=1e-5)
    assert alignment(gaussian(x), gaussian(torch.randn(16, 8))) < 1


def test_kernel_of_two_samples_by_hand():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert gaussian(x)[0, 1].item() == pytest.approx(torch.tensor(-0.5).exp().item())
    wide = gaussian(x, bandwidth=2.0)[0, 1].item()  # 25 / (2 x 4 x 2)
    assert wide == pytest.approx(torch.tensor(-25 / 16).exp().item())


@pytest.mark.parametrize("bandwidth", [0.0, 1.5])
@pytest.mark.parametrize("normalised", [True, False])
def test_gradient_of_the_dependence_agrees_with_finite_differences(bandwidth, normalised):
    torch.manual_seed(0)
    measure = alignment if normalised else hsic
    x = torch.randn(7, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    other = gaussian(torch.randn(7, 4, dtype=torch.float64), bandwidth)

    def loss(x: Tensor) -> Tensor:
        return -measure(gaussian(described(x, 0), bandwidth), other)

    (exact,) = torch.autograd.grad(loss(x), x)
    step = 1e-5
    found = torch.zeros_like(x).flatten()
    with torch.no_grad():
        for n in range(x.numel()):
            shift = torch.zeros_like(found)
            shift[n] = step
            shift = shift.view_as(x)
            found[n] = (loss(x + shift) - loss(x - shift)) / (2 * step)
    assert (found.view_as(x) - exact).norm() < 1e-2 * exact.norm()


def perturbed(method: QAD, given: ClipBatch) -> dict[str, Tensor]:
    """Return the step that `worst` takes, by name of the layer."""
    worse = method.worst(*method.versions(given))
    weights = dict(method.network.named_parameters())
    return {name: (worse[name] - weights[name]).detach() for name in weights if name in worse}


def test_every_layer_moves_by_the_same_share_of_its_length():
    method = small(radius=0.01)
    steps = perturbed(method, batch())
    layers = {n: w for n, w in method.network.named_parameters() if w.ndim > 1}
    assert set(steps) == set(layers)
    for name, weight in layers.items():
        assert (steps[name].norm() / weight.norm()).item() == pytest.approx(0.01, rel=1e-3), name


def test_a_layer_without_gradient_stays():
    weights = {"a": torch.ones(2, 2), "b": torch.ones(2, 2), "bias": torch.ones(2)}
    gradients = {"a": torch.zeros(2, 2), "b": torch.tensor([[3.0, 0.0], [0.0, 4.0]])}
    steps = worst_step(weights, gradients | {"bias": torch.ones(2)}, 0.5)
    assert set(steps) == {"b"}
    assert torch.allclose(steps["b"], torch.tensor([[0.6, 0.0], [0.0, 0.8]]))


def test_gradient_is_the_one_at_the_worst_weights_and_the_weights_never_move():
    method, given = small(radius=0.05), batch()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    steps = perturbed(method, given)
    method.load_state_dict(before)  # running statistics
    method.training_step(given).total.backward()
    for name, weight in method.named_parameters():
        assert torch.equal(weight, before[name]), name

    moved = small(radius=0.0)
    moved.load_state_dict(before)
    with torch.no_grad():
        for name, weight in moved.network.named_parameters():
            weight += steps.get(name, torch.zeros_like(weight))
    moved.training_step(given).total.backward()
    plain = small(radius=0.0)
    plain.load_state_dict(before)
    plain.training_step(given).total.backward()
    at_worst = torch.cat([w.grad.flatten() for w in moved.parameters()])
    found = torch.cat([w.grad.flatten() for w in method.parameters()])
    at_start = torch.cat([w.grad.flatten() for w in plain.parameters()])
    assert (found - at_worst).norm() < 1e-4 * at_worst.norm()
    assert (found - at_start).norm() > 1e-2 * at_start.norm()  # else this test shows nothing
    # Batch norms follow the weights that stay, once.
    for name, value in plain.named_buffers():
        assert torch.equal(value, dict(method.named_buffers())[name]), name


class Plain(QAD):
    """The loss of the same network by itself, without any perturbation."""

    def training_step(self, batch):
        return self.objective(*self.versions(batch), {})


class Repeated:
    """One batch, again and again."""

    samples, steps = 6, 3

    def epoch(self, epoch, skip=0):
        for _ in range(skip, self.steps):
            yield batch()


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_without_radius_training_is_ordinary_training(optimiser):
    states = []
    plan = Plan(lr=1e-3, batch=6, epochs=1, optimiser=optimiser, seed=5)
    config = dataclasses.replace(Config.tiny(), radius=0.0)
    for cls in (QAD, Plain):
        torch.manual_seed(0)
        method = cls(config)
        assert len(list(fit(method, Repeated(), plan))) == 3
        states.append(method.state_dict())
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_versions_are_the_picture_at_falling_quality():
    method = small(qualities=(0, 90, 20))
    given = batch(4)
    versions, labels = method.versions(given)
    assert versions.shape == (3, 4, 3, 64, 64)
    assert torch.equal(versions[0], given.frames[:, 0]) and torch.equal(labels, given.labels)
    loss = [(versions[0] - version).abs().mean() for version in versions[1:]]
    assert 0 < loss[0] < loss[1]
    assert torch.equal(versions[2], recompressed(given.frames[:, 0], 20))


def test_versions_may_come_with_the_batch():
    method = small(quality_from="group")
    frames = torch.rand(6, 2, 3, 64, 64)
    labels = torch.tensor([0.0, 0, 0, 1, 1, 1])
    versions, found = method.versions(ClipBatch(frames=frames, labels=labels))
    assert found.tolist() == [0, 0, 1, 1]
    for quality in range(3):
        pictures = [frames[quality, 0], frames[quality, 1], frames[3 + quality, 0]]
        assert torch.equal(versions[quality, :3], torch.stack(pictures))
    with pytest.raises(ConfigError, match="quality_from"):
        method.versions(batch(6))


def test_a_single_picture_has_no_dependence():
    loss = small().training_step(batch(1))
    assert torch.isfinite(loss.total) and loss.parts["hsic"] == 0


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="qualities"):
        Config(qualities=(101,))
    with pytest.raises(ConfigError, match="stage_weights"):
        Config(stage_weights=(1.0,))
    with pytest.raises(ConfigError, match="radius"):
        Config(radius=-1.0)


QUALITIES = (95, 50, 20)  # of the toy


def seams(sources: int, seed: int) -> Tensor:
    """Return genuine pictures and the same with a seam, (sources, 2, ...)."""
    return groups(sources, (2,), seed, strength=0.0, seam=0.11)


def judged(seed: int, **changes: object) -> list[float]:
    """Return the accuracy at each quality of unseen pictures, and how alike features are."""
    torch.manual_seed(seed)
    method = QAD(dataclasses.replace(Config.tiny(), qualities=QUALITIES, **changes))
    train_groups(method, seams(300, 100 + seed), epochs=12, lr=2e-3)
    unseen, labels = seams(300, 500 + seed).flatten(0, 1), torch.tensor([False, True]).repeat(300)
    found = []
    for quality in QUALITIES:
        called = scores(method, recompressed(unseen, quality)) > 0
        found.append(float((called == labels).float().mean()))
    return [*found, likeness(method, unseen[:128])]


@torch.inference_mode()
def likeness(method: QAD, pictures: Tensor) -> float:
    """Return the mean alignment of features at the best and at the worst quality, 0 to 1."""
    best, worst = (method.network(recompressed(pictures, q))[0] for q in (95, 20))
    stages = zip(best, worst, method.config.stage_weights, strict=True)
    found = [
        alignment(*(gaussian(described(maps, method.config.grid)) for maps in pair))
        for *pair, weight in stages
        if weight
    ]
    return float(torch.stack(found).mean())


class Learned(NamedTuple):
    """Means over three seeds, (accuracy at 95, 50, 20, likeness): of QAD and of labels alone."""

    qad: NDArray[np.float64]
    labels: NDArray[np.float64]


@pytest.fixture(scope="module")
def learned() -> Learned:
    changes: tuple[dict[str, float], ...] = ({}, {"strength": 0.0, "radius": 0.0})
    found = [np.mean([judged(seed, **kind) for seed in range(3)], axis=0) for kind in changes]
    print(Learned(*found))
    return Learned(*found)


@pytest.mark.slow
def test_strong_compression_costs_less_than_with_labels_alone(learned):
    """Measured at 95, 50, 20: 0.928, 0.918, 0.903; labels alone 0.911, 0.893, 0.881.

    Seed 3 alone gains 0.003 at 20 and loses 0.014 at 95.
    """
    assert learned.qad[2] >= learned.labels[2] + 0.02, learned
    assert learned.qad[0] >= learned.labels[0] - 0.01, learned


@pytest.mark.slow
@pytest.mark.xfail(reason="0.941; labels alone have 0.937 of 1 already", strict=False)
def test_features_are_more_alike_by_a_fifth(learned):
    assert learned.qad[3] >= 1.2 * learned.labels[3], learned
