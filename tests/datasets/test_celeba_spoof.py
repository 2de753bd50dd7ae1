"""CelebA-Spoof: what is live, and which numbers say so."""

from collections import Counter

import pytest

from verilens.datasets import celeba_spoof
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature

PICTURE = "Data/train/1/spoof/000001.png"


def codes(*last):
    return [0] * 40 + list(last)


def test_the_numbers_become_words_and_protocols_attributes(tmp_path):
    celeba_spoof.fake(tmp_path)
    found = list(celeba_spoof.samples(tmp_path))
    assert Counter((s.split, s.label) for s in found) == {
        (split, label): 2 * (1 + label) for split in ("train", "test") for label in (0, 1)
    }
    attack = next(s for s in found if s.id == "Data/test/3/spoof/000002.jpg")
    assert (attack.generator, attack.identity) == ("region-mask", "3")
    assert attack.attributes == {
        "attack": "region-mask",
        "illumination": "back",
        "environment": "outdoor",
        "protocol1": "test",
        "protocol2-high": "test",
    }
    live = {s.identity: s.attributes["apparent-gender"] for s in found if not s.label}
    assert live == {"1": "female", "2": "male", "3": "female", "4": "male"}
    assert all("apparent-gender" not in s.attributes for s in found if s.label)


def test_pictures_of_other_protocols_alone_have_no_split(tmp_path):
    celeba_spoof.fake(tmp_path)
    extra = {"Data/test/9/spoof/1.png": codes(9, 1, 1, 1)}
    Miniature(tmp_path).json("metas/protocol1/test_label.json", extra)
    (sample,) = celeba_spoof.samples(tmp_path, "")
    assert (sample.generator, sample.attributes["protocol1"]) == ("phone", "test")


@pytest.mark.parametrize(
    ("picture", "said", "message"),
    [
        (PICTURE, codes(1, 1, 1, 0), r".*lies in spoof/ but has label 0 and kind 1; 1 is spoof"),
        (PICTURE, codes(0, 1, 1, 1), r".*lies in spoof/ but has label 1 and kind 0"),
        (PICTURE, codes(1, 1, 1)[:43], r".*44 whole numbers are expected"),
        (PICTURE, codes(11, 1, 1, 1), r".*within their codes"),
        (PICTURE, codes(-1, 1, 1, 1), r".*within their codes"),
        ("Data/train/1/000001.png", codes(1, 1, 1, 1), r".*neither in live/ nor in spoof/"),
    ],
)
def test_a_contradiction_is_named_with_its_line(tmp_path, picture, said, message):
    first = '{"Data/train/1/live/0.png": ' + str(codes(0, 0, 0, 0)) + ","
    text = f'"{picture}": {said}' + "}"
    Miniature(tmp_path).text("metas/intra_test/train_label.json", first, text)
    with pytest.raises(DatasetError, match=rf"train_label\.json:2: {message}"):
        list(celeba_spoof.samples(tmp_path))


def test_a_picture_in_both_splits_is_named(tmp_path):
    for split in ("train", "test"):
        labels = {PICTURE: codes(1, 1, 1, 1)}
        Miniature(tmp_path).json(f"metas/intra_test/{split}_label.json", labels)
    with pytest.raises(DatasetError, match=rf"test_label\.json:2: {PICTURE} is in train too"):
        list(celeba_spoof.samples(tmp_path))
