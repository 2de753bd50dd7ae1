"""The progressive transformer: sizes, the counter, and that it learns made-up signing."""

import dataclasses

import numpy as np
import pytest
import torch
from toy_signs import prototypes, signed_from

from verilens.errors import ConfigError, MissingWeights
from verilens.motion.progressive_transformer.config import Config
from verilens.motion.progressive_transformer.model import ProgressiveTransformer
from verilens.motion.sentences import Sentence
from verilens.motion.signer import Signer
from verilens.motion.vocabulary import counted
from verilens.train.loop import fit
from verilens.train.recipe import Plan


def size(module):
    return sum(p.numel() for p in module.parameters())


def layers(decoders, width, inner):
    """Return the weights of Transformer layers by the formula, the last norm included."""
    attention = 4 * (width * width + width)
    feed = 2 * width * inner + inner + width
    norms = (3 if decoders else 2) * 2 * width
    return 2 * ((2 if decoders else 1) * attention + feed + norms) + 2 * width


def test_sizes_follow_from_the_published_ones():
    with torch.device("meta"):
        method = ProgressiveTransformer()
    assert size(method.encoder) == layers(False, 512, 2048)
    assert size(method.decoder) == layers(True, 512, 2048)
    assert method.out.weight.shape == (151, 512) and method.out.bias is None
    assert method.embed.weight.shape == (512, 151)


def world(count, seed=0):
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(6)]
    signs = prototypes(words, 5, 6, np.random.default_rng(5))
    texts = [" ".join(rng.choice(words, rng.integers(1, 4))) for _ in range(count)]
    rows = [Sentence(name=str(n), gloss=text, text=text) for n, text in enumerate(texts)]
    return signed_from(rows, signs, 0.005, rng)


def small(signed, **changes):
    words = counted(s.text for s in signed)
    sizes = {"width": 64, "layers": 1, "heads": 4, "inner": 128}
    return Config(skeleton="phoenix50", joints=5, words=words, longest=40, **sizes, **changes)


def test_a_frame_is_predicted_from_what_came_before_alone():
    torch.manual_seed(0)
    method = ProgressiveTransformer(Config.tiny()).eval()
    states, said = method.read(torch.tensor([[4, 5, 3]]), torch.tensor([3]))
    frames = torch.rand(1, 6, 151)
    changed = frames.clone()
    changed[:, 4:] += 1
    first, second = (method.following(x, states, said) for x in (frames, changed))
    assert torch.equal(first[:, :4], second[:, :4]) and not torch.equal(first[:, 4], second[:, 4])
    counted_only = dataclasses.replace(Config.tiny(), just_counter=True)
    method = ProgressiveTransformer(counted_only).eval()
    changed = frames.clone()
    changed[..., :-1] += 1
    first, second = (method.following(x, states, said) for x in (frames, changed))
    assert torch.equal(first, second)


@pytest.mark.slow
def test_it_learns_when_to_stop():
    signed = world(200)
    torch.manual_seed(0)
    method = ProgressiveTransformer(small(signed))
    for _ in fit(method, method.sentences(signed, 16, 0), Plan(lr=1e-3, epochs=60, batch=16)):
        pass
    method.eval()
    gaps = []
    for s in world(20, seed=3):
        with torch.inference_mode():
            gaps.append(abs(len(method.produce(s.text, 0)) - len(s.joints)))
    print("frames off:", gaps)
    assert np.median(gaps) <= 3


def test_noise_follows_the_error_and_leaves_the_counter_true():
    signed = world(16)
    torch.manual_seed(0)
    method = ProgressiveTransformer(small(signed, noise_rate=5.0))
    assert not method.variance.any()
    batch = next(method.sentences(signed, 16, 0).epoch(0))
    method.train()
    first = float(method.training_step(batch).total.detach())
    assert (method.variance > 0).all()
    second = float(method.training_step(batch).total.detach())
    assert first != second  # nothing was learned: it is the noise
    method.variance.zero_()
    method.eval()
    assert float(method.training_step(batch).total.detach()) == pytest.approx(first)


def test_a_given_length_is_kept_and_the_contract_too():
    torch.manual_seed(0)
    method = ProgressiveTransformer(Config.tiny()).eval()
    pose = method.sign("a b", 7)
    assert isinstance(method, Signer) and pose.skeleton.name == "phoenix50"
    assert pose.joints.shape == (7, 50, 3) and pose.fps == 25
    assert len(method.sign("c").joints) <= 40
    with torch.device("meta"):
        empty = ProgressiveTransformer()
    with pytest.raises(MissingWeights, match="name no words"):
        empty.sign("a")
    with pytest.raises(ConfigError, match="noise_rate"):
        Config(noise_rate=-1)
