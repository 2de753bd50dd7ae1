"""Each format gives back what was written, and reads a small file that was written by hand."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from acclaim import AMC, ASF

from verilens.errors import ConfigError, MediaError
from verilens.poses import h36m, pyskl
from verilens.poses.make import make_pose
from verilens.poses.read import clips, read, write
from verilens.poses.skeletons import skeleton

BVH = """HIERARCHY
ROOT hip
{
  OFFSET 5 5 5
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT knee
  {
    OFFSET 0 -2 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -1 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 10 0 0 0 0 0 0 0
0 10 0 90 0 0 0 90 0
"""


def test_a_bent_leg_lies_where_it_must(tmp_path):
    (tmp_path / "leg.bvh").write_text(BVH)
    (pose,) = read(tmp_path / "leg.bvh")
    assert pose.skeleton.joints == ("hip", "knee", "knee_end") and pose.fps == 25
    np.testing.assert_allclose(pose.joints[0], [[0, 10, 0], [0, 8, 0], [0, 7, 0]], atol=1e-6)
    # z by 90 lays the leg along +x; then x by 90 turns -y of the shin into -z
    np.testing.assert_allclose(pose.joints[1], [[0, 10, 0], [2, 10, 0], [2, 10, -1]], atol=1e-6)


def test_an_arm_turns_about_its_own_axes(tmp_path):
    (tmp_path / "arm.asf").write_text(ASF)
    (tmp_path / "arm_01.amc").write_text(AMC)
    (pose,) = read(tmp_path / "arm_01.amc")
    inches = pose.joints / 0.0254 * 0.5
    assert pose.skeleton.joints == ("root", "upper", "lower") and pose.units == "m"
    np.testing.assert_allclose(inches[0], [[0, 0, 0], [2, 0, 0], [3, 0, 0]], atol=1e-5)
    # z is z in any frame turned about z: the arm points up, the forearm on to the left
    np.testing.assert_allclose(inches[1], [[1, 2, 3], [1, 4, 3], [0, 4, 3]], atol=1e-5)
    # the bone's x axis is the world's y; the arm turns from +x to -z, the root by the same again
    np.testing.assert_allclose(inches[2], [[0, 0, 0], [-2, 0, 0], [-3, 0, 0]], atol=1e-5)


def test_a_motion_without_its_actor_says_so(tmp_path):
    (tmp_path / "arm.amc").write_text(AMC)
    with pytest.raises(MediaError, match=r"needs its \.asf"):
        read(tmp_path / "arm.amc")


def test_a_recorded_walk_keeps_its_bones_and_comes_back(motion, tmp_path):
    (pose,) = read(motion / "bvh" / "AV_8Walk_Meredith_HVHA_Rep1.bvh")
    assert (len(pose), pose.fps, len(pose.skeleton.pairs)) == (1064, 120, 13)
    a, b = np.array(pose.skeleton.edges).T
    lengths = np.linalg.norm(pose.joints[:, a] - pose.joints[:, b], axis=2)
    assert lengths.std(0).max() < 1e-4
    write(tmp_path / "a.bvh", [pose])
    (back,) = read(tmp_path / "a.bvh")
    order = [back.skeleton.index(joint) for joint in pose.skeleton.joints]
    assert np.abs(back.joints[:, order] - pose.joints).max() < 1e-3


def test_rotations_found_in_mocap_give_its_places(motion, tmp_path):
    """Millimetres, joints metres apart: rotations found from places lead back to them."""
    name, (pose,) = next(clips(motion / "cmu_mocap" / "cmu_mocap_8actions.npz"))
    write(tmp_path / "a.bvh", [pose])
    (back,) = read(tmp_path / "a.bvh")
    assert back.skeleton == skeleton("cmu38") and name.startswith("test/")
    assert np.abs(back.joints - pose.joints).max() < 0.05


def test_mocap_becomes_an_actor_and_comes_back(motion, tmp_path):
    _, (pose,) = next(clips(motion / "cmu_mocap" / "cmu_mocap_8actions.npz"))
    write(tmp_path / "a.amc", [pose])
    (back,) = read(tmp_path / "a.amc")
    order = [back.skeleton.index(joint) for joint in pose.skeleton.joints[1:]]
    assert back.units == "m" and back.skeleton.joints[0] == "root"
    assert np.abs(back.joints[:, order] * 1000 - pose.joints[:, 1:]).max() < 0.05  # mm


def test_bvh_needs_every_joint_and_one_person(tmp_path, waving):
    pose = waving("ntu25")
    write(tmp_path / "a.bvh", [pose])
    gap = replace(pose, confidence=pose.confidence * (np.arange(25) > 0))
    for poses, says in (([gap], "fill the gaps"), ([pose, pose], "one person")):
        for file in ("a.bvh", "a.amc"):
            with pytest.raises(ConfigError, match=says):
                write(tmp_path / file, poses)
    with pytest.raises(ConfigError, match="single tree"):
        write(tmp_path / "a.bvh", [waving("pose178")])


def same(before, after, atol=0.0):
    assert len(before) == len(after)
    for one, two in zip(before, after, strict=True):
        np.testing.assert_allclose(one.joints, two.joints, atol=atol)
        np.testing.assert_allclose(one.confidence, two.confidence, atol=atol)
        assert one.skeleton == two.skeleton


def apart(pose):
    """Return the same movement by somebody who stands ten metres away."""
    return replace(pose, joints=pose.joints + np.float32(10), person=1)


@pytest.mark.parametrize(
    ("file", "name", "axes"),
    [
        ("a.skeleton", "ntu25", 3),
        ("a.pkl", "ntu25", 3),
        ("a.pkl", "coco17", 2),
        ("a.json", "coco17", 2),
        ("a.json", "coco133", 2),
        ("a.json", "openpose137", 2),
        ("a.json", "openpose25", 2),
        ("a.npz", "sfinge20", 3),
        ("a.pose", "coco133", 2),
    ],
)
def test_two_persons_come_back(tmp_path, waving, file, name, axes):
    one = waving(name, axes)
    write(tmp_path / file, [one, apart(one)])
    same([one, apart(one)], read(tmp_path / file), 1e-6)


@pytest.mark.parametrize("name", ["mediapipe33", "holistic543"])
def test_landmarks_come_back(tmp_path, waving, name):
    write(tmp_path / "a.json", [waving(name)])
    same([waving(name)], read(tmp_path / "a.json"), 1e-6)


def test_a_folder_of_openpose_frames(tmp_path, waving):
    from verilens.poses.keypoints import write_keypoints

    one = waving("openpose25", 2)
    write_keypoints(tmp_path / "clip", [one, apart(one)])
    assert len(list((tmp_path / "clip").glob("clip_*_keypoints.json"))) == 10
    same([one, apart(one)], read(tmp_path / "clip"), 1e-6)


def test_persons_listed_in_another_order_are_followed(tmp_path, waving):
    from verilens.poses.keypoints import write_keypoints

    one = waving("openpose25", 2)
    write_keypoints(tmp_path / "clip.json", [one, apart(one)])
    held = json.loads((tmp_path / "clip.json").read_text())
    for frame in held["frames"][1::2]:
        frame["people"].reverse()
    (tmp_path / "clip.json").write_text(json.dumps(held))
    same([one, apart(one)], read(tmp_path / "clip.json"), 1e-6)


def test_tasks_write_landmarks_for_each_person(tmp_path):
    person = [{"x": 0.1 * n, "y": 0.2, "z": 0.0, "visibility": 0.9} for n in range(33)]
    frames = [{"poseLandmarks": [person]}, {"poseLandmarks": []}, {"poseLandmarks": [person]}]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    (pose,) = read(tmp_path / "a.json")
    np.testing.assert_allclose(pose.confidence[:, 0], [0.9, 0, 0.9], atol=1e-6)
    assert pose.units == "norm"


def test_annotated_people_have_hidden_joints(tmp_path):
    points = [value for n in range(17) for value in (n, n, n % 3)]
    held = {"annotations": [{"image_id": 7, "keypoints": points}], "images": []}
    (tmp_path / "a.json").write_text(json.dumps(held))
    (pose,) = read(tmp_path / "a.json")
    assert pose.confidence[0, :3].tolist() == [0, 0.5, 1]


def test_body_and_hands_of_wholebody_may_stand_apart(tmp_path):
    person = {"image_id": 1, "keypoints": [1, 1, 1] * 17, "lefthand_kpts": [2, 2, 0.5] * 21}
    (tmp_path / "a.json").write_text(json.dumps([person]))
    (pose,) = read(tmp_path / "a.json")
    left = [joint.startswith("left_hand") for joint in pose.skeleton.joints]
    assert pose.skeleton.name == "coco133" and pose.confidence[0][left] == 0.5
    assert pose.confidence[0, 17:91].max() == 0


def test_micro_gestures_are_read_with_and_without_header(tmp_path, waving):
    pose = waving("imigue35", 2)
    from verilens.poses.imigue import write_imigue

    write_imigue(tmp_path / "0001_light_hand.csv", [pose])
    same([pose], read(tmp_path / "0001_light_hand.csv"), 1e-5)
    body = tmp_path / "0001_light.csv"
    body.write_text(",".join(f"c{n}" for n in range(76)) + "\n" + ",".join(["1"] * 76) + "\n")
    assert read(body)[0].skeleton.name == "openpose25"


def test_a_data_set_has_labels_and_splits(tmp_path, waving):
    clip = {"label": 3, "poses": [waving("coco17", 2, size=(640, 480))]}
    made = [
        pyskl.Annotation(name=n, splits=(s,), **clip) for n, s in (("a", "train"), ("b", "val"))
    ]
    pyskl.write_annotations(tmp_path / "a.pkl", made)
    first, second = pyskl.read_annotations(tmp_path / "a.pkl")
    assert (first.name, first.label, first.splits) == ("a", 3, ("train",))
    assert second.splits == ("val",) and second.poses[0].size == (640, 480)
    with pytest.raises(ConfigError, match="many clips; choose one of a, b"):
        read(tmp_path / "a.pkl")
    assert len(read(tmp_path / "a.pkl", "b")) == 1
    with pytest.raises(ConfigError, match="no clip 'c'"):
        read(tmp_path / "a.pkl", "c")


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_are_read(tmp_path, protocol):
    points = np.arange(2 * 3 * 25 * 3, dtype=">f8").reshape(2, 3, 25, 3) + 1
    held = [{"frame_dir": "x", "label": np.int64(4), "keypoint": np.asfortranarray(points)}]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(held, protocol=protocol))
    (annotation,) = pyskl.read_annotations(tmp_path / "a.pkl")
    assert annotation.label == 4
    np.testing.assert_array_equal(annotation.poses[1].joints, points[1])


class Harm:
    """Runs something when it is unpickled."""

    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_would_run_something_is_refused(tmp_path, capsys, protocol):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([Harm()], protocol=protocol))
    with pytest.raises(MediaError, match="asks for") as caught:
        read(tmp_path / "a.pkl")
    assert caught.value.kind == "refused" and capsys.readouterr().out == ""


def test_lists_that_hold_each_other_many_times_cost_nothing(tmp_path):
    value = [0]
    for _ in range(40):
        value = [value, value]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(MediaError, match="no keypoint"):
        read(tmp_path / "a.pkl")


def test_human36m_in_both_kinds(tmp_path, waving):
    pose = waving("h36m17")
    h36m.write_h36m(tmp_path / "d3.npz", {("S1", "Walking 1"): [pose]})
    assert [name for name, _ in clips(tmp_path / "d3.npz")] == ["S1/Walking 1"]
    same([pose], read(tmp_path / "d3.npz"))
    flat = waving("h36m17", 2)
    h36m.write_h36m(tmp_path / "d2.npz", {("S9", "Eating"): [flat, flat]})
    assert [name for name, _ in clips(tmp_path / "d2.npz")] == ["S9/Eating/0", "S9/Eating/1"]
    same([flat], read(tmp_path / "d2.npz", "S9/Eating/1"))


def test_of_32_joints_of_human36m_17_are_kept(tmp_path):
    joints = np.arange(32.0)[None, :, None].repeat(3, 2) + 1
    held = np.array({"S1": {"Walk": joints}}, dtype=object)
    np.savez(tmp_path / "a.npz", positions_3d=held)
    (pose,) = read(tmp_path / "a.npz")
    assert pose.joints[0, :, 0].tolist()[-3:] == [26, 27, 28] and pose.fps == 50


def test_a_skeleton_that_a_format_cannot_hold_names_the_way_out(tmp_path, waving):
    for file in ("a.json", "a.skeleton"):
        with pytest.raises(ConfigError, match="convert first"):
            write(tmp_path / file, [waving("sfinge20")])
    with pytest.raises(ConfigError, match="no folder"):
        write(tmp_path / "gone" / "a.npz", [waving("hand21")])
    with pytest.raises(ConfigError, match=r"written to \.pose"):
        write(tmp_path / "a.txt", [waving("hand21")])


def test_one_frame_is_a_clip(tmp_path):
    pose = make_pose(np.ones((1, 25, 3)), None, "ntu25", 30)
    for file in ("a.pose", "a.npz", "a.csv", "a.skeleton", "a.pkl", "a.bvh"):
        write(tmp_path / file, [pose])
        assert len(read(tmp_path / file)[0]) == 1, file


def test_every_suffix_is_documented():
    from pathlib import Path

    from verilens.poses.read import MANY, READERS

    page = (Path(__file__).parents[2] / "docs" / "motion.md").read_text()
    assert all(f"| `{suffix}` |" in page for suffix in {*READERS, *MANY} - {".pickle"})


def test_the_example_of_the_page_runs(motion, tmp_path, monkeypatch, capsys):
    import re
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "motion.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    sign = motion / "pose_files" / "dummy_lexicon" / "sgg" / "pizza.pose"
    (tmp_path / "sign.pose").write_bytes(sign.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert "(55, 178, 3) ('right_shoulder', 'right_elbow'" in capsys.readouterr().out
