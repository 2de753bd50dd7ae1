"""Packed motion sets give clips with what their names say."""

import numpy as np
import pytest

from verilens.errors import DatasetError, UnknownName
from verilens.poses.packs import packed


def pack(folder, file, **arrays):
    folder.mkdir()
    np.savez(folder / file, **arrays)


def test_names_give_class_subject_and_view(tmp_path):
    joints = np.arange(5 * 20 * 3, dtype=np.float32).reshape(5, 20, 3)
    names = ["a01_s01_e00_v01", "a11_s10_e02_v03"]
    pack(tmp_path / "nw_ucla", "nw_ucla_skeletons.npz", names=names, lengths=[2, 3], joints=joints)
    first, second = packed(tmp_path, "nw_ucla")
    assert (first.label, first.subject, first.view) == (0, 1, 1)
    assert (second.label, second.subject, second.view, second.index) == (8, 10, 3, 2)
    np.testing.assert_array_equal(second.pose.joints, joints[2:])


def test_actions_are_cut_out_of_a_sequence_and_one_without_end_is_left_out(tmp_path):
    pack(
        tmp_path / "utkinect",
        "utkinect_joints.npz",
        names=["joints_s01_e02"],
        lengths=[6],
        frame_ids=[10, 12, 14, 16, 18, 20],
        joints=np.ones((6, 20, 3), np.float32),
    )
    lines = "s01_e02\nwalk: 12 16 \nsitDown: 18 20\ncarry: 18 NaN\n"
    (tmp_path / "utkinect" / "actionLabel.txt").write_text(lines)
    walk, sit = packed(tmp_path, "utkinect")
    assert (walk.action, walk.label, len(walk.pose)) == ("walk", 0, 3)
    assert (sit.action, sit.subject, sit.index, len(sit.pose)) == ("sitDown", 1, 2, 2)


def test_lengths_that_do_not_add_up_are_refused(tmp_path):
    joints = np.ones((5, 20, 3), np.float32)
    pack(
        tmp_path / "sfinge3d",
        "sfinge3d_dictionary.npz",
        names=["1/1"],
        lengths=[4],
        positions=joints,
    )
    with pytest.raises(DatasetError, match="do not add up"):
        list(packed(tmp_path, "sfinge3d"))


def test_sets_that_are_not_there(tmp_path):
    with pytest.raises(UnknownName, match="known are nw_ucla"):
        list(packed(tmp_path, "ntu"))
    with pytest.raises(DatasetError, match="no such folder"):
        list(packed(tmp_path, "utkinect"))
