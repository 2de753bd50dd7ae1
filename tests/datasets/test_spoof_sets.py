"""CASIA-FASD, MSU-MFSD and Replay-Attack: what a file's name says, and who is in which part."""

import shutil

import pytest

from verilens.datasets import casia_fasd, msu_mfsd, replay_attack
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature


def test_casia_takes_three_of_twelve_videos_for_genuine():
    genuine = {name for name, (shows, _) in casia_fasd.NAMES.items() if shows == "genuine"}
    assert len(casia_fasd.NAMES) == 12 and genuine == {"1", "2", "HR_1"}
    assert casia_fasd.NAMES["HR_4"] == ("replay", "high")
    assert casia_fasd.NAMES["6"] == ("cut-print", "low")


def test_casia_knows_that_numbers_start_again(tmp_path):
    casia_fasd.fake(tmp_path)
    people = {(s.identity, s.split) for s in casia_fasd.samples(tmp_path)}
    assert people == {("train/1", "train"), ("test/1", "test")}
    shutil.move(tmp_path / "test_release/1/8.avi", tmp_path / "test_release/1/9.avi")
    with pytest.raises(DatasetError, match=r"9\.avi: is none of 1, 2, 3"):
        list(casia_fasd.samples(tmp_path))


def test_msu_reads_names_and_lists(tmp_path):
    msu_mfsd.fake(tmp_path)
    found = {s.id: s for s in msu_mfsd.samples(tmp_path)}
    sample = found["scene01/attack/attack_client004_android_SD_iphone_video_scene01.mp4"]
    assert (sample.label, sample.split, sample.identity) == (1, "test", "004")
    assert sample.attributes == {"camera": "android", "access": "iphone-video"}
    (tmp_path / "train_sub_list.txt").write_text("1")
    assert {s.identity for s in msu_mfsd.samples(tmp_path, "")} == {"002"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [(["03", "01"], "2: person 01 is in train too"), (["03 x"], "1: 'x' is no number")],
)
def test_msu_names_a_wrong_line(tmp_path, lines, message):
    msu_mfsd.fake(tmp_path)
    Miniature(tmp_path).text("test_sub_list.txt", *lines)
    with pytest.raises(DatasetError, match=rf"test_sub_list\.txt:{message}"):
        list(msu_mfsd.samples(tmp_path))
    (tmp_path / "test_sub_list.txt").unlink()
    with pytest.raises(DatasetError, match=r"test_sub_list\.txt: missing"):
        list(msu_mfsd.samples(tmp_path))


@pytest.mark.parametrize(
    "name", ["attack_client001_android_SD_scene01", "real_client001_android_SD_scene01", "clip"]
)
def test_msu_refuses_what_the_folder_contradicts(tmp_path, name):
    msu_mfsd.fake(tmp_path)
    Miniature(tmp_path).video(f"scene01/attack/{name}.mp4")
    with pytest.raises(DatasetError, match=rf"{name}\.mp4: is no name of a video in attack/"):
        list(msu_mfsd.samples(tmp_path))


def test_replay_keeps_supports_apart_and_leaves_enrolment_out(tmp_path):
    replay_attack.fake(tmp_path)
    Miniature(tmp_path).video("enroll/client001_session01_webcam_enroll_adverse_1.mov")
    found = list(replay_attack.samples(tmp_path, "val"))
    assert {s.identity for s in found} == {"002"} and len(found) == 7
    prints = [s for s in found if s.generator == "print-photo"]
    assert sorted(s.attributes["support"] for s in prints) == ["fixed", "fixed", "hand", "hand"]
    assert len({s.id.rpartition("/")[2] for s in prints}) == 2
    assert {s.attributes["light"] for s in found if not s.label} == {"adverse", "controlled"}


def test_replay_refuses_a_client_in_two_parts_and_strange_names(tmp_path):
    replay_attack.fake(tmp_path)
    mini = Miniature(tmp_path)
    path = "test/real/client001_session01_webcam_authenticate_adverse_1.mov"
    mini.video(path)
    with pytest.raises(DatasetError, match=r"adverse_1\.mov: client 001 is in train/ too"):
        list(replay_attack.samples(tmp_path))
    shutil.move(tmp_path / path, tmp_path / "test/attack/hand/clip.mov")
    with pytest.raises(DatasetError, match=r"clip\.mov: is no name of a video in test/attack"):
        list(replay_attack.samples(tmp_path))
