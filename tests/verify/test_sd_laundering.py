"""SD laundering: size, aggregation and decisions by hand, and three origins told apart."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from verilens.batch import ClipBatch
from verilens.errors import ConfigError
from verilens.media.sample import Moment, sample
from verilens.media.still import rgb
from verilens.records import Clip
from verilens.verify.sd_laundering.config import Config
from verilens.verify.sd_laundering.model import (
    SDLaundering,
    Stage,
    best_mean,
    enlarged,
    judge,
    places,
)


def tiny() -> SDLaundering:
    torch.manual_seed(0)
    return SDLaundering(Config.tiny()).eval()


def clip(picture: Image.Image, method: SDLaundering) -> Clip:
    view = method.config.view
    return sample([view], [Moment(0.0, lambda: rgb(picture))], picture.size)[view]


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_paper_size():
    with torch.device("meta"):
        stage = Stage(Config())
    assert sum(p.numel() for p in stage.parameters()) == 17_552_202
    assert sum(p.numel() for p in stage.trunk.parameters()) == 17_548_616
    assert stage.classifier.weight.shape == (2, 1792)


def test_the_best_patches_are_averaged():
    scores = torch.randperm(800).float() + 1  # 1 to 800
    assert best_mean(scores, 200) == 700.5
    assert best_mean(scores, 600) == 500.5
    assert best_mean(scores, 800) == 400.5
    every = [float(best_mean(scores, m)) for m in range(1, 801, 7)]
    assert every == sorted(every, reverse=True)


def test_places_are_fixed_and_cover_the_picture():
    found = places(256, 300, 96, 800, 21)
    assert found == places(256, 300, 96, 800, 21) != places(256, 300, 96, 800, 22)
    tops, lefts = np.array(found).T
    assert len(found) == 800 and tops.min() >= 0 and lefts.min() >= 0
    assert tops.max() == 160 and lefts.max() > 200 and lefts.max() <= 204
    assert places(96, 96, 96, 3, 21) == ((0, 0),) * 3


def test_small_pictures_are_enlarged_to_the_shorter_side():
    assert enlarged(torch.zeros(1, 3, 80, 100), 256).shape == (1, 3, 256, 320)
    assert enlarged(torch.zeros(1, 3, 300, 256), 256).shape == (1, 3, 300, 256)


def test_two_runs_agree_whatever_the_mode_of_the_picture():
    method = tiny()
    pixels = noise(100, 80)
    alpha = np.dstack([pixels, np.full((80, 100), 255, np.uint8)])
    coloured = clip(Image.fromarray(pixels), method)
    first, second = (method.inspect([coloured])[0] for _ in range(2))
    assert first == second and np.isfinite(first.logit)
    assert method.inspect([clip(Image.fromarray(alpha, "RGBA"), method)])[0].logit == first.logit
    grey = Image.fromarray(pixels[:, :, 0], "L")
    thrice = Image.fromarray(np.repeat(pixels[:, :, :1], 3, 2))
    assert method.inspect([clip(grey, method)]) == method.inspect([clip(thrice, method)])


def test_the_decision_tree():
    asked = []

    def second(score: float) -> float:
        asked.append(score)
        return score

    assert judge(-0.1, lambda: second(1.0)) == ("real", -0.1, None)
    assert judge(0.0, lambda: second(1.0)).origin == "real"
    assert not asked
    assert judge(0.1, lambda: second(0.2)) == ("laundered", 0.1, 0.2)
    assert judge(0.1, lambda: second(0.0)).origin == "synthetic"
    assert asked == [0.2, 0.0]


@pytest.mark.parametrize(
    ("biases", "origin", "claim", "calls"),
    [
        ((-9.0, 9.0), "real", "ai-generated", 0),
        ((9.0, 9.0), "laundered", "edited", 1),
        ((9.0, -9.0), "synthetic", "ai-generated", 1),
    ],
)
def test_evidence_names_which_of_the_three(biases, origin, claim, calls):
    method = tiny()
    for stage, bias in zip((method.first, method.second), biases, strict=True):
        stage.classifier.bias.data[1] = bias
    passes = []
    method.second.register_forward_hook(lambda *_: passes.append(1))
    evidence = method.inspect([clip(Image.fromarray(noise(100, 80)), method)])[0]
    assert evidence.why.startswith(origin) and evidence.claim == claim
    assert len(passes) == calls  # 12 patches are one pass
    assert (evidence.logit > 0) == (origin != "real")
    assert ("may be true" in " ".join(evidence.limits)) == (origin == "laundered")


def test_stages_learn_from_their_own_samples():
    """The second stage's gradient does not change when genuine samples do."""
    method = tiny().train()
    batch = ClipBatch(
        frames=torch.rand(4, 1, 3, 64, 64),
        labels=torch.tensor([0.0, 1.0, 1.0, 0.0]),
        kinds=torch.tensor([0, 1, 2, 0]),
    )
    seen = []
    method.second.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    loss = method.training_step(batch)
    assert seen == [2] and set(loss.parts) == {"real", "laundered"}
    genuine = dataclasses.replace(batch, labels=torch.zeros(4), kinds=torch.zeros(4).long())
    assert set(method.training_step(genuine).parts) == {"real"} and seen == [2]
    with pytest.raises(ConfigError, match="generator"):
        method.training_step(dataclasses.replace(batch, kinds=None))


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="best"):
        Config(best=801)
    with pytest.raises(ConfigError, match="shortest"):
        Config(patch=300)
    with pytest.raises(ConfigError, match="count from 1"):
        Config(laundered=(0,))
