"""DeepfakeBench's lists: rearranged as expected, read wherever they point, refused when wrong."""

import json
from pathlib import Path

import pytest

from verilens import manifest
from verilens.datasets import deepfakebench, faceforensics
from verilens.errors import DatasetError
from verilens.media import packed
from verilens.media.miniature import Miniature

BELOW = "FaceForensics++/manipulated_sequences/Deepfakes/c23/frames/000_003"


def write(root: Path, content: object, name: str = "FF-DF.json") -> None:
    Miniature(root).json(name, content)


def listed(frames: list[str], label: str = "FF-DF", split: str = "train") -> dict[str, object]:
    """Return a list of one video."""
    video = {"000_003": {"label": label, "frames": frames}}
    return {"FF-DF": {"FF-DF": {split: {"c23": video}}}}


def test_a_hand_made_tree_is_rearranged_into_the_expected_list(tmp_path):
    mini = Miniature(tmp_path / "FaceForensics++")
    for split, pair in (
        ("train", ["000", "003"]),
        ("val", ["010", "011"]),
        ("test", ["020", "021"]),
    ):
        mini.json(f"{split}.json", [pair])
    real, forged = "original_sequences/youtube/c23", "manipulated_sequences/Deepfakes/c23"
    mini.frames(f"{real}/frames/000", 2)
    mini.frames(f"{real}/frames/020", 1)
    mini.frames(f"{forged}/frames/000_003", 2)
    mini.mask(f"{forged}/masks/000_003/000.png")
    mini.frames("manipulated_sequences/FaceSwap/c40/frames/021_020", 1)
    above = "FaceForensics++"
    expected = {
        "FF-DF": {
            "FF-real": {
                "train": {
                    "c23": {
                        "000": {
                            "label": "FF-real",
                            "frames": [
                                f"{above}/{real}/frames/000/{n}.png" for n in ("000", "001")
                            ],
                        }
                    }
                },
                "val": {},
                "test": {
                    "c23": {
                        "020": {
                            "label": "FF-real",
                            "frames": [f"{above}/{real}/frames/020/000.png"],
                        }
                    }
                },
            },
            "FF-DF": {
                "train": {
                    "c23": {
                        "000_003": {
                            "label": "FF-DF",
                            "frames": [
                                f"{above}/{forged}/frames/000_003/000.png",
                                f"{above}/{forged}/frames/000_003/001.png",
                            ],
                            "masks": [f"{above}/{forged}/masks/000_003/000.png"],
                        }
                    }
                },
                "val": {},
                "test": {},
            },
        }
    }
    assert deepfakebench.rearrange(tmp_path, "FF-DF") == expected
    swapped = deepfakebench.rearrange(tmp_path, "FaceForensics++")["FaceForensics++"]["FF-FS"]
    assert list(swapped["test"]) == ["c40"]


@pytest.mark.parametrize(
    "path",
    [
        f"{BELOW}/{{}}",
        f"./datasets/rgb/{BELOW}/{{}}",
        f"/home/author/deepfakes/{BELOW}/{{}}",
        f".\\datasets\\{BELOW}\\{{}}".replace("/", "\\"),
        f"I:\\deepfakes\\{BELOW}\\{{}}".replace("/", "\\"),
    ],
)
@pytest.mark.parametrize("base", ["", "datasets/rgb"])
def test_paths_are_found_whatever_their_beginning_and_slashes(tmp_path, path, base):
    Miniature(tmp_path / base).frames(BELOW, 3)
    write(tmp_path, listed([path.format(name) for name in ("002.png", "000.png", "001.png")]))
    (sample,) = deepfakebench.samples(tmp_path)
    assert sample.uri == str(tmp_path / base / BELOW)
    assert sample.id == BELOW
    assert sample.frames == ("000.png", "001.png", "002.png")
    assert (sample.source, sample.identity) == ("youtube/000", "youtube/003")


def test_what_is_not_found_is_given_all_the_same_and_can_be_moved(tmp_path):
    write(tmp_path, listed([f"D:\\author\\{BELOW}\\000.png".replace("/", "\\")]))
    (sample,) = deepfakebench.samples(tmp_path)
    assert sample.uri == f"D:/author/{BELOW}"
    assert manifest.relocate(sample, {"D:\\author": "/data/"}).uri == f"/data/{BELOW}"
    write(tmp_path, listed([f"{BELOW}/000.png"]))
    (sample,) = deepfakebench.samples(tmp_path)
    assert sample.uri == str(tmp_path / BELOW)


