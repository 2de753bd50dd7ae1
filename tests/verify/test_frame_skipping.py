"""Frame skipping: which frames, how many weights, whose gradients, and a toy of motion."""

import dataclasses
import math
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from toy_motion import films

from verilens.batch import ClipBatch
from verilens.bench.metrics import (
    apcer,
    bpcer,
    half_total_error_rate,
    threshold_at_eer,
)
from verilens.datasets import replay_attack
from verilens.errors import ConfigError, MissingWeights
from verilens.nn.normalise import Normalise
from verilens.records import View
from verilens.train.loop import fit
from verilens.train.recipe import Data, Plan, Recipe
from verilens.train.run import Job, run
from verilens.verify.frame_skipping.config import Config, DenseNet
from verilens.verify.frame_skipping.densenet import Described
from verilens.verify.frame_skipping.model import FrameSkipping
from verilens.verify.frame_skipping.skip import kept, skipped

MOMENTS = 8


def count(module: nn.Module, trained_only: bool = False) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad or not trained_only)


def small(**changes: object) -> FrameSkipping:
    torch.manual_seed(0)
    return FrameSkipping(dataclasses.replace(Config.tiny(), **changes))


def batch(samples: int = 10) -> ClipBatch:
    generator = torch.Generator().manual_seed(3)
    frames = torch.rand(samples, 4, 3, 32, 32, generator=generator)
    return ClipBatch(frames=frames, labels=(torch.arange(samples) % 2).float())


@pytest.mark.parametrize(
    ("frames", "pick", "expected"),
    [
        (95, "first", [0, 30, 60]),
        (95, "last", [29, 59, 89]),
        (90, "last", [29, 59, 89]),
        (20, "first", [0]),
        (20, "last", [0]),
        (1, "first", [0]),
        (0, "first", []),
    ],
)
def test_one_frame_of_each_whole_clip(frames, pick, expected):
    assert kept(frames, 30, pick).tolist() == expected


@pytest.mark.parametrize("pick", ["first", "last"])
def test_frames_are_skipped_as_they_arrive(pick):
    for length in range(1, 200):
        numbers = kept(length, 30, pick)
        assert numbers.min() >= 0 and numbers.max() < length
        found = list(skipped(range(length), 30, pick))
        assert found[: len(numbers)] == numbers.tolist()
        assert len(found) - len(numbers) <= (pick == "first" and length > 30)


def test_the_published_sizes():
    with torch.device("meta"):
        method, single = FrameSkipping(), FrameSkipping(Config(single_bias=True))
    assert count(method.encoder) == 18_092_928 and method.encoder.channels == 1920
    networks = [*method.ensemble.values(), method.meta]
    assert [count(net) for net in networks] == [9_690_002, 116_562, 11_690_002, 1_962]
    networks = [*single.ensemble.values(), single.meta]
    assert [count(net, True) for net in networks] == [9_686_002, 116_502, 11_686_002, 1_882]


def test_shapes_of_the_full_densenet():
    with torch.device("meta"):
        encoder = Described(DenseNet()).eval()
        assert encoder.features(torch.zeros(1, 3, 224, 224)).shape == (1, 1920, 7, 7)


def test_a_single_bias_stays_zero():
    method = small(single_bias=True).train()
    method.training_step(batch()).total.backward()
    for net in (*method.ensemble.values(), method.meta):
        for name, weight in net.net.named_parameters():
            is_second = name.startswith("bias_hh")
            assert weight.requires_grad != is_second
            assert not is_second or (weight == 0).all()


