"""Every table is consistent, and the ones with published counts have them."""

import numpy as np
import pytest

from verilens.errors import UnknownName
from verilens.poses.skeletons import names, skeleton, title

PUBLISHED = {  # name: joints
    **{"coco17": 17, "coco133": 133, "openpose18": 18, "openpose25": 25, "openpose137": 137},
    **{"mediapipe33": 33, "holistic178": 178, "holistic543": 543, "phoenix50": 50, "ntu25": 25},
    **{"h36m17": 17, "kinect20": 20, "msr20": 20, "cmu38": 38, "hand21": 21, "sfinge20": 20},
    **{"imigue22": 22, "imigue41": 41, "coco_new20": 20, "pose178": 178, "holistic553": 553},
}


@pytest.mark.parametrize("name", names())
def test_tables_are_consistent(name):
    of = skeleton(name)
    assert len(set(of.joints)) == len(of)
    assert all(0 <= joint < len(of) for edge in of.edges for joint in edge)
    assert len({frozenset(edge) for edge in of.edges}) == len(of.edges)
    assert of.parents[of.root] == -1
    assert [of.flip[at] for at in of.flip] == list(range(len(of)))  # twice is as before
    assert title(name)
    lefts = {of.joints[left] for left, _ in of.pairs}
    assert {joint for joint in of.joints if joint.startswith("left_")} <= lefts


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_joints_are_as_many_as_published(name, count):
    assert len(skeleton(name)) == count


def test_bones_lead_to_the_root():
    of = skeleton("ntu25")
    chain = [of.index("left_hand_tip")]
    while of.parents[chain[-1]] >= 0:
        chain.append(of.parents[chain[-1]])
    assert chain == [21, 22, 7, 6, 5, 4, 20, 1, 0]


def test_the_challenge_order_is_as_published():
    of = skeleton("holistic178")
    assert of.joints[:8] == (
        *("right_shoulder", "right_elbow", "right_wrist"),
        *("left_shoulder", "left_elbow", "left_wrist", "right_hip", "left_hip"),
    )
    assert of.joints[8] == "right_hand_wrist" and of.joints[28] == "right_pinky_tip"
    assert of.joints[29] == "left_hand_wrist" and of.joints[50].startswith("mesh_")
    assert len(of.edges[:50]) == 50 and np.max(of.edges[:50]) == 49


def test_a_mirror_swaps_the_sides_of_the_face():
    of = skeleton("coco133")
    jaw = [of.index(f"face_{n}") for n in range(17)]
    assert [of.flip[at] for at in jaw] == jaw[::-1]
    assert of.flip[of.index("left_wrist")] == of.index("right_wrist")


def test_an_unknown_skeleton_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'openpose25'"):
        skeleton("openpose24")
