"""Unknown spoof prompts: what is trained, the losses by hand, and three unseen attacks."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from toy_captions import PATCH, SIDE, SIZES, TEXTURES, Dual, contrasted, pictures

from verilens.batch import ClipBatch
from verilens.bench.metrics import auc, half_total_error_rate, threshold_at_eer
from verilens.datasets import replay_attack
from verilens.errors import ConfigError, MissingWeights
from verilens.records import View
from verilens.train.loop import fit
from verilens.train.recipe import Data, Plan, Recipe
from verilens.train.run import Job, run
from verilens.verify.unknown_spoof.config import Config
from verilens.verify.unknown_spoof.loss import alike, from_prior, near_real, spoof_logits
from verilens.verify.unknown_spoof.model import Prompts, UnknownSpoof


def small(**changes: object) -> UnknownSpoof:
    torch.manual_seed(0)
    return UnknownSpoof(dataclasses.replace(Config.tiny(), **changes))


def batch(samples: int = 6, moments: int = 1) -> ClipBatch:
    frames = torch.rand(samples, moments, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    return ClipBatch(frames=frames, labels=torch.zeros(samples))


def test_only_prompts_learn_and_how_many_numbers_they_have():
    with torch.device("meta"):
        method = UnknownSpoof()
    trained = {n: p for n, p in method.named_parameters() if p.requires_grad}
    assert set(trained) == {"prompts.context"}
    assert trained["prompts.context"].numel() == (1 + 6) * 16 * 512
    parts = {"encoder": 86, "prompts.encoder": 63}  # millions, CLIP ViT-B/16
    for name, millions in parts.items():
        total = sum(p.numel() for p in method.get_submodule(name).parameters())
        assert round(total / 1e6) == millions
    tiny = small().train()
    tiny.training_step(batch()).total.backward()
    named = dict(tiny.named_parameters())
    assert [n for n, p in named.items() if p.grad is not None] == ["prompts.context"]
    assert (tiny.prompts.context.grad.flatten(1).abs().sum(1) > 0).all()


def test_attacks_are_refused_in_training():
    whole = batch()
    mixed = ClipBatch(frames=whole.frames, labels=torch.tensor([0, 0, 1, 0, 0, 1.0]))
    with pytest.raises(ConfigError, match="2 of 6 samples are attacks"):
        small().training_step(mixed)
    assert UnknownSpoof.one_class


def test_prior_costs_nothing_inside_the_margin_and_rises_in_a_line_outside():
    sentences = torch.eye(3)[:1]

    def at(angle: float) -> float:
        spoof = torch.tensor([[math.cos(angle), math.sin(angle), 0.0]])
        return float(from_prior(spoof, sentences, 0.3, "nearest"))

    inside, edge = math.acos(0.8), math.acos(0.7)
    assert at(0.0) == at(inside) == 0 and at(edge) == pytest.approx(0, abs=1e-6)
    for cosine in (0.6, 0.5, 0.1, -1.0):
        assert at(math.acos(cosine)) == pytest.approx(1 - cosine - 0.3, abs=1e-5)
    both = torch.eye(3)[:2]
    assert float(from_prior(both, both, 0.3, "nearest")) == 0
    assert float(from_prior(both, both.flip(0), 0.3, "own")) == pytest.approx(0.7)
    assert float(from_prior(both, both[:1], 0.3, "own")) == pytest.approx(0.35)
    assert float(from_prior(both, both, 0.1, "mean")) == pytest.approx(1 - 0.5**0.5 - 0.1, abs=1e-5)


def test_likeness_is_0_for_orthogonal_prompts_and_1_for_equal_ones():
    same = torch.eye(4)[:1].expand(5, -1)
    assert float(alike(torch.eye(4), "cosine")) == float(alike(torch.eye(4), "gram")) == 0
    assert float(alike(same, "cosine")) == 1 and float(alike(same, "gram")) == 5 * 4
    assert float(alike(-same[:1], "cosine")) == 0
    assert float(alike(torch.tensor([[1.0, 0], [-1, 0]]), "cosine")) == 1


def test_distance_to_real_faces_by_hand():
    prompts = torch.eye(3)
    faces = torch.tensor([[1.0, 0, 0], [0, 1, 0]])  # mean at 45 degrees between the first two
    near = 0.5**0.5
    assert float(near_real(prompts, faces, 0.1)) == pytest.approx(
        (0.1 + max(0, 0.1 - near)) / 2, abs=1e-6
    )


def test_probabilities_sum_to_one_and_equal_prompts_shift_by_log_k():
    torch.manual_seed(0)
    features, both = normalize(torch.randn(7, 5), dim=1), normalize(torch.randn(2, 5), dim=1)
    logits = spoof_logits(features, both, 0.1)
    scores = (features @ both.T / 0.1).softmax(1)
    assert torch.allclose(logits.sigmoid(), scores[:, 1], atol=1e-6)
    assert torch.allclose(logits.sigmoid() + (-logits).sigmoid(), torch.ones(7))
    for k in (2, 5):
        several = torch.cat([both[:1], both[1:].expand(k, -1)])
        shifted = spoof_logits(features, several, 0.1)
        assert torch.allclose(shifted, logits + math.log(k), atol=1e-5)


def test_losses_add_up_by_their_weights():
    weights = {"weight_prior": 2.0, "weight_distance": 3.0, "weight_independence": 5.0}
    found = small(**weights).train().training_step(batch(moments=2))
    parts = {name: float(part) for name, part in found.parts.items()}
    total = parts["real"] + 2 * parts["prior"] + 3 * parts["distance"] + 5 * parts["independence"]
    assert float(found.total.detach()) == pytest.approx(total, rel=1e-5)
    assert found.each.shape == (6,) and float(found.each.detach().mean()) == pytest.approx(
        parts["real"], rel=1e-5
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"near": "mean"},
        {"near": "nearest", "begin": "random"},
        {"independence": "gram"},
        {"prompts": 1},
    ],
)
def test_every_reading_trains(fields):
    method = small(**fields).train()
    loss = method.training_step(batch())
    loss.total.backward()
    assert torch.isfinite(loss.total) and torch.isfinite(method.prompts.context.grad).all()


def test_prompts_begin_apart_and_end_in_their_words():
    prompts = Prompts(Config.tiny()).eval()
    with torch.inference_mode():
        found = prompts()
        assert found.shape == (4, 24) and torch.allclose(
            found.norm(dim=1), torch.ones(4), atol=1e-5
        )
        prompts.context.data[2] = prompts.context.data[1]
        found = prompts()
    assert torch.allclose(found[1], found[2], atol=1e-6) and not torch.allclose(found[1], found[3])
    assert prompts.sentences().shape == (len(Config.tiny().sentences), 24)


def test_an_optimised_network_reads_its_prompts_no_more():
    method = small().eval()
    x = batch().frames[:, 0]
    with torch.inference_mode():
        before = method(x)
        assert torch.allclose(method.optimised()(x), before, atol=1e-5)
    assert method.prompts is None and method.claim == "spoof"
    with pytest.raises(ConfigError, match="no prompts left"):
        method.training_step(batch())


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(MissingWeights, match="CLIPVisionModel"):
        small(pretrained=str(tmp_path))
    for fields in ({"prompts": 0}, {"tau": 0.0}, {"view": View(size=33)}, {"sentences": ()}):
        with pytest.raises(ConfigError, match="unknown_spoof"):
            Config(**fields)


def test_half_the_errors_at_a_threshold_from_elsewhere():
    attacks, faces = np.linspace(0.35, 0.8, 10), np.linspace(0.05, 0.5, 10)
    scores, labels = np.concatenate([attacks, faces]), np.repeat([1, 0], 10)
    chosen = threshold_at_eer(np.array([0.2, 0.3, 0.6, 0.7]), np.array([0, 0, 1, 1]))
    assert chosen == pytest.approx(0.45)
    shares = (attacks <= chosen).mean(), (faces > chosen).mean()
    assert half_total_error_rate(scores, labels, chosen) == pytest.approx(sum(shares) / 2)
    by_hand = np.repeat([0.0, 1.0, 0.0, 1.0], [2, 8, 9, 1])  # FAR 0.2, FRR 0.1
    assert half_total_error_rate(by_hand, labels, 0.5) == pytest.approx(0.15)
    with pytest.raises(TypeError):
        half_total_error_rate(scores, labels)


def test_a_data_set_with_attacks_is_trained_on_without_them(tmp_path):
    replay_attack.fake(tmp_path / "set")
    plan = Plan(batch=2, steps=3, lr=1e-3)
    config = dataclasses.asdict(Config.tiny())
    recipe = Recipe(method="unknown_spoof", config=config, data=Data(faces="cropped"), plan=plan)
    found = list(run(Job(recipe=recipe, data=tmp_path / "set", out=tmp_path / "run", workers=1)))
    assert math.isfinite(found[-1].loss) and not found[-1].broken
    assert found[-1].scores.count == 7  # validation has both


class RealFaces:
    """Batches of live faces of one source."""

    samples, steps = 200, 5

    def __init__(self) -> None:
        self.frames = pictures("skin", self.samples, seed=1)[:, None]

    def epoch(self, epoch: int, skip: int = 0):
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(self.samples))
        for step in range(skip, self.steps):
            chosen = order[step * 40 : (step + 1) * 40]
            yield ClipBatch(frames=self.frames[chosen], labels=torch.zeros(40))


ATTACKS, NEW = ("moire", "print", "mask"), ("hat", "sun")


def toy(dual: Dual, **changes: object) -> UnknownSpoof:
    """Return a method with the dual encoder's weights, trained on live faces alone."""
    sentences = tuple(f"a photo of a face {TEXTURES[kind]}" for kind in ATTACKS)
    config = Config(
        clip=SIZES, prompts=3, context=12, tau=0.1, real="live face", spoof="face", delta=0.3,
        sentences=sentences, view=View(size=SIDE, frames=1, fit="face"),
    )  # fmt: skip
    torch.manual_seed(0)
    method = UnknownSpoof(dataclasses.replace(config, **changes))
    assert SIDE % PATCH == 0
    method.encoder.load_state_dict(dual.vision.state_dict())
    method.prompts.encoder.load_state_dict(dual.text.state_dict())
    if method.config.begin == "sentences":
        method.prompts.begin()
    for _ in fit(method, RealFaces(), Plan(lr=1e-2, batch=40, epochs=40)):
        pass
    return method.eval()


