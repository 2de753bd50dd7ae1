"""HySpeFAS winner: its parts by hand, two passes a step, and a toy that only bands can solve."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, normalize
from toy_cubes import pair

from verilens.batch import ClipBatch
from verilens.bench.metrics import acer, apcer, bpcer, threshold_at_balance
from verilens.datasets import hyspefas
from verilens.errors import ConfigError
from verilens.options import Options
from verilens.records import Clip, Sample, View
from verilens.scanner import scan
from verilens.train.loop import fit
from verilens.train.recipe import Data, Plan, Recipe
from verilens.train.run import Job, run
from verilens.train.sampling import Sampler
from verilens.verify.hyspefas.augment import augmented, mixed
from verilens.verify.hyspefas.config import Augment, Config
from verilens.verify.hyspefas.loss import Memory, focal, supervised_contrast
from verilens.verify.hyspefas.model import HySpeFAS
from verilens.verify.hyspefas.network import Attention, BandWeights, DifferenceStem
from verilens.verify.hyspefas.sharpness import climbed, kept_statistics

SIDE = 64  # of the toy's cubes


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def batch(samples: int = 6, side: int = 64) -> ClipBatch:
    generator = torch.Generator().manual_seed(3)
    frames = torch.rand(samples, 1, 33, side, side, generator=generator)
    return ClipBatch(frames=frames, labels=(torch.arange(samples) % 2).float())


def small(**changes: object) -> HySpeFAS:
    torch.manual_seed(0)
    return HySpeFAS(dataclasses.replace(Config.tiny(), **changes)).train()


def test_error_rates_by_hand_and_the_best_threshold():
    """Live and attack scores of the protocol rise with liveness; ours fall."""
    live = np.array([0.9, 0.8, 0.4, 0.3, 0.6, 0.1, 0.2])
    labels, kinds = np.array([0, 0, 0, 1, 1, 1, 1]), ["attack"] * 7
    rates = [apcer(1 - live, labels, kinds, 0.5), bpcer(1 - live, labels, 0.5)]
    assert rates == pytest.approx([0.25, 1 / 3])
    assert acer(1 - live, labels, kinds, 0.5) == pytest.approx(0.2917, abs=1e-4)
    grid = [acer(1 - live, labels, kinds, 1 - n / 100 + 1e-9) for n in range(101)]
    chosen = threshold_at_balance(1 - live, labels)
    assert acer(1 - live, labels, kinds, chosen) == min(grid) == 0.125
    first = grid.index(min(grid))
    assert (first, 1 - chosen) == (31, pytest.approx(0.35))


def test_the_published_size():
    with torch.device("meta"):
        network = HySpeFAS().network
    assert count(network.weights) == 33 * 4 + 4 * 33 == 264
    stem = 33 * 40 * 9
    assert count(network.trunk.embeddings.convolution) == stem
    assert count(network.trunk) == 10_696_232 - 3 * 40 * 9 + stem  # B3 without its classifier
    head, wide = 1536, 8 * 48
    attention = head * head * 9 + head + 2 * head + 8 * head + 2 * 8
    assert count(network.attention) == attention
    grouped = [48 * n * wide + wide for n in (25, 9, 2 * 9, 3 * 9, 4)]
    norms = 2 * wide * (1 + 2 + 3 + 4 + 1)
    assert count(network.texture) == 48 * 48 * 9 + 48 + sum(grouped) + norms
    assert count(network.local) == wide * 256 + 256 * 256 + 2 * 256 + 4 * 256
    assert count(network.embed) == 512 * 1024 + 1024 * 1024 + 2 * 1024 + 2 * 1024
    with torch.device("meta"):
        shapes = [t.shape[1:] for t in network.eval().trunk.taps(torch.zeros(1, 33, 256, 256))]
    assert shapes[3] == (48, 32, 32) and shapes[-1] == (1536, 8, 8)


def test_every_swish_is_mish():
    network = small().network
    assert not any(isinstance(m, nn.SiLU) for m in network.modules())


def test_bands_get_weights_between_0_and_1():
    weights = BandWeights(33, 8)
    x = torch.randn(2, 33, 9, 7)
    found = weights(x)
    assert found.shape == (2, 33, 1, 1) and (found > 0).all() and (found < 1).all()
    for layer in weights.shared[::2]:
        nn.init.zeros_(layer.weight)
    assert torch.equal(x + x * weights(x), x * 1.5)


def test_the_stem_is_a_convolution_minus_its_flat_response():
    stem, x = DifferenceStem(5, 4, 0.7), torch.randn(2, 5, 9, 8)
    plain = conv2d(x, stem.weight, stride=2, padding=1)
    centre = conv2d(x, stem.weight.sum((2, 3), keepdim=True), stride=2)
    assert torch.allclose(stem(x), plain - 0.7 * centre, atol=1e-5)
    whole, flat = DifferenceStem(5, 4, 1.0), torch.ones(1, 5, 9, 9)
    assert whole(flat)[..., 1:-1, 1:-1].abs().max() < 1e-5


def test_attention_is_positive_and_masked_at_the_border():
    torch.manual_seed(0)
    attention = Attention(6, 3)
    found = attention(torch.randn(2, 6, 24, 24))
    assert found.shape == (2, 3, 24, 24)
    assert found[..., 2:-2, 2:-2].min() > 0
    assert found[..., :2, :].abs().max() == found[..., -2:].abs().max() == 0


def test_focal_loss_by_hand():
    logits = torch.tensor([0.0, math.log(9), math.log(9)])
    found = focal(logits, torch.tensor([1.0, 1.0, 0.0]), 0.5, 2.0)
    by_hand = [0.5 * 0.5**2 * math.log(2), 0.5 * 0.1**2 * -math.log(0.9)]
    by_hand.append(0.5 * 0.9**2 * -math.log(0.1))
    assert found.tolist() == pytest.approx(by_hand, rel=1e-4)


def reference(embeddings: Tensor, labels: list[int], tau: float) -> float:
    """The formula of supervised contrast, written out."""
    total = 0.0
    for i in range(len(labels)):
        others = [j for j in range(len(labels)) if j != i]
        positives = [j for j in others if labels[j] == labels[i]]
        likeness = {j: float(embeddings[i] @ embeddings[j]) / tau for j in others}
        below = sum(math.exp(v) for v in likeness.values())
        total -= sum(math.log(math.exp(likeness[j]) / below) for j in positives) / len(positives)
    return total / len(labels)


def contrast(embeddings: Tensor, labels: Tensor, tau: float = 0.5) -> Tensor:
    alike = labels[:, None] == labels[None]
    other = ~torch.eye(len(labels), dtype=torch.bool)
    return supervised_contrast(embeddings, embeddings, alike, other, tau)


def test_contrast_equals_its_formula_on_four_points():
    torch.manual_seed(0)
    points, labels = normalize(torch.randn(4, 3), dim=1), [0, 1, 0, 1]
    found = contrast(points, torch.tensor(labels))
    assert float(found) == pytest.approx(reference(points, labels, 0.5), rel=1e-5)
    held = Memory(10, 3).contrast(points, torch.tensor(labels).float(), 0.5)
    assert float(held) == pytest.approx(float(found), rel=1e-5)


def test_clusters_cost_less_than_a_cloud_and_loners_nothing():
    torch.manual_seed(0)
    labels = torch.arange(8) % 2
    clusters = torch.eye(2)[labels]
    cloud = normalize(torch.randn(8, 2), dim=1)
    assert contrast(clusters, labels) < contrast(cloud, labels) - 0.1
    assert contrast(clusters[:2], labels[:2]) == 0


def test_the_memory_keeps_the_newest_1200():
    memory = Memory(1200, 2)
    for n in range(7):
        memory.remember(torch.full((250, 2), float(n)), torch.full((250,), n % 2))
        assert len(memory) == min(1200, 250 * (n + 1))
    kept = memory.embeddings[:, 0].tolist()
    assert {v: kept.count(v) for v in set(kept)} == {
        2.0: 200,
        3.0: 250,
        4.0: 250,
        5.0: 250,
        6.0: 250,
    }
    memory.remember(torch.arange(3000.0)[:, None].expand(-1, 2), torch.zeros(3000))
    assert sorted(memory.embeddings[:, 0].tolist()) == list(range(1800, 3000))


def test_mixing_stays_within_a_class():
    torch.manual_seed(0)
    labels = (torch.rand(40) > 0.7).float()
    shades = labels.view(-1, 1, 1, 1).expand(-1, 2, 3, 3) + 0.0
    for _ in range(20):
        found = mixed(shades, labels, 1.0)
        assert torch.allclose(found, shades)  # a mix across classes would lie between 0 and 1
    varied = torch.rand(40, 2, 3, 3)
    assert not torch.allclose(mixed(varied, labels, 1.0), varied)
    assert torch.equal(mixed(varied, labels, 0.0), varied)


def test_augmentation_blackens_and_keeps_the_size():
    torch.manual_seed(0)
    cubes = torch.full((60, 4, 64, 64), 0.5)
    black = (augmented(cubes, Augment(holes=0)) == 0).float().mean((1, 2, 3))
    assert {round(float(share), 2) for share in black} == {0.0, 0.5}
    assert 10 <= (black == 0).sum() <= 30
    holes = (augmented(cubes, Augment(half=False)) == 0).float().mean((1, 2, 3))
    assert holes.min() > 0 and holes.max() <= 2 * (12 / 64) ** 2
    assert augmented(torch.rand(2, 33, 48, 64), Augment()).shape == (2, 33, 48, 64)


def test_a_climb_by_hand():
    w = {"w": torch.tensor([3.0, -4.0], requires_grad=True)}
    loss = (w["w"] * torch.tensor([1.0, 2.0])).sum()
    plain = climbed(loss, w, 0.5, adaptive=False)["w"]
    assert torch.allclose(plain, torch.tensor([3 + 0.5 / 5**0.5, -4 + 1 / 5**0.5]))
    loss = (w["w"] * torch.tensor([1.0, 2.0])).sum()
    length = (3**2 + 8**2) ** 0.5
    adaptive = climbed(loss, w, 0.5, adaptive=True)["w"]
    assert torch.allclose(adaptive, torch.tensor([3 + 4.5 / length, -4 + 16 / length]))
    adaptive.square().sum().backward()
    assert torch.allclose(w["w"].grad, 2 * adaptive)  # the slope up there, on the weights here


def test_a_step_is_two_passes_and_the_second_leaves_statistics_alone():
    method = small()
    seen: list[Tensor] = []
    method.network.register_forward_hook(lambda *_: seen.append(norm.running_mean.clone()))
    norm = method.network.local[1]
    before = {n: p.detach().clone() for n, p in method.named_parameters()}
    start = norm.running_mean.clone()
    method.training_step(batch()).total.backward()
    assert len(seen) == 2
    assert not torch.equal(seen[0], start) and torch.equal(seen[1], seen[0])
    assert norm.momentum == 0.1
    assert all(torch.equal(before[n], p) for n, p in method.named_parameters())
    small_once = small(rho=0.0)
    small_once.network.register_forward_hook(lambda *_: seen.append(start))
    small_once.training_step(batch())
    assert len(seen) == 3


def test_a_step_is_what_moving_the_weights_and_back_gives():
    """The released way: climb in place, take the slope, go back, let the optimiser step."""
    settings = {"augment": Augment(half=False, holes=0), "dropout": 0.0, "mixup_alpha": 0.0}
    ours, theirs = small(**settings), small(**settings)
    torch.manual_seed(7)
    ours.training_step(batch()).total.backward()
    torch.manual_seed(7)
    x = theirs.normalise(augmented(batch().frames.flatten(0, 1), theirs.config.augment))
    labels = batch().labels
    weights = dict(theirs.network.named_parameters())
    first = theirs.loss(theirs.network(x), labels, theirs.memory).total
    moved = climbed(first, weights, 0.5, adaptive=True)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(moved[name])
    with kept_statistics(theirs.network):
        theirs.loss(theirs.network(x), labels, theirs.memory).total.backward()
    for (name, a), b in zip(ours.network.named_parameters(), weights.values(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-4, rtol=1e-3), name


def test_colours_alone_are_refused():
    method = small().eval()
    with pytest.raises(ConfigError, match="33 bands a pixel, not 3"):
        method(torch.rand(1, 3, 64, 64))
    with pytest.raises(ConfigError, match="33 numbers"):
        Config(view=View(size=64, bands=33), mean=(0.5,) * 3)
    assert not Config.tiny().view.reads("image") and Config.tiny().view.reads("image", 33)


def test_an_optimised_network_has_nothing_left_to_train():
    method = small().eval()
    x = batch(2).frames[:, 0]
    with torch.inference_mode():
        before = method(x)
        assert torch.allclose(method.optimised()(x), before, atol=1e-4)
    with pytest.raises(ConfigError, match="no memory left"):
        method.training_step(batch(2))


def test_evidence_speaks_of_spoofing():
    method = small().eval()
    cube = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 33), np.uint8)
    view = method.config.view
    whole = Clip(
        frames=cube, times_s=np.zeros(1), boxes=np.array([[0, 0, 64, 64]], np.int32),
        size=(64, 64), view=view,
    )  # fmt: skip
    found = method.inspect([whole])[0]
    assert found.claim == "spoof" and "unlike skin" in found.why


def test_a_data_set_is_trained_on_and_its_weights_scan_cubes(tmp_path):
    pytest.importorskip("scipy")
    hyspefas.fake(tmp_path / "set")
    config = dataclasses.asdict(Config.tiny())
    data, plan = Data(resize_px=64, flip=True), Plan(batch=6, steps=3, repeat_genuine=2, ema=0.9)
    recipe = Recipe(method="hyspefas", config=config, data=data, plan=plan)
    found = list(run(Job(recipe=recipe, data=tmp_path / "set", out=tmp_path / "run", workers=1)))
    assert math.isfinite(found[-1].loss) and not found[-1].broken
    options = Options(methods=(f"hyspefas={tmp_path / 'run/best.safetensors'}",))
    sample = next(hyspefas.samples(tmp_path / "set"))
    report = scan(sample.uri, options)
    assert report.error is None
    assert [(e.method, e.claim) for e in report.evidence] == [("hyspefas", "spoof")]
    assert "33 bands" in report.media.quality.notes[0]
    plain = scan(sample.uri.replace(".mat", ".png"), options)
    assert plain.error is None and not plain.evidence
    assert "33 bands, and the file has 3" in "".join(plain.verdict.not_checked)


def test_live_rows_are_repeated_ten_times():
    samples = [Sample(id=str(n), uri="/x", kind="image", label=int(n > 1)) for n in range(22)]
    order = Sampler(samples, "none", 0, repeat=10).order(0)
    assert len(order) == 40
    assert [int((order == n).sum()) for n in range(22)] == [10, 10] + [1] * 20


class Cubes:
    """Batches of a toy set, live cubes `repeat` times an epoch."""

    def __init__(self, live: int, attacks: int, bands: int = 33, repeat: int = 1) -> None:
        self.frames, self.labels = pair(live, attacks, SIDE, seed=1)
        self.frames = self.frames[:, :, :bands]
        self.order = [n for n in range(live) for _ in range(repeat)]
        self.order += range(live, live + attacks)

    @property
    def samples(self) -> int:
        return len(self.labels)

    @property
    def steps(self) -> int:
        return max(1, len(self.order) // 16)

    def epoch(self, epoch: int, skip: int = 0):
        shuffled = np.random.default_rng(epoch).permutation(self.order)
        for step in range(skip, self.steps):
            chosen = torch.from_numpy(shuffled[step * 16 : (step + 1) * 16])
            yield ClipBatch(frames=self.frames[chosen], labels=self.labels[chosen])


def trained(toy: Cubes, bands: int, steps: int) -> HySpeFAS:
    """Return a small network trained by the method's own step, at rates for so short a run.

    Nothing is blackened: batch norms that have seen few batches would judge whole cubes wrongly.
    """
    view = View(size=SIDE, frames=1, fit="resize", only="image", bands=bands)
    numbers = {"mean": (0.5,) * bands, "std": (0.15,) * bands, "squeeze": min(8, bands)}
    rates = {"rho": 0.05, "contrast_weight": 1.0, "augment": Augment(half=False, holes=0)}
    torch.manual_seed(0)
    method = HySpeFAS(dataclasses.replace(Config.tiny(), view=view, **numbers, **rates))
    for norm in (m for m in method.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = 0.1
    plan = Plan(lr=5e-3, schedule="cosine", batch=16, epochs=999, steps=steps)
    for _ in fit(method, toy, plan):
        pass
    return method.eval()


@torch.inference_mode()
def recalls(method: HySpeFAS, bands: int) -> tuple[float, float]:
    """Return the shares of live cubes and of attacks that are called right."""
    frames, labels = pair(100, 100, SIDE, seed=2)
    called = torch.cat([method(part[:, 0, :bands]) for part in frames.split(50)]) > 0
    return float((~called[labels == 0]).float().mean()), float(called[labels == 1].float().mean())


@pytest.mark.slow
def test_bands_tell_what_colours_cannot(capsys):
    by_bands = recalls(trained(Cubes(96, 96), 33, 100), 33)
    by_colours = recalls(trained(Cubes(96, 96, bands=3), 3, 100), 3)
    with capsys.disabled():
        print(f"\nhyspefas recalls (live, attack): bands {by_bands}, colours {by_colours}")
    assert np.mean(by_bands) >= 0.95
    assert np.mean(by_colours) <= 0.60


@pytest.mark.slow
def test_resampling_finds_the_rare_live_faces(capsys):
    plain = recalls(trained(Cubes(16, 160), 33, 40), 33)
    repeated = recalls(trained(Cubes(16, 160, repeat=10), 33, 40), 33)
    with capsys.disabled():
        print(f"\nhyspefas recalls (live, attack): plain {plain}, repeated {repeated}")
    assert repeated[0] >= 0.9
    assert plain[0] < repeated[0]
