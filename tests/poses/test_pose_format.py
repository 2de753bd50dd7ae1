"""Files of the .pose format come back byte for byte, and their points under our names."""

import struct
from dataclasses import replace

import numpy as np
import pytest

from verilens.errors import MediaError
from verilens.poses.holistic import file_of, poses_of
from verilens.poses.pose_format import dump, load, parse
from verilens.poses.read import read
from verilens.poses.skeletons import skeleton


def test_real_files_come_back_byte_for_byte(motion):
    paths = sorted((motion / "pose_files").rglob("*.pose"))
    assert len(paths) == 15
    for path in paths:
        file = load(path)
        if file.version > 0:
            assert dump(file) == path.read_bytes(), path


@pytest.mark.parametrize(
    ("file", "name", "frames", "fps"),
    [
        ("dummy_lexicon/sgg/kleine", "pose178", 68, 25),
        ("dummy_lexicon/sgg/pizza", "pose178", 53, 24),
        ("pose_format_tests/openpose", "openpose137", 93, 24),
        ("pose_format_tests/6fb01565da31c5500d1ef2cd2906b06b", "holistic553", 5, 25),
        ("autsl_sample/signer0_sample1000", "holistic543", 43, 30),
    ],
)
def test_real_files_are_named_skeletons(motion, file, name, frames, fps):
    (pose,) = read(motion / "pose_files" / f"{file}.pose")
    assert (pose.skeleton, len(pose), pose.fps) == (skeleton(name), frames, fps)
    assert pose.confidence.max() <= 1 and np.isfinite(pose.joints).all()


def test_left_and_right_lie_where_they_belong(motion):
    """The person looks at us, so their left is right in the picture: body, hands and face."""
    (pose,) = read(motion / "pose_files" / "dummy_lexicon" / "sgg" / "kleine.pose")
    x = np.ma.masked_where(pose.confidence == 0, pose.joints[..., 0]).mean(0)
    shoulders = [(left, right) for left, right in pose.skeleton.pairs if left < 2 or left > 8]
    face = [pair for pair in pose.skeleton.pairs if pose.skeleton.joints[pair[0]][:4] == "mesh"]
    assert len(face) == 61
    assert all(x[left] > x[right] for left, right in [shoulders[0], *face])


@pytest.mark.parametrize("name", ["pose178", "holistic178", "holistic543", "ntu25", "cmu38"])
def test_a_skeleton_comes_back_by_its_joints(waving, name):
    pose = waving(name)
    (back,) = poses_of(parse(dump(file_of([pose]))), "x")
    np.testing.assert_array_equal(back.joints, pose.joints)
    np.testing.assert_array_equal(back.confidence, pose.confidence)
    assert (back.skeleton, back.fps) == (pose.skeleton, pose.fps)


def test_two_persons_and_a_picture_size(tmp_path, waving):
    first = waving("coco17", axes=2, size=(640, 480), units="px")
    second = replace(first, joints=first.joints + 1, person=1)
    (tmp_path / "a.pose").write_bytes(dump(file_of([first, second])))
    back = read(tmp_path / "a.pose")
    assert [pose.person for pose in back] == [0, 1]
    assert back[0].size == (640, 480) and back[0].frame == "image"
    np.testing.assert_array_equal(back[1].joints, second.joints)


def test_world_landmarks_do_not_mix_with_pixels(motion):
    path = motion / "pose_files/pose_format_tests/6fb01565da31c5500d1ef2cd2906b06b.pose"
    file = load(path)
    assert file.values.shape[2] == 586 and len(poses_of(file, "x")[0].skeleton) == 553


def test_frames_of_an_old_file_are_counted_from_its_length(waving):
    file = replace(file_of([waving("hand21")]), version=0.1)
    data = bytearray(dump(file))
    at = len(data) - file.values.nbytes - file.confidence.nbytes - 4
    assert struct.unpack_from("<H", data, at) == (10,)
    struct.pack_into("<H", data, at, 3)  # as if 65,539 frames had been written
    assert len(parse(bytes(data)).values) == 10


def test_a_header_that_promises_more_than_there_is(waving):
    data = bytearray(dump(file_of([waving("hand21")])))
    body = len(data) - 10 * 21 * 4 * 4 - 6
    struct.pack_into("<IH", data, body, 2**32 - 1, 2**16 - 1)
    with pytest.raises(MediaError, match="numbers"):
        parse(bytes(data))


def test_an_unknown_version_is_refused(waving):
    data = struct.pack("<f", 0.7) + dump(file_of([waving("hand21")]))[4:]
    with pytest.raises(MediaError, match=r"version 0\.7"):
        parse(data)


def test_real_sentences_come_back_byte_for_byte(motion, tmp_path):
    from verilens.poses.skels import read_sentences, write_skels

    for split in ("train", "dev", "test"):
        path = motion / "phoenix14t_skels_sample" / f"{split}.skels"
        sentences = list(read_sentences(path))
        assert len(sentences) == 5 and all(s.gloss and s.text and s.name for s in sentences)
        write_skels(tmp_path / "a.skels", [sentence.pose for sentence in sentences])
        assert (tmp_path / "a.skels").read_bytes() == path.read_bytes()
