"""Another skeleton, another rate, gaps and sizes: by hand on small movements, and on real ones."""

from dataclasses import replace

import numpy as np
import pytest

from verilens.errors import ConfigError
from verilens.poses.convert import convert
from verilens.poses.make import make_pose
from verilens.poses.normalise import normalise
from verilens.poses.read import read
from verilens.poses.skeletons import names, skeleton
from verilens.poses.timing import at, fill, resample, stretch


def joint(pose, name):
    return pose.joints[:, pose.skeleton.index(name)]


def test_what_is_there_stays_and_what_lacks_is_made(waving):
    pose = waving("coco17")
    new = convert(pose, "h36m17")
    np.testing.assert_array_equal(joint(new, "left_knee"), joint(pose, "left_knee"))
    hips = (joint(pose, "left_hip") + joint(pose, "right_hip")) / 2
    np.testing.assert_allclose(joint(new, "pelvis"), hips, atol=1e-6)
    neck = (joint(pose, "left_shoulder") + joint(pose, "right_shoulder")) / 2
    np.testing.assert_allclose(joint(new, "spine"), (hips + neck) / 2, atol=1e-6)
    ears = (joint(pose, "left_ear") + joint(pose, "right_ear")) / 2
    np.testing.assert_allclose(joint(new, "head_top"), 1.5 * ears - 0.5 * neck, atol=1e-5)


def test_what_is_made_is_as_sure_as_its_least_sure_part(waving):
    pose = waving("coco17")
    sure = pose.confidence.copy()
    sure[:, pose.skeleton.index("left_hip")] = 0.25
    sure[3, pose.skeleton.index("right_hip")] = 0
    new = convert(replace(pose, confidence=sure), "kinect20")
    pelvis = new.confidence[:, new.skeleton.index("pelvis")]
    assert pelvis[0] == 0.25 and pelvis[3] == 0 and not joint(new, "pelvis")[3].any()


def test_reordering_is_exact(waving):
    pose = waving("pose178")
    new = convert(pose, "holistic178")
    for name in pose.skeleton.joints:
        np.testing.assert_array_equal(joint(new, name), joint(pose, name))
    back = convert(new, "pose178")
    np.testing.assert_array_equal(back.joints, pose.joints)


def test_real_signs_have_the_official_178_joints(motion):
    """(N, 178, 3) with the right shoulder first, the right hand at 8 and the left at 29."""
    (pose,) = read(motion / "pose_files/dummy_lexicon/sgg/kinder.pose")
    new = convert(pose, "holistic178")
    assert new.joints.shape == (45, 178, 3) and new.skeleton.joints[29] == "left_hand_wrist"
    seen = (new.confidence[:, 8] > 0) & (new.confidence[:, 2] > 0)
    reach = np.linalg.norm(new.joints[seen, 8, :2] - new.joints[seen, 2, :2], axis=1)
    assert seen.any() and np.median(reach) < 40  # pixels between the wrist of body and hand


def test_recorded_walkers_become_other_skeletons(motion):
    (walk,) = read(motion / "bvh/AV_8Walk_Meredith_HVHA_Rep1.bvh")
    for name in ("h36m17", "kinect20", "coco_new20", "ntu25"):
        new = convert(walk, name)
        left = joint(new, "left_knee") - joint(walk, "LeftLeg")
        assert not left.any() and (new.confidence > 0).mean() > 0.6, name


@pytest.mark.parametrize("name", names())
def test_every_skeleton_becomes_itself(waving, name):
    assert convert(waving(name), name).joints is not None


def test_nothing_in_common_is_an_error(waving):
    with pytest.raises(ConfigError, match="no joint in common"):
        convert(waving("face68"), "hand21")


def ramp(missing=(), frames=5, fps=10.0):
    """Return a person whose first joint goes one unit a frame; frames in `missing` lack it."""
    joints = np.zeros((frames, 17, 2))
    joints[:, 0] = np.arange(frames)[:, None]
    sure = np.ones((frames, 17))
    sure[list(missing), 0] = 0
    return make_pose(joints, sure, "coco17", fps)


