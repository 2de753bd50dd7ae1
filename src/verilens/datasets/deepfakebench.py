"""DeepfakeBench's JSON lists, whatever set they describe: label, split, compression, video, frames.

    {set: {label: {train|val|test: {[c23|c40|raw:] {video: {"label": ..., "frames": [...]}}}}}}

Paths in published lists carry their author's folders and either kind of slash. A listed path is
found by the longest part of its end that exists below the root, and remembered for the next one.
`rearrange` writes such a list from folders of frames.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.datasets import celeb_df, deeperforensics, dfdc, dfdcp, faceforensics, uadfv
from verilens.media import packed
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="deepfakebench",
    title="DeepfakeBench lists",
    summary="one JSON a data set with cropped frames: FaceForensics++, Celeb-DF, DFDC and others",
    tasks=("face-forgery",),
    layout="<set>.json in the root, dataset_json/ or preprocessing/dataset_json/; frames below the "
    "root, rgb/, datasets/ or datasets/rgb/, or packed in lmdb/<set>_lmdb",
    paper="arXiv:2307.01426",
    licence="CC BY-NC 4.0, and the terms of each set",
    access="https://github.com/SCLBD/DeepfakeBench links lists and cropped frames",
    consent="that of the sets it lists",
    year=2023,
    traps=(
        "lists carry their author's folders: paths are found by their end, or moved with --map",
        "a video listed in several splits (DeepFakeDetection, UADFV, val copied from test) is one "
        "sample a split, its id marked @split: 'data doctor' counts them",
        "the FF-real videos stand in every FF list: they are read once",
        "DFDC.json's val holds one video where videos should stand; it is left out",
        "videos of different manipulations share a folder name: ids keep the whole path",
    ),
    uncertain=("FF-SH and FF-FH both mean FaceShifter",),
)

FORGERIES = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
    "FF-SH": "FaceShifter",
    "DFD_fake": "DeepFakeDetection",
    "CelebDFv1_fake": "Celeb-synthesis",
    "CelebDFv2_fake": "Celeb-synthesis",
    "DFDCP_FakeA": "method_A",
    "DFDCP_FakeB": "method_B",
    "DFDC_Fake": "DFDC",
    "DF_fake": "DF-VAE",
    "UADFV_Fake": "FakeApp",
    "roop_Fake": "roop",
}
GENUINE = (
    *("FF-real", "DFD_real", "CelebDFv1_real", "CelebDFv2_real", "DFDCP_Real", "DFDC_Real"),
    *("DF_real", "UADFV_Real", "roop_Real"),
)
LABELS = dict.fromkeys(FORGERIES, 1) | dict.fromkeys(GENUINE, 0)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
FOLDERS = ("", "dataset_json", "preprocessing/dataset_json")
BASES = ("", "rgb", "datasets", "datasets/rgb")
STORES = ("", "lmdb", "datasets", "datasets/lmdb")
HEAD = re.compile(r'\s*\{\s*"[^"]+"\s*:\s*\{\s*"[^"]+"\s*:\s*\{\s*"(train|val|test)"\s*:\s*\{')
# Sets whose lists have a level for the compression.
NESTED = frozenset(
    ("FaceForensics++", "FF-DF", "FF-F2F", "FF-FS", "FF-NT", "FaceShifter", "DeepFakeDetection")
)


def fits(root: Path) -> bool:
    """Return whether a JSON file begins as such a list does; DF40's own tree is left to df40."""
    return not any((root / name).is_dir() for name in ("DF40", "DF40_train")) and bool(lists(root))


