"""What lifters train on: windows seen by cameras, the same again for the same seed."""

import dataclasses

import numpy as np
import pytest
import torch

from verilens.errors import ConfigError
from verilens.motion.lifter import Window, screen
from verilens.poses.cameras import Rig
from verilens.poses.make import make_pose
from verilens.train.lifting import Filmed, Views, every, shots

WINDOW = Window(frames=9, roll=2)


def movements(count: int = 3, frames: int = 20) -> list:
    rng = np.random.default_rng(0)
    return [
        make_pose(
            rng.normal(size=(frames + n, 17, 3)) / 3, None, "h36m17", 30, units="m", frame="world"
        )
        for n in range(count)
    ]


def test_batches_have_the_shapes_that_lifters_read():
    batches = Filmed(movements(), WINDOW, Views(), size=5)
    (first, *_) = batches.epoch(0)
    assert batches.samples == 63 and batches.steps == 12
    assert first.joints.shape == (5, 1, 9, 17, 2) and first.targets.shape == (5, 9, 17, 3)
    assert first.joints.dtype == first.targets.dtype == torch.float32


def test_equal_seeds_draw_equal_batches_and_skipping_goes_on():
    one, other = (Filmed(movements(), WINDOW, Views(), size=4, steps=3, seed=7) for _ in range(2))
    whole, rest = list(one.epoch(2)), list(other.epoch(2, skip=1))
    assert len(whole) == 3 and len(rest) == 2
    assert torch.equal(whole[1].joints, rest[0].joints)
    assert torch.equal(whole[2].targets, rest[1].targets)
    assert not torch.equal(whole[0].joints, whole[1].joints)


def test_what_is_seen_is_the_projection_of_what_is_wanted():
    views = Views(rig=Rig(focal=(1.2, 1.2)), flip=True)
    batch = next(Filmed(movements(), WINDOW, views, size=64).epoch(0))
    space = batch.targets.double().numpy()
    # x / w * 2 - 1 of a pinhole with its axis in the centre is 2 f x / z, f in widths.
    wanted = 2 * 1.2 * space[..., :2] / space[..., 2:]
    assert np.allclose(batch.joints[:, 0].numpy(), wanted, atol=1e-4)
    assert ((space[..., 2] > 1) & (space[..., 2] < 9)).all()


def test_noise_is_in_pixels():
    clean, noisy = (
        next(Filmed(movements(), WINDOW, Views(noise_px=px, flip=False), size=32, seed=1).epoch(0))
        for px in (0.0, 5.0)
    )
    first = (noisy.joints - clean.joints)[0]  # later windows come from other draws
    assert first.std() * 500 == pytest.approx(5, rel=0.2)


def test_legs_may_come_from_another_movement():
    poses, legs = movements(), [1, 2, 3, 4, 5, 6]
    filmed = Filmed(poses, Window(frames=1), Views(flip=False, mixed=1.0), size=32)
    space = next(filmed.epoch(0)).targets[:, 0].double().numpy()
    every_frame = np.concatenate([pose.joints for pose in poses]).astype(float)

    def nearest(part: list[int]) -> np.ndarray:
        """Return which captured frame has the distances within a part of each body."""
        gaps = [np.linalg.norm(x[:, part][:, :, None] - x[:, part][:, None], axis=-1)
                for x in (space, every_frame)]  # fmt: skip
        errors = np.abs(gaps[0][:, None] - gaps[1][None]).max((2, 3))
        assert errors.min(1).max() < 1e-4
        return errors.argmin(1)

    rest = [n for n in range(17) if n not in legs]
    assert (nearest([0, *legs]) != nearest(rest)).mean() > 0.9


def test_shots_keep_what_was_seen_and_where_it_was():
    pose = movements(1)[0]
    found = shots([("walk", pose)], Rig(), cameras=3)
    assert [shot.name for shot in found] == ["walk"] * 3
    assert len({float(shot.space.joints[0, 0, 2]) for shot in found}) == 3
    for shot in found:
        assert shot.seen.size == (1000, 1000) and shot.space.units == "m"
        seen = shot.seen.confidence > 0
        on_screen = screen(shot.seen.joints.astype(float), shot.seen.size)
        ratio = shot.space.joints[..., 0] / shot.space.joints[..., 2]
        assert np.corrcoef(on_screen[seen][:, 0], ratio[seen])[0, 1] > 0.99999
    again = shots([("walk", pose)], Rig(), cameras=3)
    assert np.array_equal(found[2].seen.joints, again[2].seen.joints)


def test_every_second_frame_halves_the_speed():
    pose = movements(1, frames=7)[0]
    half = every(pose, 2)
    assert len(half) == 4 and half.fps == 15
    assert np.array_equal(half.joints, pose.joints[::2])


def test_nothing_to_film_is_said():
    with pytest.raises(ConfigError, match="no movements"):
        Filmed([], WINDOW, Views(), size=4)
    assert dataclasses.replace(Views(), flip=False).rig == Rig()
