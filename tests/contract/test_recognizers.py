"""What every method promises that recognises movement."""

import json
import socket

import numpy as np
import pytest
import torch
from building import cls, tiny
from safetensors.torch import load_file, save_file
from torch import nn

from verilens import catalog, weights
from verilens.batch import PoseBatch
from verilens.errors import ConfigError, MediaError, UnknownName
from verilens.motion.recognizer import Recognizer
from verilens.poses import skeletons
from verilens.poses.make import make_pose, own_skeleton
from verilens.records import Pose

CARDS = [card for card in catalog.cards().values() if "recognize" in card.tasks]
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def batch(method: Recognizer, count: int = 6, seed: int = 1) -> PoseBatch:
    """Return noise of the size that the method reads, with a label for each."""
    stretch = method.config.stretch
    joints = len(skeletons.skeleton(stretch.skeleton))
    generator = torch.Generator().manual_seed(seed)
    shape = (count, stretch.persons, stretch.frames, joints)
    return PoseBatch(
        joints=torch.randn(*shape, stretch.dims, generator=generator),
        confidence=torch.rand(*shape, generator=generator).clamp(min=0.1),
        labels=torch.arange(count) % method.config.classes,
    )


def settled(card) -> Recognizer:
    """Return a tiny method whose norms have seen a batch and whose layers all say something."""
    method = tiny(card)
    torch.manual_seed(0)
    for norm in (m for m in method.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)):
        norm.momentum = None
        nn.init.uniform_(norm.weight, 0.5, 1.5)
    seen = batch(method, 8)
    with torch.no_grad():
        method.train()(seen.joints, seen.confidence)
    return method.eval()


def clip(card, frames: int = 20, seed: int = 0, **changes) -> Pose:
    name = tiny(card).config.stretch.skeleton
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(frames, len(skeletons.skeleton(name)), 3)).cumsum(0)
    return make_pose(joints, changes.pop("confidence", None), name, 25.0, **changes)


@every_card
def test_names_itself_and_reads_poses(card):
    assert issubclass(cls(card), Recognizer) and cls(card).name == card.name
    assert card.reads == "poses"


@every_card
def test_loss_is_finite_and_reaches_every_trainable_weight(card):
    method = tiny(card).train()
    loss = method.training_step(batch(method))
    assert loss.total.ndim == 0 and torch.isfinite(loss.total)
    loss.total.backward()
    groups = [p for group in method.parameter_groups() for p in group["params"]]
    trainable = dict(method.named_parameters())
    assert {id(p) for p in groups} == {id(p) for p in trainable.values() if p.requires_grad}
    for name, weight in trainable.items():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


@every_card
def test_saved_and_loaded_methods_agree(card, tmp_path):
    method = settled(card)
    path = tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in method.state_dict().items()}, path)
    other = tiny(card).eval()
    weights.load_into(other, path)
    x = batch(method, 2)
    with torch.inference_mode():
        assert torch.equal(method(x.joints, x.confidence), other(x.joints, x.confidence))
    assert set(load_file(path)) == set(other.state_dict())


@every_card
def test_batch_of_two_equals_two_of_one(card):
    method = settled(card)
    x = batch(method, 2)
    with torch.inference_mode():
        together = method(x.joints, x.confidence)
        apart = torch.cat([method(x.joints[n : n + 1], x.confidence[n : n + 1]) for n in (0, 1)])
    assert together.shape == (2, method.config.classes) and together.dtype == torch.float32
    assert together.std() > 0 and torch.allclose(together, apart, atol=1e-5)


@every_card
def test_seed_fixes_the_result(card):
    first, second = (settled(card) for _ in range(2))
    x = batch(first, 2)
    with torch.inference_mode():
        assert torch.equal(first(x.joints, x.confidence), second(x.joints, x.confidence))
    clips = [[clip(card, seed=3)], [clip(card, 5, seed=4)]]
    assert np.array_equal(first.probabilities(clips), first.probabilities(clips))


@every_card
@pytest.mark.parametrize("frames", [1, 2, 12, 13, 40])
def test_recognitions_are_probabilities_of_named_classes(card, frames):
    clips = [[clip(card, frames)], [clip(card, frames, seed=1)]]
    found = settled(card).recognize(clips)
    for recognition in found:
        chances = recognition.probabilities
        assert np.isclose(chances.sum(), 1) and chances.min() >= 0
        shares = [guess.probability for guess in recognition.guesses]
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == min(5, len(chances))
        assert json.dumps([vars(guess) for guess in recognition.guesses])


@every_card
def test_gaps_second_persons_and_absent_joints_are_read(card):
    method = settled(card)
    gaps = np.ones((20, 20), np.float32)
    gaps[3:7, 5] = 0
    joints = np.asarray(clip(card).joints).copy()
    joints[4, 2] = np.nan
    odd = make_pose(joints, gaps, "kinect20", 25.0)
    nobody = make_pose(joints * 0, gaps * 0, "kinect20", 25.0)
    for persons in ([odd], [odd, clip(card, seed=5)], [odd, odd, odd], [nobody]):
        assert np.isfinite(method.probabilities([persons])).all()


@every_card
def test_the_frame_rate_does_not_count(card):
    method = settled(card)
    fast = make_pose(clip(card).joints, None, "kinect20", 50.0)
    assert np.array_equal(method.probabilities([[clip(card)]]), method.probabilities([[fast]]))


@every_card
def test_what_cannot_be_read_is_refused(card):
    method = settled(card)
    with pytest.raises(MediaError, match="without a person"):
        method.recognize([[]])
    with pytest.raises(MediaError, match="differ in length"):
        method.recognize([[clip(card, 5), clip(card, 6)]])
    strange = own_skeleton("spider", [f"leg_{n}" for n in range(8)])
    with pytest.raises(ConfigError, match=r"spider and .* have no joint in common"):
        method.recognize([[make_pose(np.zeros((4, 8, 3)), None, strange, 25.0)]])
    if method.config.stretch.dims == 3:
        flat = make_pose(clip(card).joints[..., :2], None, "kinect20", 25.0)
        with pytest.raises(MediaError, match="lift them first"):
            method.recognize([[flat]])


@every_card
def test_names_must_be_as_many_as_classes(card):
    with pytest.raises(ConfigError, match="2 labels for 3 classes"):
        catalog.settings(card.name, {"classes": 3, "labels": ("a", "b")})
    with pytest.raises(ConfigError, match="at least 2"):
        catalog.settings(card.name, {"classes": 1})
    with pytest.raises(UnknownName, match="no skeleton"):
        catalog.settings(card.name, {"stretch": {"skeleton": "kinekt20"}})


@every_card
def test_works_on_cpu_without_network(card, monkeypatch):
    def refuse(*_):
        raise AssertionError("a method must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    method = tiny(card).eval()
    assert {p.device.type for p in method.parameters()} == {"cpu"}
    method.recognize([[clip(card)]])