def lists(root: Path) -> list[Path]:
    """Return the lists, by folder and name; reads the first few characters of each JSON file."""
    named = (root / folder / name for folder in FOLDERS for name in _jsons(root / folder))
    return [path for path in named if HEAD.match(_head(path))]


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the videos of every list, by file, label, split, compression and name."""
    places = Places(root)
    found = (sample for path in lists(root) for sample in read(path, places))
    return layout.of_split(found, split)


def _jsons(folder: Path) -> list[str]:
    return layout.files(folder, (".json",))


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(4096).decode("utf-8", "replace").removeprefix("\ufeff")


class Listed(NamedTuple):
    """Where a video stands in a list."""

    dataset: str
    label: str
    split: Split
    compression: str
    video: str


def read(path: Path, places: "Places", labels: Mapping[str, int] = LABELS) -> Iterator[Sample]:
    """Yield the videos of one list.

    labels: what each label name means; DatasetError names an unknown one, and whatever else in the
        file is not as the format says.
    """
    for listed, facts in _videos(path):
        if facts["label"] not in labels:
            known = ", ".join(sorted(labels))
            what = f"unknown label '{facts['label']}'; known: {known}; DF40's need --as df40"
            raise layout.wrong(path, None, what)
        if (sample := places.sample(listed, facts, labels)) is not None:
            yield sample


def _videos(path: Path) -> Iterator[tuple[Listed, dict[str, Any]]]:
    for dataset, by_label in layout.read_object(path).items():
        for label, by_split in _object(path, by_label, dataset).items():
            for split, videos in _object(path, by_split, f"{dataset}.{label}").items():
                at = f"{dataset}.{label}.{split}"
                if split not in SPLITS:
                    raise layout.wrong(path, None, f"{at}: no split; train, val or test is meant")
                for compression, name, facts in _nested(path, _object(path, videos, at), at):
                    yield Listed(dataset, label, split, compression, name), facts


def _nested(
    path: Path, videos: dict[str, Any], at: str
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (compression or "", name, facts) of the videos, with or without the extra level."""
    if isinstance(videos.get("frames"), list):
        return  # one video's facts in the place of videos, see the card
    for name, facts in videos.items():
        if _is_video(facts):
            yield "", name, facts
            continue
        for inner, more in _object(path, facts, f"{at}.{name}").items():
            if not _is_video(more):
                what = f"{at}.{name}.{inner}: a label and a list of frames are expected"
                raise layout.wrong(path, None, what)
            yield name, inner, more


def _is_video(facts: object) -> bool:
    return (
        isinstance(facts, dict)
        and isinstance(facts.get("label"), str)
        and isinstance(facts.get("frames"), list)
    )