def test_only_whole_folder_names_are_moved(tmp_path):
    write(tmp_path, listed(["/data/ff2/000_003/000.png"]))
    (sample,) = deepfakebench.samples(tmp_path)
    assert manifest.relocate(sample, {"/data/ff": "/x"}) is sample
    assert manifest.relocate(sample, {"/data": "/x", "/data/ff2": "/y"}).uri == "/y/000_003"


def test_unknown_labels_are_refused(tmp_path):
    write(tmp_path, listed([f"{BELOW}/000.png"], label="FF-XX"))
    with pytest.raises(DatasetError, match=r"FF-DF\.json: unknown label 'FF-XX'"):
        list(deepfakebench.samples(tmp_path))


def test_the_label_of_the_video_counts_not_that_of_its_group(tmp_path):
    write(tmp_path, listed([f"{BELOW}/000.png"], label="FF-real"))
    (sample,) = deepfakebench.samples(tmp_path)
    assert (sample.label, sample.generator) == (0, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"S": {"FF-DF": {"train": {}, "dev": {}}}}, "S.FF-DF.dev: no split"),
        ({"S": {"FF-DF": {"train": {"v": {"label": "FF-DF"}}}}}, "S.FF-DF.train.v.label"),
        ({"S": {"FF-DF": {"train": {}, "test": []}}}, "S.FF-DF.test: an object is expected"),
    ],
)
def test_a_list_of_another_form_is_refused_with_the_place(tmp_path, content, message):
    write(tmp_path, content)
    with pytest.raises(DatasetError, match=message):
        list(deepfakebench.samples(tmp_path))


def test_a_video_of_several_splits_is_one_sample_a_split(tmp_path):
    Miniature(tmp_path).frames("UADFV/fake/frames/0000_fake", 1)
    video = {
        "0000_fake": {"label": "UADFV_Fake", "frames": ["UADFV/fake/frames/0000_fake/000.png"]}
    }
    splits = {split: video for split in ("train", "val", "test")}
    write(tmp_path, {"UADFV": {"UADFV_Fake": splits}}, "UADFV.json")
    ids = [sample.id for sample in deepfakebench.samples(tmp_path)]
    assert [id.partition("@")[2] for id in ids] == ["", "val", "test"]


def test_genuine_videos_of_several_lists_are_read_once(tmp_path):
    deepfakebench.fake(tmp_path)
    genuine = [s.id for s in deepfakebench.samples(tmp_path) if s.attributes["label"] == "FF-real"]
    assert len(genuine) == len(set(genuine)) == 6


def test_a_validation_split_that_was_overwritten_is_left_out(tmp_path):
    facts = {"label": "DFDC_Fake", "frames": ["DFDC/test/frames/a/000.png"]}
    content = {"DFDC": {"DFDC_Fake": {"train": {}, "test": {"a": facts}, "val": facts}}}
    write(tmp_path, content, "DFDC.json")
    assert [sample.split for sample in deepfakebench.samples(tmp_path)] == ["test"]


def test_frames_of_a_database_are_read_from_it(tmp_path):
    lmdb = pytest.importorskip("lmdb")
    folder = tmp_path / "lmdb" / "FaceForensics++_lmdb"
    folder.mkdir(parents=True)
    database = lmdb.open(str(folder), map_size=1 << 20)
    with database, database.begin(write=True) as writing:
        writing.put(f"{BELOW}/000.png".replace("/", "\\").encode(), b"picture")
    write(tmp_path, listed([f".\\datasets\\{BELOW}\\000.png".replace("/", "\\")]))
    (sample,) = deepfakebench.samples(tmp_path)
    assert sample.id == BELOW
    assert packed.read(sample.uri, sample.frames[0]) == b"picture"


def test_what_is_rearranged_is_read_back(tmp_path):
    deepfakebench.fake(tmp_path)
    base = tmp_path / "datasets" / "rgb"
    for path in (tmp_path / "preprocessing" / "dataset_json").iterdir():
        path.unlink()
    write(tmp_path, deepfakebench.rearrange(base, "FaceForensics++"), "FaceForensics++.json")
    read = {s.uri: (s.label, s.split, s.source) for s in deepfakebench.samples(tmp_path)}
    direct = faceforensics.samples(base / "FaceForensics++")
    assert read == {s.uri: (s.label, s.split, s.source) for s in direct}


def test_every_label_is_zero_or_one_and_lists_are_told_by_their_head(tmp_path):
    assert set(deepfakebench.LABELS.values()) == {0, 1}
    (tmp_path / "metadata.json").write_text(json.dumps({"a.mp4": {"label": "REAL"}}))
    assert not deepfakebench.fits(tmp_path)
