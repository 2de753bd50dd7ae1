"""What every data set promises, held over its miniature: new adapters are tested by being there."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from verilens import layout, manifest
from verilens.datasets import dataset, datasets, recognise
from verilens.errors import DatasetError, UnknownName
from verilens.media import packed
from verilens.records import Sample

NAMES = sorted(datasets())
SPLITS = ("train", "val", "test", "")

LISTS = (".json", ".jsonl", ".txt", ".csv", ".tsv")

# Sets whose published splits share people or sources, and why.
SHARES = {
    ("celeb-df", "identity"): "the official test list shows celebrities of the training videos",
    ("deepfakebench", "identity"): "it lists Celeb-DF",
    ("fakesv", "source"): "the temporal split cuts through events",
    ("fakett", "source"): "the temporal split cuts through events",
}


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def root(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(name)
    dataset(name).fake(folder)
    return folder


@pytest.fixture(scope="module")
def samples(name: str, root: Path) -> list[Sample]:
    return list(dataset(name).samples(root))


def test_the_card_says_what_it_must(name: str) -> None:
    card = dataset(name).CARD
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", card.name)
    assert card.tasks and 2000 < card.year < 2030
    for text in (card.title, card.summary, card.layout, card.licence, card.access, card.consent):
        assert text.strip()
    assert card.paper.startswith(("arXiv:", "doi:", "http")) or not card.paper


def test_exactly_one_adapter_recognises_it(name: str, root: Path) -> None:
    assert recognise(root).CARD.name == name


def test_ids_are_unique_and_the_same_everywhere(name: str, samples: list[Sample], tmp_path) -> None:
    ids = [sample.id for sample in samples]
    assert len(ids) == len(set(ids)) > 0
    assert not any(id.startswith("/") or "\\" in id for id in ids)
    dataset(name).fake(tmp_path)
    assert manifest.digest(dataset(name).samples(tmp_path)) == manifest.digest(samples)


def test_every_file_is_there_and_decodes(samples: list[Sample]) -> None:
    for sample in samples:
        if packed.is_packed(sample.uri) or "://" in sample.uri:
            continue
        place = Path(sample.uri)
        assert place.is_absolute()
        assert place.is_dir() if sample.kind == "frames" else place.is_file(), sample.id
        for file in [place / frame for frame in sample.frames] or [place]:
            decode(file)
        if sample.mask:
            assert Path(sample.mask).exists(), sample.id


def decode(path: Path) -> None:
    """Raise when a file is no media; a post without media is a text."""
    if layout.suffix(path.name) in layout.VIDEOS:
        with av.open(str(path)) as film:
            assert next(film.decode(video=0), None) is not None
    elif layout.suffix(path.name) in layout.PICTURES:
        with Image.open(path) as picture:
            picture.load()


def test_labels_are_as_the_card_says(name: str, samples: list[Sample]) -> None:
    card = dataset(name).CARD
    is_one_sided = bool(card.genuine) != bool(card.fake)
    expected = {int(bool(card.fake))} if is_one_sided else {0, 1}
    assert {sample.label for sample in samples} == expected
    assert all(bool(sample.generator) == bool(sample.label) for sample in samples)


def test_frames_belong_to_videos_stored_as_pictures(samples: list[Sample]) -> None:
    for sample in samples:
        assert bool(sample.frames) == (sample.kind == "frames")
        assert bool(sample.text) or sample.kind != "post"
        assert all(0 <= start < end for start, end in sample.segments)


def test_a_split_is_what_is_asked_for(name: str, root: Path, samples: list[Sample]) -> None:
    read = {split: list(dataset(name).samples(root, split)) for split in SPLITS}
    assert all(sample.split == split for split, found in read.items() for sample in found)
    assert sum(map(len, read.values())) == len(samples)


@pytest.mark.parametrize("group", ["source", "identity"])
def test_no_group_is_in_two_splits(name: str, samples: list[Sample], group: str) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if getattr(sample, group) and sample.split:
            seen[getattr(sample, group)].add(sample.split)
    shared = {key: splits for key, splits in seen.items() if len(splits) > 1}
    assert bool(shared) == ((name, group) in SHARES), shared


def test_a_manifest_keeps_everything(
    name: str, root: Path, samples: list[Sample], tmp_path
) -> None:
    path = tmp_path / "m.parquet"
    assert manifest.write(path, samples, name, root) == len(samples)
    assert list(manifest.read(path)) == [replace(s, attributes=dict(s.attributes)) for s in samples]


BROKEN = {
    "empty": lambda text: b"",
    "cut": lambda text: text[: len(text) // 2],
    "a list": lambda text: b'[1, {"a": null}, ["b"]]',
    "an object": lambda text: b'{"a": {"b": {"c": [null]}}, "d": 1}',
    "null": lambda text: b"null",
    "words": lambda text: b"these are not the lines you are looking for\n" * 3,
    "bytes": lambda text: bytes(range(256)),
    "shifted fields": lambda text: text.replace(b" ", b",").replace(b",", b" , "),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_a_broken_list_is_named_or_read_never_a_crash(name: str, tmp_path: Path, how: str) -> None:
    dataset(name).fake(tmp_path)
    for path in sorted(p for p in tmp_path.rglob("*") if p.suffix in LISTS):
        before = path.read_bytes()
        path.write_bytes(BROKEN[how](before))
        try:
            dataset(name).fits(tmp_path)
            list(dataset(name).samples(tmp_path))
        except DatasetError as error:
            assert path.name in str(error)
        path.write_bytes(before)


def test_an_empty_folder_fits_nothing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--as"):
        recognise(tmp_path)


def test_exceptions_are_still_needed() -> None:
    assert {name for name, _ in SHARES} <= set(NAMES)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="celeb-df"):
        dataset("celeb_df")
