"""MMTT: regions by name, masks, reports, and lists that are wrong."""

import json

import pytest

from verilens.datasets import mmtt
from verilens.errors import DatasetError


def test_a_portrait_has_its_mask_its_report_and_its_regions(tmp_path):
    mmtt.fake(tmp_path)
    found = list(mmtt.samples(tmp_path, "val"))
    assert [s.id for s in found] == ["dataset/celeb512/val0.png", "dataset/FFHQ512/val1.png"]
    first = found[0]
    assert first.mask.endswith("val0_mask.png") and first.generator == "celeb512"
    assert first.text.startswith("The nose") and first.attributes["regions"] == "nose"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"multilabel": [1] * 20}, "multilabel"),
        ({"multilabel": [2] * 21}, "multilabel"),
        ({"multilabel": "nose"}, "multilabel"),
        ({"caption": ""}, "caption"),
        ({"img_path": None}, "img_path"),
        ({"mask_path": "dataset/../../secret.png"}, "leads out"),
    ],
)
def test_a_wrong_entry_is_named_by_file(tmp_path, change, said):
    mmtt.fake(tmp_path)
    path = tmp_path / "eval-mutilabel-simple.json"
    rows = json.loads(path.read_text())
    rows[1] |= change
    path.write_text(json.dumps(rows))
    with pytest.raises(DatasetError, match=said) as caught:
        list(mmtt.samples(tmp_path))
    assert path.name in str(caught.value)
