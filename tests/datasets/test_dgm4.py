"""DGM4 and MDSM: what was done, where, and the keys that trip other readers."""

import pytest

from verilens.datasets import dgm4, mdsm
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature

BOX = [155, 61, 267, 207]
CAPTION = (
    "British citizens David and Marco BulmerRizzi in Australia celebrate the day before an event "
    "in which David won"
)


def entry(**facts):
    return {
        "id": 768092,
        "image": "DGM4/manipulation/HFGI/768092-HFGI.jpg",
        "text": CAPTION,
        "fake_cls": "face_attribute&text_attribute",
        "fake_image_box": BOX,
        "fake_text_pos": [8, 13, 17],
    } | facts


def test_the_published_example_is_read_as_its_readme_explains(tmp_path):
    Miniature(tmp_path).json("metadata/train.json", [entry()])
    (sample,) = dgm4.samples(tmp_path)
    assert sample.uri == str(tmp_path / "manipulation/HFGI/768092-HFGI.jpg")
    assert (sample.generator, sample.source) == ("HFGI&text_attribute", "768092")
    assert sample.attributes["box"] == "155,61,267,207"
    words = sample.text.split()
    forged = [words[int(n)] for n in sample.attributes["words"].split(",")]
    assert forged == ["celebrate", "event", "won"]


def test_repeated_rows_come_once_and_rows_of_one_picture_stay_apart(tmp_path):
    dgm4.fake(tmp_path)
    found = list(dgm4.samples(tmp_path, "train"))
    assert (
        len(found) == 4
        and len({s.uri for s in found}) == 2
        and {s.source for s in found} == {"768000"}
    )
    kinds = {s.attributes["class"]: (s.label, s.generator) for s in found}
    assert kinds == {
        "orig": (0, ""),
        "text_swap": (1, "text_swap"),
        "face_attribute": (1, "HFGI"),
        "face_attribute&text_attribute": (1, "HFGI&text_attribute"),
    }


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"fake_cls": "face_swap&smile"}, "fake_cls 'face_swap&smile' is not orig or"),
        ({"fake_cls": "orig&face_swap"}, "fake_cls 'orig&face_swap' is not"),
        ({"fake_image_box": [1, 2, 3]}, "fake_image_box has 3 numbers, not 4"),
        ({"fake_image_box": "155"}, "fake_image_box is no list of numbers"),
        ({"fake_text_pos": [float("inf")]}, "fake_text_pos holds a number without bounds"),
        ({"image": ""}, "the entry has no image"),
        ({"text": None}, "the entry has no text"),
    ],
)
def test_a_wrong_entry_is_named_with_its_line(tmp_path, facts, message):
    Miniature(tmp_path).json("DGM4/metadata/val.json", [entry(), entry(**facts)])
    text = (tmp_path / "DGM4/metadata/val.json").read_text().splitlines()
    line = next(n for n, line in enumerate(text[2:], 3) if line == " {")
    with pytest.raises(DatasetError, match=rf"val\.json:{line}: {message}"):
        list(dgm4.samples(tmp_path))


def test_missing_keys_do_not_stop_mdsm(tmp_path):
    facts = entry(image="a.jpg", fake_cls="orig", fake_image_box=[])
    del facts["fake_text_pos"]
    mini = Miniature(tmp_path)
    mini.picture("images/a.jpg")
    mini.json("test.json", [facts])
    (sample,) = mdsm.samples(tmp_path)
    assert (sample.label, sample.attributes) == (0, {"class": "orig"})
    assert sample.uri == str(tmp_path / "images/a.jpg")
    assert mdsm.fits(tmp_path) and not dgm4.fits(tmp_path)


def test_mdsm_knows_the_publisher_to_leave_out(tmp_path):
    mdsm.fake(tmp_path)
    found = list(mdsm.samples(tmp_path))
    assert {s.attributes["publisher"] for s in found} == {"guardian", "NYT"}
    assert {s.attributes["class"] for s in found if s.label} == {
        *("text_swap", "face_swap", "face_swap&text_swap"),
    }
