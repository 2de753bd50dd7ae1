"""Plain arrays and text come back as they were written; damaged ones say what is wrong."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from verilens.errors import ConfigError, MediaError, UnknownName
from verilens.poses.make import make_pose
from verilens.poses.plain import write_csv, write_npz
from verilens.poses.read import read


@pytest.fixture
def two(rng=None):
    """Two persons, the second without a left wrist."""
    numbers = np.random.default_rng(0)
    sure = np.ones((6, 17))
    missing = sure.copy()
    missing[:, 9] = 0
    poses = [numbers.normal(size=(6, 17, 2)) for _ in range(2)]
    about = {"units": "px", "frame": "image"}
    return [
        make_pose(poses[0], sure, "coco17", 30, person=0, **about),
        make_pose(poses[1], missing, "coco17", 30, person=1, **about),
    ]


def test_arrays_come_back_as_they_are(tmp_path, two):
    write_npz(tmp_path / "two.npz", two)
    back = read(tmp_path / "two.npz")
    assert [pose.person for pose in back] == [0, 1]
    for before, after in zip(two, back, strict=True):
        np.testing.assert_array_equal(before.joints, after.joints)
        np.testing.assert_array_equal(before.confidence, after.confidence)
        assert (after.skeleton, after.fps, after.units) == (before.skeleton, 30.0, "px")


def test_text_comes_back_to_six_digits(tmp_path, two):
    write_csv(tmp_path / "two.csv", two)
    back = read(tmp_path / "two.csv")
    for before, after in zip(two, back, strict=True):
        np.testing.assert_allclose(before.joints, after.joints, atol=1e-6)
        np.testing.assert_array_equal(before.confidence, after.confidence)
        assert (after.skeleton, after.fps, after.person) == (before.skeleton, 30.0, before.person)


def test_what_is_no_number_is_missing():
    joints = np.ones((1, 17, 3))
    joints[0, 3, 1], joints[0, 4, 0] = np.nan, np.inf
    pose = make_pose(joints, None, "coco17", 25)
    assert np.isfinite(pose.joints).all()
    assert np.flatnonzero(pose.confidence[0] == 0).tolist() == [3, 4]
    assert not pose.joints[0, 3].any()


def test_confidence_of_nan_or_above_one_is_put_in_range():
    sure = np.full((1, 17), 3.0)
    sure[0, 2] = np.nan
    pose = make_pose(np.ones((1, 17, 2)), sure, "coco17", 25)
    assert pose.confidence.max() == 1 and pose.confidence[0, 2] == 0


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(fps):
    with pytest.raises(MediaError, match="frames a second"):
        make_pose(np.ones((1, 17, 2)), None, "coco17", fps)


def test_the_wrong_number_of_joints_names_who_has_it():
    with pytest.raises(MediaError, match="18 joints, where coco17 has 17; openpose18 has"):
        make_pose(np.ones((1, 18, 2)), None, "coco17", 25)


def test_joints_without_names_are_guessed_or_refused(tmp_path):
    np.savez(tmp_path / "a.npz", joints=np.ones((3, 33, 3)))
    assert read(tmp_path / "a.npz")[0].skeleton.name == "mediapipe33"
    np.savez(tmp_path / "b.npz", joints=np.ones((3, 34, 3)))
    with pytest.raises(UnknownName, match="34 joints"):
        read(tmp_path / "b.npz")


def test_a_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", joints=np.array([{"a": 1}], dtype=object))
    with pytest.raises(MediaError, match="pickle"):
        read(tmp_path / "a.npz")


def test_an_array_that_promises_more_than_it_holds_is_refused(tmp_path):
    header = io.BytesIO()
    shape = (10**6, 10**6, 10**6)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("joints.npy", header.getvalue())
    with pytest.raises(MediaError, match="shorter than it says"):
        read(tmp_path / "a.npz")


def test_persons_that_do_not_fit_into_one_file_are_refused(tmp_path, two):
    short = make_pose(np.ones((2, 17, 2)), None, "coco17", 30, units="px")
    with pytest.raises(ConfigError, match="same skeleton and number of frames"):
        write_npz(tmp_path / "a.npz", [two[0], short])
    with pytest.raises(ConfigError, match="same fps, units and frame"):
        write_npz(tmp_path / "a.npz", [two[0], replace(two[1], fps=25.0)])


@pytest.mark.parametrize(
    ("text", "says"),
    [("a_x,a_y\n", "1 lines"), ("a,b\n1,2\n", "header lacks"), ("a_x,a_y\n1\n", ":2: 1 of 2")],
)
def test_damaged_text_says_where(tmp_path, text, says):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(MediaError, match=says):
        read(tmp_path / "a.csv")


def test_files_that_are_not_there_or_not_known(tmp_path):
    (tmp_path / "a.npz").touch()
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(MediaError, match="no such file"):
        read(tmp_path / "b.npz")
    with pytest.raises(MediaError, match="empty"):
        read(tmp_path / "a.npz")
    with pytest.raises(MediaError, match=r"read from .*\.npz"):
        read(tmp_path / "a.txt")
