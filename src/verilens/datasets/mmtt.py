"""MMTT: portraits of which parts were swapped or repainted, with masks and a report of each.

A list of objects a split. `multilabel` has 21 numbers, 1 for a region that was edited; the report
is the sample's text, and the regions stand in its attributes by name.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

REGIONS = (
    *("eye", "pupil", "lip", "mouth", "nose", "ear", "cheek", "forehead", "chin", "jaw", "eyebrow"),
    *("tooth", "tongue", "beard", "mustache", "skin", "hair", "wrinkle", "freckle", "scar"),
    "dimple",
)
CARD = DataCard(
    name="mmtt",
    title="MMTT",
    summary="portraits with edited parts: masks, regions and a report in words",
    tasks=("face-forgery", "localize", "explain"),
    layout="{train,eval}-mutilabel-simple.json, dataset/{celeb512,face_attribute_image,FFHQ512}/**",
    paper="arXiv:2412.19685",
    licence="not stated; CelebA-HQ's and FFHQ's terms for the portraits",
    access="https://github.com/NattyLianJc/Generating-Attribution-Reports",
    consent="portraits of celebrities and from Flickr, without their consent to this use",
    year=2024,
    fake=152217,
    traps=(
        "there are no genuine portraits in it: an accuracy on it alone says nothing",
        "lists carry the authors' own folders: paths count from dataset/ on",
        "the file's name says mutilabel",
        "masks are grey after scaling: forged is above 127",
    ),
    uncertain=(
        "the published folders were not seen; names and keys are those of the authors' code",
        "the order of the 21 regions is that of their code",
        "the count is that of the paper's second version",
    ),
)

LISTS: dict[Split, str] = {"train": "train", "val": "eval", "test": "test"}
KEYS = frozenset(("img_path", "mask_path", "caption", "multilabel"))
HOME = "dataset/"


def fits(root: Path) -> bool:
    """Return whether a list begins with an object that has a mask, a caption and its regions."""
    path = next(iter(_lists(root).values()), None)
    return path is not None and layout.first_object(path).keys() >= KEYS


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the portraits of each list in order."""
    return layout.of_split(_samples(root), split)


def _lists(root: Path) -> dict[Split, Path]:
    paths = {split: root / f"{name}-mutilabel-simple.json" for split, name in LISTS.items()}
    return {split: path for split, path in paths.items() if path.is_file()}


def _samples(root: Path) -> Iterator[Sample]:
    lists = _lists(root)
    if not lists:
        path = root / "train-mutilabel-simple.json"
        raise layout.wrong(path, None, "missing; it lists the portraits")
    for split, path in lists.items():
        for number, facts in layout.entries(path):
            yield _sample(root, split, path, number, facts)


def _sample(root: Path, split: Split, path: Path, number: int, facts: Mapping[str, Any]) -> Sample:
    said = {name: layout.readable(facts.get(name)) for name in ("img_path", "mask_path", "caption")}
    for name in ("img_path", "caption"):
        if not said[name]:
            raise layout.wrong(path, number, f"the entry has no {name}; fetch the list again")
    picture, mask = (_below(said[name]) for name in ("img_path", "mask_path"))
    if ".." in (*picture.split("/"), *mask.split("/")):
        raise layout.wrong(path, number, "a path leads out of the data set")
    return Sample(
        id=picture,
        uri=str(root / picture),
        kind="image",
        label=1,
        generator=picture.removeprefix(HOME).split("/")[0],
        source=layout.readable(facts.get("image_id")) or picture,
        split=split,
        mask=str(root / mask) if mask else "",
        text=said["caption"],
        licence=CARD.licence,
        attributes={"regions": ",".join(_regions(path, number, facts.get("multilabel")))},
    )


def _below(place: str) -> str:
    """Return a path below the root, whoever's folders stand before it."""
    path = place.replace("\\", "/")
    return HOME + path.rpartition(f"/{HOME}")[2].removeprefix(HOME).lstrip("/") if path else ""


def _regions(path: Path, number: int, said: object) -> list[str]:
    if not isinstance(said, list) or len(said) != len(REGIONS) or not set(said) <= {0, 1}:
        what = f"multilabel is no list of {len(REGIONS)} zeros and ones"
        raise layout.wrong(path, number, f"{what}: {said!r:.60}")
    return [region for region, hot in zip(REGIONS, said, strict=True) if hot]


def fake(root: Path) -> None:
    """Write two portraits with their masks for each list."""
    mini = Miniature(root)
    for split, name in LISTS.items():
        rows = []
        for n, folder in enumerate(("celeb512", "FFHQ512")):
            below = f"{HOME}{folder}/{split}{n}"
            mini.picture(f"{below}.png", forged=True)
            mini.mask(f"{below}_mask.png")
            rows.append(
                {
                    "image_id": f"{split}{n}",
                    "img_path": f"/home/author/{below}.png",
                    "mask_path": f"/home/author/{below}_mask.png",
                    "caption": "The nose was replaced; its shadow is missing.",
                    "multilabel": [int(region == "nose") for region in REGIONS],
                }
            )
        mini.json(f"{name}-mutilabel-simple.json", rows)
