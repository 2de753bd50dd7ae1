"""DF40: forty methods by the book, fakes paired with the right genuine faces."""

from collections import Counter

import pytest

from verilens.datasets import deepfakebench, df40
from verilens.errors import UnknownName

REAL = "FaceForensics++/original_sequences/youtube/c23/frames"


@pytest.fixture
def root(tmp_path):
    df40.fake(tmp_path)
    return tmp_path


def test_the_registry_holds_forty_methods():
    assert len({m.key for m in df40.REGISTRY}) == len({m.name for m in df40.REGISTRY}) == 40
    assert Counter(m.type for m in df40.REGISTRY) == {"FS": 10, "FR": 13, "EFS": 12, "FE": 5}
    assert Counter(m.known for m in df40.REGISTRY) == {True: 31, False: 9}
    assert all(m.domains == (("ff", "cdf") if m.known else ()) for m in df40.REGISTRY)


def test_every_label_name_means_zero_or_one():
    for method in df40.REGISTRY:
        assert df40.LABELS[f"{method.key}_Fake"] == 1
        assert df40.LABELS[f"{method.key}_Real"] == 0
    assert df40.LABELS["FSAll_Fake"] == 1 and df40.LABELS["FF-real"] == 0


def test_data_sets_are_named_as_the_protocols_name_them():
    unknown = {m.key for m in df40.REGISTRY if not m.known}
    assert unknown == {
        *("deepfacelab", "heygen", "whichisreal", "MidJourney", "stargan", "starganv2"),
        *("styleclip", "e4e", "CollabDiff"),
    }
    names = df40.names()
    assert len(names) == len(set(names)) == 31 * 2 + 9 + 6
    assert {"FSAll_ff", "FRAll_ff", "EFSAll_ff", "simswap_cdf", "heygen"} <= set(names)
    assert len(df40.members("FSAll_ff")[0]) == 9
    assert len(df40.members("EFSAll_cdf")[0]) == 10
    with pytest.raises(UnknownName, match="simswap_ff"):
        df40.members("simswap")


def test_methods_are_found_by_key_folder_and_name():
    assert df40.method("whichfaceisreal") is df40.method("WhichIsReal")
    with pytest.raises(UnknownName, match="nosuch"):
        df40.method("nosuch")


def test_a_known_method_is_paired_with_the_videos_of_its_domain(root):
    found = df40.rearrange(root, "simswap_ff")
    names = ("000.png", "001.png", "002.png")
    expected = {
        "simswap_Real": {
            split: {
                number: {
                    "label": "simswap_Real",
                    "frames": [f"{REAL}/{number}/{name}" for name in names],
                }
                for number in numbers
            }
            for split, numbers in (("train", ("000", "003")), ("val", ()), ("test", ("020", "021")))
        },
        "simswap_Fake": {
            split: {
                video: {
                    "label": "simswap_Fake",
                    "frames": [f"{top}/simswap/ff/frames/{video}/{name}" for name in names],
                }
                for video in videos
            }
            for split, top, videos in (
                ("train", "DF40_train", ("000_003",)),
                ("val", "", ()),
                ("test", "DF40", ("020_021",)),
            )
        },
    }
    assert found == {"simswap_ff": expected}


def test_the_cdf_domain_goes_with_celeb_df_and_is_for_testing(root):
    found = df40.rearrange(root, "pirender_cdf")["pirender_cdf"]
    assert list(found["pirender_Real"]["test"]) == ["id0_0000", "id1_0000"]
    assert list(found["pirender_Fake"]["test"]) == ["id0_id1_0000"]
    assert not any(found[label]["train"] for label in found)


@pytest.mark.parametrize("name", ["heygen", "whichisreal"])
def test_an_unknown_method_is_paired_with_the_faces_beside_it(root, name):
    found = df40.rearrange(root, name)[name]
    folder = df40.method(name).folder or name
    for word, part in (("Real", "real"), ("Fake", "fake")):
        (facts,) = found[f"{name}_{word}"]["test"].values()
        assert all(path.startswith(f"DF40/{folder}/{part}/") for path in facts["frames"])


def test_a_union_keeps_videos_of_the_same_name_apart(root):
    fakes = df40.rearrange(root, "FSAll_ff")["FSAll_ff"]["FSAll_Fake"]
    assert list(fakes["test"]) == ["simswap/020_021"]


def test_no_test_video_occurs_in_training(root):
    for name in ("simswap_ff", "pirender_ff", "ddim_ff", "FSAll_ff"):
        for by_split in df40.rearrange(root, name)[name].values():
            paths = {
                split: {path for facts in videos.values() for path in facts["frames"]}
                for split, videos in by_split.items()
            }
            assert not paths["train"] & paths["test"]
            assert not set(by_split["train"]) & set(by_split["test"])


def test_lists_are_read_where_they_are_there(root):
    from verilens.media.miniature import Miniature

    lists = Miniature(root / "preprocessing" / "dataset_json")
    lists.json("simswap_ff.json", df40.rearrange(root, "simswap_ff"))
    assert not deepfakebench.fits(root)
    found = list(df40.samples(root))
    assert Counter((s.label, s.split) for s in found) == {
        (0, "train"): 2,
        (0, "test"): 2,
        (1, "train"): 1,
        (1, "test"): 1,
    }
    assert {s.generator for s in found} == {"", "simswap"}
    assert {s.source for s in found} == {f"youtube/{n}" for n in ("000", "003", "020", "021")}
