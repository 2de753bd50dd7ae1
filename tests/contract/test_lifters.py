"""What every lifter promises."""

import dataclasses

import numpy as np
import pytest
import torch
from building import cls, tiny
from safetensors.torch import load_file, save_file
from torch import nn

from verilens import catalog, weights
from verilens.batch import PoseBatch
from verilens.card import Card
from verilens.errors import ConfigError
from verilens.motion.lifter import Lifter
from verilens.poses.make import make_pose
from verilens.records import Pose

CARDS = [card for card in catalog.cards().values() if "lift" in card.tasks]
every_card = pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)


def joints(count: int, frames: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, frames, 17, 2, generator=generator) / 4


def batch(method: Lifter, count: int = 6) -> PoseBatch:
    frames = method.config.window.frames
    seen = joints(count, frames)
    return PoseBatch(
        joints=seen[:, None],
        confidence=torch.ones(count, 1, frames, 17),
        labels=torch.zeros(count, dtype=torch.int64),
        targets=torch.cat([seen, seen[..., :1].sin()], -1),
    )


def settled(card: Card) -> Lifter:
    """Return a tiny method whose norms have seen a batch."""
    method = tiny(card).train()
    for norm in (m for m in method.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.momentum = None
    with torch.no_grad():
        method(joints(8, method.config.window.frames))
    return method.eval()


def film(frames: int = 12, seed: int = 0) -> Pose:
    rng = np.random.default_rng(seed)
    pixels = 300 + 80 * rng.normal(size=(1, 17, 2)) + rng.normal(size=(frames, 17, 2))
    return make_pose(pixels, None, "h36m17", 30, units="px", size=(640, 480))


@every_card
def test_names_itself_and_reads_poses(card):
    assert issubclass(cls(card), Lifter) and cls(card).name == card.name
    assert card.reads == "poses"


@every_card
def test_loss_is_finite_and_reaches_every_weight(card):
    method = tiny(card).train()
    loss = method.training_step(batch(method))
    assert loss.total.ndim == 0 and torch.isfinite(loss.total) and len(loss.each) == 6
    loss.total.backward()
    for name, weight in method.named_parameters():
        assert weight.grad is not None and torch.isfinite(weight.grad).all(), name


@every_card
def test_saved_and_loaded_methods_agree(card, tmp_path):
    method, path = settled(card), tmp_path / "weights.safetensors"
    save_file({k: v.contiguous() for k, v in method.state_dict().items()}, path)
    other = tiny(card).eval()
    weights.load_into(other, path)
    x = joints(2, method.config.window.frames)
    with torch.inference_mode():
        assert torch.equal(method(x), other(x))
    assert set(load_file(path)) == set(other.state_dict())


@every_card
def test_batch_of_two_equals_two_of_one(card):
    method = settled(card)
    x = joints(2, method.config.window.frames)
    with torch.inference_mode():
        together = method(x)
        apart = torch.cat([method(x[:1]), method(x[1:])])
    assert together.shape == (2, 17, 3) and together.dtype == torch.float32
    assert torch.allclose(together, apart, atol=1e-5)


@every_card
@pytest.mark.parametrize("frames", [1, 2, 12])
def test_lifts_every_frame_of_a_film(card, frames):
    method, seen = settled(card), film(frames)
    found = method.lift(seen)
    assert found.joints.shape == (frames, 17, 3) and found.joints.dtype == np.float32
    assert np.isfinite(found.joints).all() and (found.confidence == 1).all()
    assert (found.units, found.frame, found.fps) == ("m", "camera", 30)
    assert np.array_equal(found.joints, method.lift(seen).joints)


@every_card
def test_a_mirrored_film_gives_mirrored_poses(card):
    method, seen = settled(card), film()
    flip = list(seen.skeleton.flip)
    turned = seen.joints[:, flip] * [-1, 1] + [640, 0]
    other = dataclasses.replace(seen, joints=turned.astype(np.float32))
    found, wanted = method.lift(other).joints, method.lift(seen).joints[:, flip] * [-1, 1, 1]
    assert np.allclose(found, wanted, atol=1e-4)


@every_card
def test_parts_of_the_picture_are_pixels_over_its_size(card):
    method, seen = settled(card), film()
    parts = dataclasses.replace(
        seen, joints=(seen.joints / [640, 480]).astype(np.float32), units="norm"
    )
    assert np.allclose(method.lift(parts).joints, method.lift(seen).joints, atol=1e-4)


@every_card
def test_missing_joints_are_interpolated_and_said(card):
    method, seen = settled(card), film()
    still = dataclasses.replace(seen, joints=np.repeat(seen.joints[:1], 12, 0))
    sure = still.confidence.copy()
    sure[3:5, 2], sure[:, 16] = 0, 0
    holes = dataclasses.replace(
        still, confidence=sure, joints=np.where(sure[..., None] > 0, still.joints, 0)
    )
    found = method.lift(holes)
    assert np.isfinite(found.joints).all()
    assert found.confidence[3, 2] == 0.5 and found.confidence[5, 2] == 1
    assert (found.confidence[:, 16] == 0).all()
    sure[3:5, 2] = 1  # of a joint that stands still, nothing was lost
    whole = dataclasses.replace(
        holes, confidence=sure, joints=np.where(sure[..., None] > 0, still.joints, 0)
    )
    assert np.allclose(method.lift(whole).joints, found.joints)


@every_card
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confidence": np.zeros((12, 17), np.float32)}, "nobody is seen in these 12 frames"),
        ({"frame": "camera"}, "not of 'camera'"),
        ({"size": (0, 0)}, "--size"),
    ],
)
def test_what_cannot_be_lifted_is_refused(card, changes, words):
    with pytest.raises(ConfigError, match=words):
        settled(card).lift(dataclasses.replace(film(), **changes))


@every_card
def test_other_skeletons_are_refused(card):
    with pytest.raises(ConfigError, match="h36m17, not of coco17"):
        settled(card).lift(make_pose(film().joints, None, "coco17", 30, size=(640, 480)))


@every_card
def test_training_without_depth_is_refused(card):
    method = tiny(card)
    flat = dataclasses.replace(batch(method), targets=None)
    with pytest.raises(ConfigError, match="poses in space"):
        method.training_step(flat)