def _object(path: Path, value: object, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise layout.wrong(path, None, f"{at}: an object is expected, see 'verilens data show'")
    return value


class Places:
    """Finds listed paths on this machine and turns list entries into samples.

    root: where media may lie: in itself, rgb/, datasets/, datasets/rgb/ or a <set>_lmdb database.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._bases = [root / below for below in BASES if (root / below).is_dir()]
        self._stores = {store.name.removesuffix("_lmdb"): store for store in _stores(root)}
        self._last: tuple[Path, int] | None = None
        self._seen: dict[str, set[str]] = {}

    def sample(
        self, listed: Listed, facts: dict[str, Any], labels: Mapping[str, int]
    ) -> Sample | None:
        """Return the sample of a list entry; None when it was already given in this split."""
        folder, names = common(facts["frames"])
        place, uri = self.find(folder) if names else ("/".join(filter(None, listed)), "")
        splits = self._seen.setdefault(place, set())
        if listed.split in splits:
            return None
        splits.add(listed.split)
        masks, mask_names = common(facts.get("masks") or [])
        label = facts["label"]
        source, identity = origin(listed)
        return Sample(
            id=place if len(splits) == 1 else f"{place}@{listed.split}",
            uri=uri,
            kind="frames",
            label=labels[label],
            generator=generator(label) if labels[label] else "",
            source=source,
            identity=identity,
            split=listed.split,
            frames=tuple(sorted(names, key=layout.natural)),
            mask=self.find(masks)[1] if mask_names else "",
            licence=CARD.licence,
            attributes=_attributes(listed, label),
        )

    def find(self, listed: str) -> tuple[str, str]:
        """Return (path below its base, place) of a listed folder.

        When nothing exists, the place is the listed path itself, below the root if it is relative.
        """
        parts = [part for part in re.split(r"[/\\]+", listed) if part not in ("", ".")]
        if found := self._existing(parts):
            base, below = found
            inside = next((f"{b}/" for b in BASES[::-1] if below.startswith(f"{b}/")), "")
            return below.removeprefix(inside), str(base / below)
        below = "/".join(part for part in parts if not part.endswith(":"))
        for n, part in enumerate(parts):
            if part in self._stores:
                inside = "/".join(parts[n:])
                return inside, packed.address(self._stores[part], inside)
        is_absolute = listed.startswith(("/", "\\")) or (parts[:1] and parts[0].endswith(":"))
        return below, listed.replace("\\", "/") if is_absolute else str(self.root / below)

    def _existing(self, parts: Sequence[str]) -> tuple[Path, str] | None:
        """Return (base, path below it) of the longest end of a path that exists, two parts or more.

        One part would be a bare video name, which is found in the wrong set as easily.
        """
        if self._last and self._last[1] < len(parts):
            base, dropped = self._last
            below = "/".join(parts[dropped:])
            if os.path.exists(f"{base}/{below}"):
                return base, below
        for dropped in range(max(1, len(parts) - 1)):
            below = "/".join(parts[dropped:])
            for base in self._bases:
                if os.path.exists(f"{base}/{below}"):
                    self._last = base, dropped
                    return base, below
        return None


def _stores(root: Path) -> Iterator[Path]:
    if root.name.endswith("_lmdb"):
        yield root
    for below in STORES:
        for name in layout.folders(root / below):
            if name.endswith("_lmdb"):
                yield root / below / name


def common(paths: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the folder that paths share and the names below it, both with "/".

    Both kinds of slash are understood; ("", ()) for no paths.
    """
    plain = [str(path).replace("\\", "/") for path in paths]
    split = [path.rpartition("/") for path in plain]
    folders = {folder for folder, _, _ in split}
    if len(folders) == 1:
        return folders.pop(), tuple(name for _, _, name in split)
    if not split:
        return "", ()
    shared = os.path.commonpath(plain)
    return shared, tuple(path[len(shared) :].lstrip("/") for path in plain)


def generator(label: str) -> str:
    """Return the official name of what made the videos of a label."""
    return FORGERIES.get(label) or re.sub(r"_fake$", "", label, flags=re.IGNORECASE)


def origin(listed: Listed) -> tuple[str, str]:
    """Return (source, identity) as the video's name tells them; "" where it does not.

    Domains of DF40 (_ff, _cdf) are named as the sets they were made from.
    """
    name = listed.video
    is_ff = listed.label.startswith(("FF-", "DFD_")) or listed.dataset.endswith("_ff")
    if is_ff and re.fullmatch(r"\d{3}(_\d{3})?", name):
        target, shown = faceforensics.people(name)
        is_reenacted = generator(listed.label) in faceforensics.REENACTMENT
        return f"youtube/{target}", f"youtube/{target if is_reenacted else shown}"
    if named := celeb_df.NAME.fullmatch(name):
        target, donor, take = named.groups()
        return f"celeb/{target}_{take}", f"celeb/{donor or target}"
    if listed.dataset == "UADFV":
        return f"uadfv/{name.removesuffix(uadfv.MARK)}", ""
    return "", ""


def _attributes(listed: Listed, label: str) -> dict[str, str]:
    facts = {"dataset": listed.dataset, "label": label, "video": listed.video}
    return facts | ({"compression": listed.compression} if listed.compression else {})


class Recipe(NamedTuple):
    """How the list of a set is made: its folder, its adapter, the label of each generator."""

    folder: str
    adapter: Any
    labels: Mapping[str, str]


def _ff(*labels: str) -> Recipe:
    forged = {FORGERIES[label]: label for label in labels}
    return Recipe("FaceForensics++", faceforensics, {"": "FF-real"} | forged)


RECIPES = {
    "FaceForensics++": _ff("FF-DF", "FF-F2F", "FF-FS", "FF-NT"),
    **{label: _ff(label) for label in ("FF-DF", "FF-F2F", "FF-FS", "FF-NT")},
    "FaceShifter": _ff("FF-FH"),
    "DeepFakeDetection": Recipe(
        "FaceForensics++", faceforensics, {"": "DFD_real", "DeepFakeDetection": "DFD_fake"}
    ),
    "Celeb-DF-v1": Recipe(
        "Celeb-DF-v1", celeb_df, {"": "CelebDFv1_real", "Celeb-synthesis": "CelebDFv1_fake"}
    ),
    "Celeb-DF-v2": Recipe(
        "Celeb-DF-v2", celeb_df, {"": "CelebDFv2_real", "Celeb-synthesis": "CelebDFv2_fake"}
    ),
    "DFDCP": Recipe(
        "DFDCP",
        dfdcp,
        {"": "DFDCP_Real", "method_A": "DFDCP_FakeA", "method_B": "DFDCP_FakeB"},
    ),
    "DFDC": Recipe("DFDC", dfdc, {"": "DFDC_Real", "DFDC": "DFDC_Fake"}),
    "DeeperForensics-1.0": Recipe(
        "DeeperForensics-1.0", deeperforensics, {"": "DF_real", "DF-VAE": "DF_fake"}
    ),
    "UADFV": Recipe("UADFV", uadfv, {"": "UADFV_Real", "FakeApp": "UADFV_Fake"}),
}


def rearrange(root: Path, name: str) -> dict[str, Any]:
    """Return the list of set `name` from its folders of frames below `root`.

    Paths are relative to the root, with "/". Unlike the published rearranger, a video stands in one
    split: test videos of Celeb-DF are not trained on, and sets without splits are test sets.
    """
    recipe = RECIPES[name]
    found = recipe.adapter.samples(root / recipe.folder)
    is_actors = name == "DeepFakeDetection"
    chosen = (s for s in found if s.source.startswith("actors/") == is_actors)
    return tree(name, chosen, recipe.labels, root / recipe.folder)


def tree(
    name: str, samples: Iterable[Sample], labels: Mapping[str, str], base: Path
) -> dict[str, Any]:
    """Return the list of the samples stored as frames.

    labels: label name of each generator, "" for genuine; samples of others are left out.
    base: folder whose name begins every path, so that they are relative to the one above it.
    """
    by_label: dict[str, Any] = {label: {split: {} for split in SPLITS} for label in labels.values()}
    for sample in samples:
        if sample.kind != "frames" or sample.generator not in labels:
            continue
        videos = by_label[labels[sample.generator]][sample.split or "test"]
        if name in NESTED:
            videos = videos.setdefault(sample.attributes["compression"], {})
        folder = Path(sample.uri).relative_to(base.parent).as_posix()
        facts: dict[str, Any] = {"label": labels[sample.generator]}
        facts["frames"] = [f"{folder}/{frame}" for frame in sample.frames]
        if masks := layout.files(Path(sample.mask), layout.PICTURES) if sample.mask else []:
            below = Path(sample.mask).relative_to(base.parent).as_posix()
            facts["masks"] = [f"{below}/{mask}" for mask in masks]
        videos[sample.attributes["video"]] = facts
    return {name: by_label}


def fake(root: Path) -> None:
    """Write frames of two sets and their lists, one of them as a Windows author would."""
    base = root / "datasets" / "rgb"
    _faceforensics(Miniature(base / "FaceForensics++"))
    _celeb(Miniature(base / "Celeb-DF-v2"))
    lists = Miniature(root / "preprocessing" / "dataset_json")
    for name in ("FF-DF", "FF-NT"):
        lists.json(f"{name}.json", rearrange(base, name))
    windows = rearrange(base, "Celeb-DF-v2")
    for by_split in windows["Celeb-DF-v2"].values():
        for videos in by_split.values():
            for facts in videos.values():
                frames = [frame.replace("/", "\\") for frame in facts["frames"]]
                facts["frames"] = [f"D:\\author\\deepfakes\\{frame}" for frame in frames]
    lists.json("Celeb-DF-v2.json", windows)


def _faceforensics(mini: Miniature) -> None:
    pairs = {"train": ("000", "003"), "val": ("010", "011"), "test": ("020", "021")}
    for split, (a, b) in pairs.items():
        mini.json(f"{split}.json", [[a, b]])
        for number in (a, b):
            mini.frames(f"original_sequences/youtube/c23/frames/{number}", 3)
        for method in ("Deepfakes", "NeuralTextures"):
            below, name = f"manipulated_sequences/{method}/c23", f"{a}_{b}"
            mini.frames(f"{below}/frames/{name}", 3, forged=True)
            mini.mask(f"{below}/masks/{name}/000.png")


def _celeb(mini: Miniature) -> None:
    for take in ("0000", "0001"):
        mini.frames(f"Celeb-real/frames/id0_{take}", 3)
        mini.frames(f"Celeb-synthesis/frames/id0_id1_{take}", 3, forged=True)
    mini.text(celeb_df.LIST, "1 Celeb-real/id0_0001.mp4", "0 Celeb-synthesis/id0_id1_0001.mp4")
