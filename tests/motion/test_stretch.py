"""What of a movement is read: which frames, whose joints, and where the origin lies."""

import dataclasses

import numpy as np
import pytest

from verilens.errors import ConfigError, UnknownName
from verilens.motion.stretch import Cut, Stretch, cut, interpolated, uniform
from verilens.poses.make import make_pose

KINECT = Stretch(skeleton="kinect20", frames=8, persons=2, centre="none", views=1)


def walk(frames: int, joints: int = 20, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, joints, 3)).astype(np.float32)


def pose(values: np.ndarray, confidence: np.ndarray | None = None, name: str = "kinect20"):
    return make_pose(values, confidence, name, 25.0)


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_uniform_sampling_takes_one_frame_of_each_segment(seed):
    rng = None if seed is None else np.random.default_rng(seed)
    places = uniform(480, 48, rng=rng)
    assert (places // 10).tolist() == list(range(48))  # one a segment of ten, rising
    if rng is None:
        assert (places % 10 == 5).all()  # its middle


def test_views_start_at_different_frames_of_their_segments():
    found = [uniform(480, 48, (view + 0.5) / 10) for view in range(10)]
    assert [int(places[0]) for places in found] == list(range(10))


@pytest.mark.parametrize("count", [50, 60, 95])
def test_clips_of_nearly_the_right_length_lose_no_order(count):
    places = uniform(count, 48, rng=np.random.default_rng(0))
    assert (np.diff(places) > 0).all() and places.max() < count


def test_short_clips_are_looped():
    assert uniform(3, 7, part=0.0).tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert uniform(3, 4, part=0.5).tolist() == [1, 2, 0, 1]


def test_two_frames_are_interpolated_linearly():
    joints = np.stack([np.zeros((5, 3)), np.ones((5, 3))])[None].astype(np.float32)
    found = interpolated(Cut(joints, np.ones((1, 2, 5), np.float32)), np.linspace(0, 1, 48))
    steps = np.linspace(0, 1, 48)[:, None, None]
    assert np.abs(found.joints[0] - steps).max() < 1e-6
    assert np.allclose(found.confidence, 1)
    linear = dataclasses.replace(KINECT, frames=48, short="linear")
    read = cut([pose(walk(2))], linear)
    expected = np.linspace(*walk(2), 48)
    assert np.abs(read.joints[0] - expected).max() < 1e-6


def test_beside_a_missing_joint_the_seen_one_holds():
    joints = np.array([1.0, 0.0, 3.0], np.float32)[None, :, None, None]
    sure = np.array([1.0, 0.0, 1.0], np.float32)[None, :, None]
    found = interpolated(Cut(joints, sure), np.array([0.0, 0.5, 1.0, 1.5, 2.0]))
    assert found.joints.ravel().tolist() == [1, 1, 0, 3, 3]
    assert found.confidence.ravel().tolist() == [1, 1, 0, 1, 1]


def test_the_origin_is_the_centre_joint_of_the_first_person():
    first, second = pose(walk(8)), pose(walk(8, seed=1), np.full((8, 20), 0.5))
    stretch = dataclasses.replace(KINECT, centre="first", origin="spine")
    found = cut([first, second], stretch)
    assert np.allclose(found.joints[0], first.joints - first.joints[0, 1], atol=1e-6)
    assert np.allclose(found.joints[1], second.joints - first.joints[0, 1], atol=1e-6)
    every = cut([first], dataclasses.replace(stretch, centre="every"))
    assert np.allclose(every.joints[0, :, 1], 0)


def test_missing_joints_stay_missing_when_the_origin_moves():
    sure = np.ones((8, 20), np.float32)
    sure[:, 7], sure[0, 0] = 0, 0  # one joint throughout, and the centre in the first frame
    found = cut([pose(walk(8) + 5, sure)], dataclasses.replace(KINECT, centre="first"))
    assert not found.joints[0, :, 7].any() and not found.confidence[0, :, 7].any()
    assert np.allclose(found.joints[0, 1, 0], 0, atol=1e-6)  # the first frame it was seen in


def test_size_one_makes_units_alike():
    metres = dataclasses.replace(KINECT, centre="first", size="one")
    small, large = cut([pose(walk(8))], metres), cut([pose(walk(8) * 1000)], metres)
    assert np.allclose(small.joints, large.joints, atol=1e-5)
    assert np.isclose(np.linalg.norm(small.joints, axis=-1).max(), 1)


def test_of_too_many_persons_those_seen_best_stay():
    faint = [pose(walk(8, seed=n), np.full((8, 20), sure)) for n, sure in enumerate((0.2, 1, 0.6))]
    found = cut(faint, KINECT)
    assert np.allclose(found.joints[0], walk(8, seed=1))
    assert np.allclose(found.joints[1], walk(8, seed=2))
    alone = cut(faint[:1], KINECT)
    assert not alone.joints[1].any() and not alone.confidence[1].any()


def test_other_skeletons_are_read_by_the_names_of_their_joints():
    found = cut([pose(walk(8), name="msr20")], KINECT)
    assert np.allclose(found.joints[0][:, 0], walk(8)[:, 6])  # the pelvis is seventh there
    values = walk(8, 17)
    coco = cut([pose(values, name="coco17")], KINECT)
    assert np.allclose(coco.joints[0][:, 4], values[:, 5])  # the left shoulder
    assert np.allclose(coco.joints[0][:, 0], (values[:, 11] + values[:, 12]) / 2, atol=1e-6)
    assert not coco.confidence[0, :, 15].any()  # nothing stands for a toe


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(UnknownName, match="kinect20"):
        Stretch(skeleton="kinect2")
    with pytest.raises(ConfigError, match="has no joint 'navel'"):
        Stretch(skeleton="kinect20", origin="navel")
    with pytest.raises(ConfigError, match="frames must be at least 1"):
        Stretch(skeleton="kinect20", frames=0)
