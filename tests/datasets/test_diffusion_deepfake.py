"""Diffusion Deepfake: the folder of a set says which generator made its fakes."""

from collections import Counter

import pytest

from verilens.datasets import diffusion_deepfake as data
from verilens.datasets import folder, recognise


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("DiffusionDB-Face", "Stable Diffusion"),
        ("journeydb_face", "Midjourney"),
        ("JourneyDBFace", "Midjourney"),
        ("FFHQ", ""),
    ],
)
def test_a_set_is_known_by_its_name(name, made):
    assert data.generator(name) == made


def test_every_split_of_both_sets_is_read(tmp_path):
    data.fake(tmp_path)
    found = Counter((s.generator, s.split, s.label) for s in data.samples(tmp_path))
    assert found["Midjourney", "test", 1] == found["Stable Diffusion", "train", 1] == 2
    assert sum(n for (_, _, label), n in found.items() if not label) == 12
    assert recognise(tmp_path / "JourneyDB-Face").CARD.name == folder.CARD.name
