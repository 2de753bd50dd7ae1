"""Damaged and malicious files give sound poses or an error that we raise on purpose."""

import pickle
import struct
import zipfile

import numpy as np
import pytest
from acclaim import AMC, ASF

from verilens.errors import MediaError, VerilensError
from verilens.poses import h36m
from verilens.poses.imigue import write_imigue
from verilens.poses.read import clips, write

MUTATIONS = 300
FILES = {  # of each format, with the skeleton and axes in it
    **{"a.pose": ("hand21", 3), "a.npz": ("hand21", 3), "a.pkl": ("ntu25", 3)},
    **{"a.skeleton": ("ntu25", 3), "a.bvh": ("ntu25", 3), "a.csv": ("coco17", 2)},
    **{"a.json": ("coco17", 2), "a.skels": ("phoenix50", 3), "h36m.npz": ("h36m17", 3)},
    **{"openpose.json": ("openpose137", 2), "mediapipe.json": ("mediapipe33", 3)},
    **{"light.csv": ("imigue35", 2)},
}


def mutated(data, numbers):
    """Return the bytes cut off, some changed, counts set to the most, or a piece twice."""
    broken = bytearray(data)
    kind = numbers.integers(5)
    at = int(numbers.integers(len(data)))
    if kind == 0:
        return bytes(broken[:at])
    if kind == 1:
        for place in numbers.integers(len(data), size=8):
            broken[place] = numbers.integers(256)
    elif kind == 2:
        broken[at : at + 4] = b"\xff\xff\xff\xff"
    elif kind == 3:
        broken[at:at] = broken[at // 2 : at]
    else:  # heads hold the counts
        for place in numbers.integers(min(len(data), 600), size=3):
            broken[place] = numbers.integers(256)
    return bytes(broken)


@pytest.mark.parametrize("file", FILES)
def test_mutations_end_in_poses_or_in_an_error_of_ours(tmp_path, waving, file):
    name, axes = FILES[file]
    pose = waving(name, axes, frames=4)
    path = tmp_path / file
    if file == "h36m.npz":
        h36m.write_h36m(path, {("S1", "Walking"): [pose]})
    elif file == "light.csv":
        write_imigue(path, [pose])
    else:
        write(path, [pose])
    try_out(path, MUTATIONS)


@pytest.mark.parametrize("changed", ["arm.asf", "arm_01.amc"])
def test_mutations_of_an_actor_and_a_motion(tmp_path, changed):
    (tmp_path / "arm.asf").write_text(ASF)
    (tmp_path / "arm_01.amc").write_text(AMC)
    try_out(tmp_path / "arm_01.amc", MUTATIONS, tmp_path / changed)


@pytest.mark.parametrize("length", ["0", "-1", "nan", "x"])
def test_an_actor_without_size_is_refused(tmp_path, length):
    (tmp_path / "arm.asf").write_text(ASF.replace("length 0.5", f"length {length}"))
    (tmp_path / "arm_01.amc").write_text(AMC)
    with pytest.raises(MediaError, match="no Acclaim skeleton"):
        list(clips(tmp_path / "arm_01.amc"))


def test_mutations_of_old_pose_files(tmp_path, motion):
    """Version 0.0 stores each person by itself, 0.1 counts its frames from its length."""
    for file in (
        "pose_format_tests/openpose.pose",
        "pose_format_tests/mediapipe_hand_normalized.pose",
    ):
        path = tmp_path / "a.pose"
        path.write_bytes((motion / "pose_files" / file).read_bytes())
        try_out(path, 100)


def try_out(path, count, changed=None):
    """Change a file in many ways; each ends in sound poses or in an error of ours."""
    changed = changed or path
    data, numbers, errors = changed.read_bytes(), np.random.default_rng(0), 0
    for _ in range(count):
        changed.write_bytes(mutated(data, numbers))
        try:
            found = [pose for _, poses in clips(path) for pose in poses]
        except VerilensError as error:
            assert str(error)
            errors += 1
            continue
        for pose in found:
            assert np.isfinite(pose.joints).all()
            assert pose.confidence.min() >= 0 and pose.confidence.max() <= 1
            assert not pose.joints[pose.confidence == 0].any()
    assert errors > count / 20


def test_an_archive_that_unpacks_to_terabytes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("joints.npy", bytes(1 << 20))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 0xFFFFFFF0)  # its size unpacked
    (tmp_path / "a.npz").write_bytes(bytes(data))
    with pytest.raises(MediaError) as caught:
        list(clips(tmp_path / "a.npz"))
    assert caught.value.kind == "too-large"


@pytest.mark.parametrize(
    "text",
    [
        "99999999999\n",
        "1\n99999999\n",
        "-1\n",
        "1\n1\n1 0 0 0 0 0 0 0 0 2\n26\n",
    ],
)
def test_counts_that_cannot_be_are_refused(tmp_path, text):
    (tmp_path / "a.skeleton").write_text(text)
    with pytest.raises(MediaError, match="no NTU skeleton file"):
        list(clips(tmp_path / "a.skeleton"))


def test_a_memo_of_billions_takes_no_memory(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02]r\xff\xff\xff\xfe.")  # LONG_BINPUT of an empty list
    assert list(clips(tmp_path / "a.pkl")) == []


def test_an_array_larger_than_its_bytes_is_refused(tmp_path):
    held = pickle.dumps([{"keypoint": np.ones((1, 4, 25, 3), np.float32)}], protocol=2)
    broken = held.replace(struct.pack("<BB", 0x4B, 25), struct.pack("<BB", 0x4B, 255))
    assert broken != held
    (tmp_path / "a.pkl").write_bytes(broken)
    with pytest.raises(MediaError, match="bytes"):
        list(clips(tmp_path / "a.pkl"))


def test_json_nested_without_end_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(MediaError, match="nested"):
        list(clips(tmp_path / "a.json"))