def test_gaps_are_filled_in_between_and_held_at_the_ends():
    filled = fill(ramp(missing=(0, 2, 4)))
    assert filled.joints[:, 0, 0].tolist() == [1, 1, 2, 3, 3]
    assert (filled.confidence > 0).all()


def test_long_gaps_and_joints_never_seen_stay_missing():
    gaps = ramp(missing=(1, 2, 4), frames=7)
    assert fill(gaps, longest_s=0.2).confidence[:, 0].tolist() == [1, 0, 0, 1, 1, 1, 1]
    never = fill(ramp(missing=range(5)))
    assert not never.confidence[:, 0].any() and not never.joints[:, 0].any()


def test_another_rate_is_the_same_movement():
    slow = ramp(frames=5, fps=10)
    fast = resample(slow, 20)
    assert (len(fast), fast.fps) == (9, 20)
    np.testing.assert_allclose(fast.joints[:, 0, 0], np.arange(9) / 2)
    np.testing.assert_array_equal(resample(fast, 10).joints, slow.joints)
    assert len(resample(ramp(frames=1), 60)) == 1
    assert len(resample(ramp(frames=31, fps=30), 25)) == 26  # one second


def test_between_a_seen_and_a_missing_moment_the_nearer_decides():
    between = at(ramp(missing=(1,)), np.array([0.25, 0.75, 1.0, 1.75]))
    assert between.confidence[:, 0].tolist() == [1, 0, 0, 1]
    assert between.joints[:, 0, 0].tolist() == [0, 0, 0, 2]


def test_a_number_of_frames_keeps_the_seconds():
    new = stretch(ramp(frames=5, fps=10), 9)
    assert len(new) == 9 and new.fps == 20 and new.joints[-1, 0, 0] == 4
    assert len(stretch(ramp(frames=1), 4)) == 4


@pytest.mark.parametrize("fps", [0, -5, float("nan"), 1e9])
def test_a_rate_that_cannot_be_is_refused(fps):
    with pytest.raises(ConfigError, match="frames a second"):
        resample(ramp(), fps)


def test_normalised_movement_forgets_place_and_size(waving):
    pose = waving("coco17")
    moved = replace(pose, joints=pose.joints * 7 + 30)
    one, two = (normalise(p, centre="pelvis", length="torso") for p in (pose, moved))
    np.testing.assert_allclose(one.joints, two.joints, atol=1e-4)
    width = normalise(pose).joints
    left, right = (width[:, pose.skeleton.index(f"{side}_shoulder")] for side in ("left", "right"))
    assert abs(np.median(np.linalg.norm(left - right, axis=1)) - 1) < 1e-5
    still = normalise(pose, centre="neck", each_frame=True)
    assert abs(joint(convert(still, "coco_new20"), "neck")).max() < 1e-5


def test_a_centre_that_is_missing_is_taken_from_where_it_was_seen():
    pose = ramp(missing=(0, 3))
    new = normalise(pose, centre="nose", length="none", each_frame=True)
    assert new.joints[:, 1, 0].tolist() == [-1, -1, -2, -2, -4]
    with pytest.raises(ConfigError, match="missing in every frame"):
        normalise(ramp(missing=range(5)), centre="nose")


def test_without_the_length_it_cannot_be_scaled(waving):
    with pytest.raises(ConfigError, match="has no left_shoulder"):
        normalise(waving("hand21"))
    with pytest.raises(ConfigError, match="no distance"):
        normalise(ramp())


def test_tables_only_name_joints_that_some_skeleton_has():
    from verilens.poses.convert import _stand_ins

    known = {joint for name in names() for joint in skeleton(name).joints}
    assert {joint for joint in _stand_ins() if joint == joint.lower()} <= known
