"""Motion sets: protocols keep subjects, views and numbers apart; labels are hidden by class."""

import dataclasses

import numpy as np
import pytest
from toy_clips import labels_of, toy_set

from verilens.errors import ConfigError, DatasetError
from verilens.poses.make import make_pose
from verilens.poses.pyskl import Annotation, write_annotations
from verilens.poses.sets import digest, divide, joined, labelled, open_set


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return toy_set(tmp_path_factory.mktemp("motion"))


def test_a_known_folder_is_a_set_with_classes_in_words(motion):
    assert motion.name == "nw_ucla" and motion.skeleton == "kinect20"
    assert motion.usual == "cross-view" and len(motion.clips) == 72
    assert motion.actions == ("pick up with one hand", "pick up with two hands", "drop trash")


def test_protocols_keep_apart_what_they_divide_by(motion):
    train, test = divide(motion)
    assert {clip.view for clip in train} == {1, 2} and {clip.view for clip in test} == {3}
    train, test = divide(motion, "cross-subject")
    assert {clip.subject for clip in train} == {1, 3} and {clip.subject for clip in test} == {2, 4}
    train, test = divide(motion, "index")
    assert {clip.index for clip in train} == {1} and {clip.index for clip in test} == {0}
    assert len({clip.name for clip in (*train, *test)}) == len(train) + len(test) == 72


def test_joined_sets_share_classes_of_one_name(motion):
    actions = ("drop trash", "nod", "shake")
    other = dataclasses.replace(motion, name="mine", actions=actions)
    both = joined([motion, other])
    assert both.name == "nw_ucla+mine" and both.actions == (*motion.actions, "nod", "shake")
    assert labels_of(both.clips).tolist() == [
        *labels_of(motion.clips),
        *([2, 3, 4][label] for label in labels_of(motion.clips)),
    ]
    train, test = divide(both, "all")
    assert train == both.clips and not test
    assert joined([motion]) is motion


def test_protocols_that_the_set_cannot_serve_are_refused(motion):
    with pytest.raises(ConfigError, match="its usual one is 'cross-view'"):
        divide(motion, "published")
    with pytest.raises(ConfigError, match="protocol 'by-weather' divides"):
        divide(motion, "by-weather")
    nobody = [dataclasses.replace(clip, subject=0) for clip in motion.clips]
    with pytest.raises(ConfigError, match="cross-subject"):
        divide(dataclasses.replace(motion, clips=tuple(nobody)), "cross-subject")


@pytest.mark.parametrize(("share", "kept"), [(0.1, 2), (0.25, 6), (1.0, 24), (0.001, 1)])
def test_labels_are_hidden_class_by_class(motion, share, kept):
    shown = labelled(motion.clips, share, seed=0)
    assert np.bincount(labels_of(motion.clips)[shown]).tolist() == [kept] * 3
    assert np.array_equal(shown, labelled(motion.clips, share, seed=0))
    if kept < 24:
        assert not np.array_equal(shown, labelled(motion.clips, share, seed=1))
    with pytest.raises(ConfigError, match="share of labels"):
        labelled(motion.clips, 0.0, 0)


def test_digests_tell_sets_apart(motion):
    assert digest(motion.clips) == digest(motion.clips) != digest(motion.clips[1:])


def test_a_folder_of_classes_is_a_set_too(tmp_path):
    for action in ("nod", "shake"):
        (tmp_path / action).mkdir()
        for n in range(8):
            path = tmp_path / action / f"{n}.npz"
            np.savez(path, joints=np.random.rand(5, 17, 2), skeleton="coco17", fps=25.0)
    found = open_set(tmp_path)
    assert found.actions == ("nod", "shake") and found.skeleton == "coco17"
    assert [len(part) for part in divide(found)] == [12, 4]


def test_a_pickle_of_pyskl_is_a_set_with_the_splits_it_names(tmp_path):
    poses = [make_pose(np.random.rand(6, 17, 2), None, "coco17", 30.0) for _ in range(2)]
    splits = (("xsub_train", "xview_val"), ("xsub_val", "xview_train"), ("xsub_train",))
    write_annotations(
        tmp_path / "set.pkl",
        [
            Annotation(name=f"c{n}", label=n % 2, poses=poses, splits=s)
            for n, s in enumerate(splits)
        ],
    )
    found = open_set(tmp_path / "set.pkl")
    train, test = divide(found, "xsub")
    assert [clip.name for clip in train] == ["c0", "c2"] and [c.name for c in test] == ["c1"]
    assert len(train[0].persons) == 2
    assert [clip.name for clip in divide(found, "xview").train] == ["c1"]
    with pytest.raises(ConfigError, match="names its splits: xsub_train, xsub_val"):
        divide(found)


def test_folders_without_clips_say_what_should_be_there(tmp_path):
    with pytest.raises(DatasetError, match="a folder for each class"):
        open_set(tmp_path)
    with pytest.raises(DatasetError, match="no such folder"):
        open_set(tmp_path / "nowhere")
