"""OULU-NPU: the name of a video says what it shows, the protocols say where it is used."""

import pytest

from verilens.datasets import oulu_npu
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature


def test_access_and_protocols_become_attributes(tmp_path):
    oulu_npu.fake(tmp_path)
    found = {s.id.split("/")[-1]: s for s in oulu_npu.samples(tmp_path)}
    sample = found["2_1_36_4.avi"]
    assert (sample.label, sample.generator, sample.split) == (1, "replay-1", "test")
    assert sample.attributes == {
        "phone": "2",
        "session": "1",
        "access": "replay-1",
        "protocol-1": "test",
        "protocol-2": "test",
    }
    assert found["2_1_01_1.avi"].attributes["protocol-4-1"] == "train"
    assert "protocol-4-1" not in found["1_1_01_1.avi"].attributes


@pytest.mark.parametrize(
    ("name", "split"),
    [("1_1_20_1", "train"), ("6_3_35_5", "val"), ("1_1_55_1", "test"), ("1_1_56_1", "")],
)
def test_persons_belong_to_one_part(name, split):
    assert oulu_npu.split_of(name) == split


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-1,1_1_21_1", "1_1_21_1 shows genuine, but its sign is -1"),
        ("+1,1_1_21_2", "1_1_21_2 shows print-1, but its sign is [+]1"),
        ("+1,1_1_01_1", "person 01 belongs to train, not to val"),
        ("1,1_1_21_1", "'1,1_1_21_1' is not <[+]1, -1 or -2>,"),
        ("+1 1_1_21_1", "'[+]1 1_1_21_1' is not"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, message):
    oulu_npu.fake(tmp_path)
    Miniature(tmp_path).text("Protocols/Protocol_2/Dev.txt", "+1,1_1_21_1", line)
    with pytest.raises(DatasetError, match=rf"Dev\.txt:2: {message}"):
        list(oulu_npu.samples(tmp_path))


def test_videos_that_only_a_protocol_names_are_yielded_and_strangers_refused(tmp_path):
    oulu_npu.fake(tmp_path)
    (tmp_path / "Test_files/2_1_36_4.avi").unlink()
    assert "Test_files/2_1_36_4.avi" in {s.id for s in oulu_npu.samples(tmp_path, "test")}
    Miniature(tmp_path).video("Test_files/preview.avi")
    with pytest.raises(DatasetError, match=r"preview\.avi: is not called <phone>_"):
        list(oulu_npu.samples(tmp_path))