def test_public_weights_are_read_by_their_names(tmp_path):
    donor = Described(Config.tiny().densenet)
    named = {f"{n}": t.clone() for n, t in donor.state_dict().items() if "tracked" not in n}
    old = {
        n.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): t for n, t in named.items()
    }
    assert set(old) != set(named)
    for state in (named, {**old, "classifier.weight": torch.zeros(5, 2)}):
        save_file(state, tmp_path / "densenet.safetensors")
        method = small(pretrained=str(tmp_path / "densenet.safetensors"))
        x = torch.rand(2, 3, 32, 32)
        assert torch.equal(method.encoder(x), donor.eval()(x))
    save_file({"features.conv0.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(MissingWeights, match="not weights of this DenseNet"):
        small(pretrained=str(tmp_path / "other.safetensors"))


def test_the_densenet_is_frozen_and_networks_learn_apart():
    method = small().train()
    assert not method.encoder.training and count(method.encoder, trained_only=True) == 0
    loss = method.training_step(batch())
    assert set(loss.parts) == {"bilstm", "gru", "lstm", "meta"}
    for name, net in method.ensemble.items():
        others = [p for n, m in method.ensemble.items() if n != name for p in m.parameters()]
        method.zero_grad()
        features = method.described(batch().frames)
        net(features).sum().backward()
        assert all(p.grad is None for p in others)
    method.zero_grad()
    held = ClipBatch(frames=batch(2).frames, labels=batch(2).labels, index=torch.tensor([4, 9]))
    method.training_step(held).total.backward()
    assert all(p.grad is None for p in method.ensemble.parameters())
    assert all(p.grad is not None for p in method.meta.parameters())


def test_the_meta_model_judges_the_sum_of_scores():
    method = small().eval()
    features = torch.randn(2, 4, method.encoder.channels)
    scores = method.scores(features)
    assert scores.shape == (2, 4, 2)
    assert torch.allclose(scores.sum(2), torch.full((2, 4), 3.0), atol=1e-5)
    logits = method.meta(scores)
    assert torch.allclose(method.judged(features), logits[..., 1] - logits[..., 0])


def test_videos_do_not_leak_into_each_other_unless_asked():
    order = torch.tensor([3, 1, 4, 0, 2])
    x = batch(5).frames
    with torch.inference_mode():
        apart = small().eval()
        assert torch.allclose(apart(x)[order], apart(x[order]), atol=1e-5)
        strung = small(sequence="release").eval()
        features = strung.described(x)
        assert strung.strung(features).shape == (1, 20, strung.encoder.channels)
        assert not torch.allclose(strung(x)[order], strung(x[order]), atol=1e-6)
        whole = strung.meta(strung.scores(features.reshape(1, 20, -1)))
        by_hand = (whole[0, :, 1] - whole[0, :, 0]).view(5, 4).mean(1)
        assert torch.allclose(strung(x), by_hand, atol=1e-6)


def test_the_release_trains_on_one_sequence():
    method = small(sequence="release").train()
    seen: list[torch.Size] = []
    method.ensemble["gru"].net.register_forward_hook(lambda _, x, __: seen.append(x[0].shape))
    method.training_step(batch(10)).total.backward()
    assert seen == [(1, 8 * 4, method.encoder.channels), (1, 2 * 4, method.encoder.channels)]


def test_a_film_is_read_at_one_frame_in_thirty():
    method = small(every=30).eval()
    seen: list[int] = []
    method.encoder.register_forward_hook(lambda _, x, __: seen.append(len(x[0])))
    frames = np.random.default_rng(0).integers(0, 256, (150, 40, 48, 3), np.uint8)
    skipping = method.film_logit(iter(frames))
    assert sum(seen) == 150 // 30
    with pytest.raises(ValueError, match="without frames"):
        method.film_logit([])
    assert small(every=1).eval().film_logit(frames[::30]) == pytest.approx(skipping, abs=1e-6)


def test_skipping_takes_less_than_a_fifth_of_the_time():
    frames = np.random.default_rng(0).integers(0, 256, (180, 64, 64, 3), np.uint8)
    seconds = {}
    for every in (1, 30):
        method = small(every=every, densenet=DenseNet(growth=16, blocks=(4, 4), stem=32)).eval()
        method.film_logit(frames[:30])
        begun = time.process_time()
        method.film_logit(frames)
        seconds[every] = time.process_time() - begun
    assert seconds[30] < seconds[1] / 5


def test_moments_are_judged_one_by_one_however_many():
    method = small().eval()
    for moments in (1, 3, 9):
        frames = np.random.default_rng(0).integers(0, 256, (moments, 32, 32, 3), np.uint8)
        logits = method.crop_logits(frames)
        assert logits.shape == (moments,)
        clip = torch.from_numpy(frames).permute(0, 3, 1, 2)[None] / 255
        assert float(method(clip).detach()) == pytest.approx(logits.mean(), abs=1e-5)
    assert method.dense_view is None and not method.config.view.reads("image")
    with pytest.raises(ConfigError, match="every must be"):
        Config(every=0)


def test_error_rates_by_hand():
    """The protocol's scores rise with liveness, ours fall; a threshold is never chosen on test."""
    live = 1 - np.array([0.2, 0.6, 0.4, 0.1, 0.9, 0.4, 0.7])
    labels = np.array([1, 1, 1, 1, 0, 0, 0])
    rates = [apcer(live, labels, ["attack"] * 7, 0.5), bpcer(live, labels, 0.5)]
    assert rates == pytest.approx([0.25, 1 / 3])
    assert half_total_error_rate(live, labels, 0.5) == pytest.approx(0.2917, abs=1e-4)


def test_a_data_set_of_films_is_trained_on(tmp_path):
    replay_attack.fake(tmp_path / "set")
    plan, data = Plan(batch=6, steps=3), Data(frames=4, moments=4, resize_px=32)
    config = dataclasses.asdict(Config.tiny())
    recipe = Recipe(method="frame_skipping", config=config, data=data, plan=plan)
    found = list(run(Job(recipe=recipe, data=tmp_path / "set", out=tmp_path / "run", workers=1)))
    assert math.isfinite(found[-1].loss) and not found[-1].broken
    assert set(found[0].parts) == {"bilstm", "gru", "lstm", "meta"}


class Films:
    """Batches of toy films."""

    def __init__(self, total: int, seed: int) -> None:
        self.frames, self.labels = films(total, MOMENTS, seed)

    @property
    def samples(self) -> int:
        return len(self.labels)

    @property
    def steps(self) -> int:
        return self.samples // 40

    def epoch(self, epoch: int, skip: int = 0):
        shuffled = torch.from_numpy(np.random.default_rng(epoch).permutation(self.samples))
        for step in range(skip, self.steps):
            chosen = shuffled[step * 40 : (step + 1) * 40]
            yield ClipBatch(frames=self.frames[chosen], labels=self.labels[chosen], index=chosen)


def judged(model, dev: Tensor, dev_labels: Tensor, test: Tensor, labels: Tensor) -> float:
    chosen = threshold_at_eer(model(dev).numpy(), dev_labels.numpy())
    return half_total_error_rate(model(test).numpy(), labels.numpy(), chosen)


def single_frame(features: Tensor, labels: Tensor) -> nn.Module:
    """Return a classifier of single frames, trained on every moment of every film."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(features.shape[2], 32), nn.ReLU(), nn.Linear(32, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)
    told = labels[:, None].expand(features.shape[:2]).flatten()
    for _ in range(150):
        logits = net(features.flatten(0, 1)).squeeze(1)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, told)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net


@torch.no_grad()
def settle(encoder: Described, frames: Tensor) -> None:
    """Let the batch norms of random weights know what frames look like, as trained ones do."""
    for norm in (m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.momentum = None
    encoder.train()
    encoder(Normalise()(frames.flatten(0, 1)))
    encoder.eval()


@pytest.mark.slow
def test_motion_tells_what_single_frames_cannot(capsys):
    view = View(size=32, frames=MOMENTS, fit="resize", only="video")
    config = dataclasses.replace(Config.tiny(), bilstm=32, gru=16, lstm=48, meta=20, view=view)
    found: dict[str, list[float]] = {}
    for seed in range(3):
        torch.manual_seed(seed)
        method = FrameSkipping(config)
        training = Films(800, seed=10 + seed)
        settle(method.encoder, training.frames[:100])
        plan = Plan(lr=5e-3, batch=40, epochs=45, clip_norm=1.0, schedule="cosine", seed=seed)
        for _ in fit(method, training, plan):
            pass
        method.eval()
        (dev, dev_labels), (test, labels) = (
            films(200, MOMENTS, 20 + seed),
            films(400, MOMENTS, 30 + seed),
        )
        with torch.inference_mode():
            features = [method.described(x) for x in (training.frames, dev, test)]
        frame = single_frame(features[0].clone(), training.labels)
        models = {
            "meta": lambda x, method=method: method.judged(x).mean(1),
            "frame": lambda x, frame=frame: frame(x[:, 0])[:, 0],
        }
        for name, net in method.ensemble.items():
            models[name] = lambda x, net=net: (net(x)[..., 1] - net(x)[..., 0]).mean(1)
        with torch.inference_mode():
            for name, model in models.items():
                error = judged(model, features[1], dev_labels, features[2], labels)
                found.setdefault(name, []).append(error)
    means = {name: float(np.mean(errors)) for name, errors in found.items()}
    with capsys.disabled():
        print(f"\nframe_skipping half total errors, 3 seeds: {means}")
    assert means["meta"] <= 0.10
    assert means["frame"] >= 0.35
    assert means["meta"] <= min(means[name] for name in ("bilstm", "gru", "lstm")) + 0.01
