"""HySpeFAS: 1 is live there and an attack here; a sample is bands with their colours beside."""

import shutil

import pytest

from verilens.datasets import hyspefas
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.records import View

pytest.importorskip("scipy")


def test_labels_are_turned_and_splits_follow_the_lists(tmp_path):
    hyspefas.fake(tmp_path)
    found = {s.id: s for s in hyspefas.samples(tmp_path)}
    assert found["HySpeFAS_trainval/images/0.mat"].label == 0
    assert found["HySpeFAS_trainval/images/1.mat"].label == 1
    assert found["HySpeFAS_trainval/images/10.mat"].split == "val"
    assert [s.split for s in found.values()] == ["train"] * 6 + ["val"] * 6 + ["test"] * 6


def test_samples_have_33_bands(tmp_path):
    hyspefas.fake(tmp_path)
    view = View(size=16, frames=1, fit="resize", only="image", bands=33)
    sample = next(hyspefas.samples(tmp_path))
    assert read(hyspefas.Path(sample.uri), [view], Limits()).clips[view].frames.shape[3] == 33


def test_the_part_may_be_the_root_and_test_has_no_labels(tmp_path):
    hyspefas.fake(tmp_path)
    (tmp_path / "HySpeFAS_test/test_gt.txt").unlink()
    assert not list(hyspefas.samples(tmp_path, "test"))
    part = tmp_path / "HySpeFAS_trainval"
    assert hyspefas.fits(part) and len(list(hyspefas.samples(part))) == 12
    shutil.rmtree(part / "images")
    assert not hyspefas.fits(part)


@pytest.mark.parametrize("line", ["1.mat 2", "1.png 1", "../1.mat 1", "1.mat", "a/1.mat 0"])
def test_a_wrong_line_is_named(tmp_path, line):
    hyspefas.fake(tmp_path)
    Miniature(tmp_path).text("HySpeFAS_trainval/train.txt", "0.mat 1", line)
    with pytest.raises(DatasetError, match=r"train\.txt:2: .* is not"):
        list(hyspefas.samples(tmp_path))
