"""Casual Conversations: groups as people stated them, the unlabelled counted apart."""

import pytest

from verilens.datasets import casual_conversations as casual
from verilens.errors import DatasetError
from verilens.media.miniature import Miniature

PEOPLE = [  # age, gender, skin type, videos, dark ones; None: not said
    ("30", "Female", "1", 2, 1),
    ("31", "Male", "2", 2, 0),
    ("46", "Other", "3", 1, 0),
    ("45", "Female", "4", 3, 2),
    ("85", "Male", "5", 1, None),
    ("18", "Female", "6", 1, 1),
    ("N/A", "N/A", "6", 2, 0),
    ("86", "Male", "N/A", 1, None),
]


def write(root, people=PEOPLE, **changes):
    """Write the annotations of some people, with facts of the first one changed."""
    content = {}
    for n, (age, gender, skin, count, dark) in enumerate(people):
        files = [f"CasualConversationsA/{n:04d}/{n:04d}_{k:02d}.MP4" for k in range(count)]
        label = {"age": age, "gender": gender, "skin-type": skin}
        content[f"{n:04d}"] = {"label": label, "files": files}
        if dark is not None:
            content[f"{n:04d}"]["dark_files"] = files[:dark]
    content["0000"].update(changes)
    Miniature(root).json("CasualConversations.json", content)


def test_groups_are_counted_by_people_and_videos(tmp_path):
    write(tmp_path)
    assert casual.groups(tmp_path) == {
        "age-group": {"18-30": (2, 3), "31-45": (2, 5), "46-85": (2, 2), "unlabelled": (2, 3)},
        "gender": {"female": (3, 6), "male": (3, 4), "other": (1, 1), "unlabelled": (1, 2)},
        "skin-type": {
            **{"1": (1, 2), "2": (1, 2), "3": (1, 1), "4": (1, 3), "5": (1, 1), "6": (2, 3)},
            "unlabelled": (1, 1),
        },
        "lighting": {"bright": (5, 7), "dark": (3, 4), "unlabelled": (2, 2)},
    }


def test_empty_groups_are_there_too(tmp_path):
    write(tmp_path, PEOPLE[:1])
    assert casual.groups(tmp_path)["gender"]["other"] == (0, 0)


def test_a_dark_video_that_is_not_the_persons_is_an_error(tmp_path):
    write(tmp_path, dark_files=["CasualConversationsA/0009/0009_00.MP4"])
    with pytest.raises(DatasetError, match=r"person 0000: dark file .*0009_00\.MP4"):
        list(casual.samples(tmp_path))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"age": "old"}, "age 'old' is no number"),
        ({"age": "30", "gender": "Woman"}, "gender 'Woman' is none of female, male, other"),
        ({"age": "30", "skin-type": "7"}, "skin-type '7' is none of"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, label, message):
    write(tmp_path, label=label)
    with pytest.raises(DatasetError, match=message):
        list(casual.samples(tmp_path))


def test_a_person_without_files_is_refused(tmp_path):
    write(tmp_path, files=None)
    with pytest.raises(DatasetError, match="person 0000: a label and files are expected"):
        list(casual.samples(tmp_path))


@pytest.mark.parametrize(
    ("age", "group"),
    [(17, ""), (18, "18-30"), (30, "18-30"), (31, "31-45"), (46, "46-85"), (86, "")],
)
def test_the_bounds_of_the_age_groups(age, group):
    assert casual.age_group(age) == group


def test_the_mini_split_is_an_attribute(tmp_path):
    casual.fake(tmp_path)
    found = list(casual.samples(tmp_path))
    assert [s.attributes["mini"] for s in found[:2]] == ["yes", "no"]
    assert {s.attributes["lighting"] for s in found} == {"bright", "dark"}
    unlabelled = [s for s in found if "age" not in s.attributes]
    assert len(unlabelled) == 2 and "gender" not in unlabelled[0].attributes
