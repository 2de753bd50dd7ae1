"""The face forgery sets: labels and splits come from what cannot be misread."""

from collections import Counter

import pytest

from verilens.datasets import (
    celeb_df,
    deeperforensics,
    dfdc,
    dfdcp,
    faceforensics,
    uadfv,
    wilddeepfake,
)
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature


@pytest.mark.parametrize("digit", ["0", "1"])
def test_celeb_df_reads_the_folder_not_the_digit(tmp_path, digit):
    celeb_df.fake(tmp_path)
    Miniature(tmp_path).text(celeb_df.LIST, f"{digit} Celeb-synthesis/id0_id1_0000.mp4")
    (sample,) = celeb_df.samples(tmp_path, "test")
    assert (sample.label, sample.attributes["list_digit"]) == (1, digit)
    assert (sample.source, sample.identity) == ("id0_0000", "id1")


def test_celeb_df_trains_on_no_test_video(tmp_path):
    celeb_df.fake(tmp_path)
    tested = {s.id for s in celeb_df.samples(tmp_path, "test")}
    trained = {s.id for s in celeb_df.samples(tmp_path, "train")}
    assert len(tested) == 5 and not tested & trained
    (tmp_path / celeb_df.LIST).unlink()
    with pytest.raises(DatasetError, match=r"List_of_testing_videos\.txt: missing"):
        list(celeb_df.samples(tmp_path))


def test_celeb_df_lists_files_that_are_missing(tmp_path):
    celeb_df.fake(tmp_path)
    (tmp_path / "Celeb-real" / "id0_0001.mp4").unlink()
    tested = {s.id for s in celeb_df.samples(tmp_path, "test")}
    assert "Celeb-real/id0_0001.mp4" in tested and len(tested) == 5


@pytest.mark.parametrize(
    "line", ["Celeb-real/id0_0000.mp4", "2 Celeb-real/id0_0000.mp4", "1 Real/id0_0000.mp4"]
)
def test_celeb_df_names_a_broken_line(tmp_path, line):
    celeb_df.fake(tmp_path)
    Miniature(tmp_path).text(celeb_df.LIST, "1 Celeb-real/id1_0000.mp4", line)
    with pytest.raises(DatasetError, match=r"List_of_testing_videos\.txt:2: "):
        list(celeb_df.samples(tmp_path))


def test_faceforensics_splits_by_pairs(tmp_path):
    faceforensics.fake(tmp_path)
    found = {s.attributes["video"]: s for s in faceforensics.samples(tmp_path)}
    assert [found[v].split for v in ("000_003", "011_010", "021", "01_02__walking__ABCDEFGH")] == [
        *("train", "val", "test", ""),
    ]
    reenacted = faceforensics.samples(tmp_path, "train")
    people = {(s.generator, s.attributes["video"]): s.identity for s in reenacted}
    assert people["Deepfakes", "000_003"] == "youtube/003"
    assert people["NeuralTextures", "000_003"] == "youtube/000"


def test_faceforensics_puts_a_pair_of_two_splits_into_none():
    by_number = {"000": "train", "020": "test"}
    assert faceforensics.split_of("000_020", by_number) == ""
    assert faceforensics.split_of("000_999", by_number) == ""
    assert faceforensics.split_of("000", by_number) == "train"


@pytest.mark.parametrize(
    ("pairs", "message"),
    [([["020"]], "entry 0 is not a pair"), ([["000", "021"]], "sequence 000 is in train too")],
)
def test_faceforensics_refuses_broken_splits(tmp_path, pairs, message):
    faceforensics.fake(tmp_path)
    Miniature(tmp_path).json("splits/test.json", pairs)
    with pytest.raises(DatasetError, match=rf"test\.json: {message}"):
        list(faceforensics.samples(tmp_path))


def test_dfdc_reads_every_row_of_validation_and_test(tmp_path):
    dfdc.fake(tmp_path)
    found = list(dfdc.samples(tmp_path))
    assert Counter((s.split, s.label) for s in found) == {
        (split, label): 2 for split in ("train", "val", "test") for label in (0, 1)
    }
    assert {s.source for s in found if s.split == "train"} == {"aaaaaaaaaa", "cccccccccc"}


def test_dfdc_names_what_has_no_label(tmp_path):
    dfdc.fake(tmp_path)
    mini = Miniature(tmp_path)
    mini.text("test/labels.csv", "filename,label", "a.mp4,1", "b.mp4,FAKE")
    with pytest.raises(DatasetError, match=r"labels\.csv:3: label 'FAKE'"):
        list(dfdc.samples(tmp_path))
    mini.json("train/dfdc_train_part_0/metadata.json", {"a.mp4": {"split": "train"}})
    with pytest.raises(DatasetError, match=r"metadata\.json: 'a\.mp4' has no label"):
        list(dfdc.samples(tmp_path))


@pytest.mark.parametrize(
    ("name", "facts", "message"),
    [
        ("method_A/1/a.mp4", {"label": "real", "set": "train"}, "is labelled real but lies in"),
        ("method_A/1/a.mp4", {"label": "fake", "set": "dev"}, "lacks a label real or fake"),
        ("method_C/1/a.mp4", {"label": "fake", "set": "train"}, "is not below one of"),
    ],
)
def test_dfdcp_refuses_what_contradicts_itself(tmp_path, name, facts, message):
    (tmp_path / "method_A").mkdir()
    Miniature(tmp_path).json("dataset.json", {name: facts})
    with pytest.raises(DatasetError, match=message):
        list(dfdcp.samples(tmp_path))


def test_dfdcp_has_no_validation_split(tmp_path):
    dfdcp.fake(tmp_path)
    assert not list(dfdcp.samples(tmp_path, "val"))
    assert {s.generator for s in dfdcp.samples(tmp_path)} == {"", "method_A", "method_B"}


def test_deeperforensics_gives_an_actor_one_split(tmp_path):
    deeperforensics.fake(tmp_path)
    genuine = [s for s in deeperforensics.samples(tmp_path) if not s.label]
    assert {s.identity: s.split for s in genuine} == {
        "M004": "train",
        "W101": "val",
        "M010": "test",
    }
    assert genuine[0].attributes["role"] == "source"
    assert genuine[0].attributes["light"] == "uniform"
    mini = Miniature(tmp_path)
    mini.text("lists/splits/test.txt", "004_M010.mp4", "005_W101.mp4")
    with pytest.raises(DatasetError, match=r"test\.txt:2: actor W101 is in val too"):
        list(deeperforensics.samples(tmp_path))
    mini.text("lists/splits/test.txt", "notes")
    with pytest.raises(DatasetError, match=r"test\.txt:1: 'notes' is not <target>_<actor>"):
        list(deeperforensics.samples(tmp_path))


def test_wilddeepfake_reads_the_folder_at_the_top(tmp_path):
    wilddeepfake.fake(tmp_path / "deepfake_in_the_wild")
    found = list(wilddeepfake.samples(tmp_path))
    assert Counter(s.label for s in found) == {0: 4, 1: 4}
    assert wilddeepfake.fits(tmp_path)
    Miniature(tmp_path).frames("deepfake_in_the_wild/real_train/9/fake/0", 1)
    with pytest.raises(DatasetError, match="contradict"):
        list(wilddeepfake.samples(tmp_path))


def test_uadfv_keeps_a_video_and_its_fake_together(tmp_path):
    uadfv.fake(tmp_path)
    by_source = Counter(s.source for s in uadfv.samples(tmp_path))
    assert by_source == {"0000": 2, "0001": 2, "0002": 2}
    assert not list(uadfv.samples(tmp_path, "train"))