def spread(method: UnknownSpoof) -> float:
    """Return the mean cosine between spoof prompts."""
    with torch.inference_mode():
        spoofs = method.prompts()[1:]
    above = torch.ones(len(spoofs), len(spoofs)).triu(1).bool()
    return float((spoofs @ spoofs.T)[above].mean())


def nearest(known: Tensor, features: Tensor, k: int = 5) -> Tensor:
    """Return one minus the mean cosine to the k nearest known faces."""
    return 1 - (features @ known.T).topk(k, 1).values.mean(1)


@pytest.mark.slow
def test_words_find_attacks_that_distance_to_known_faces_misses(capsys):
    """Live faces of the test wear hats or stand in the sun, as none did in training.

    So do two of three attacks; the third is like training but for its texture.
    """
    dual = contrasted(250)
    method = toy(dual)
    live = pictures("skin", 200, seed=2, extras=NEW)
    found: dict[str, tuple[float, float]] = {}
    with torch.inference_mode():
        known = method.seen(RealFaces().frames[:, 0])
        for kind in ATTACKS:
            attack = pictures(kind, 200, seed=3, extras=("none", *NEW))
            both, labels = torch.cat([live, attack]), np.repeat([0, 1], 200)
            features = method.seen(both)
            by_words = auc(method(both).double().numpy(), labels)
            by_distance = auc(nearest(known, features).double().numpy(), labels)
            found[kind] = (round(by_words, 3), round(by_distance, 3))
    weights = (1.0, 0.0)
    free = {"begin": "random", "near": "mean", "delta": 0.5}
    cosines = [spread(toy(dual, weight_independence=w, **free)) for w in weights]
    with capsys.disabled():
        print(f"\nunknown_spoof AUC (words, nearest): {found}; cosine with, without: {cosines}")
    words, distance = np.mean(list(found.values()), 0)
    assert words >= 0.85
    assert words >= distance + 0.10
    assert cosines[1] >= cosines[0] + 0.3
