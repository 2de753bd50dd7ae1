"""CelebA-Spoof: presentation attacks on celebrities' pictures, with kind, light and place.

The lists map a picture to 44 numbers: 40 attributes of the face, the kind of attack, illumination,
environment, and 0 for live or 1 for spoof. The folder says live or spoof too, and must agree.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="celeba-spoof",
    title="CelebA-Spoof",
    summary="625,537 pictures of 10,177 people, live and ten kinds of presentation attacks",
    tasks=("spoof",),
    layout="[CelebA_Spoof/]Data/{train,test}/<person>/{live,spoof}/*, "
    "[CelebA_Spoof/]metas/{intra_test,protocol1,protocol2/<name>}/{train,test}_label.json",
    paper="arXiv:2007.12342",
    licence="CelebA-Spoof agreement: non-commercial research",
    access="https://github.com/ZhangYuanhan-AI/CelebA-Spoof",
    consent="celebrities' pictures from the web, without their consent",
    year=2020,
    traps=(
        "there is no validation split: readers that validate on test select on test; people of the "
        "training split have to be held out",
        "the box in <picture>_BB.txt is on a grid of 224 x 224: scale it by the picture's size",
        "spoof lists elsewhere say 1 for live: here 1 is an attack",
        "attacks carry no attributes of the face: their 40 numbers say nothing",
        "pictures are PNG or JPEG; see 'verilens bench audit'",
    ),
    uncertain=(
        "the order of the 40 attributes is taken to be CelebA's (apparent-gender of live pictures)",
        "the folders of protocol 2 are read whatever they are called",
        "the numbers of live and spoof pictures",
    ),
)

ABOVE = ("", "CelebA_Spoof/")
SPLITS: tuple[Split, ...] = ("train", "test")
MAIN = "intra_test"
NUMBERS = 44
MALE, KIND, LIGHT, PLACE, LABEL = 20, 40, 41, 42, 43
FOLDERS = {"live": 0, "spoof": 1}
KINDS = (
    *("live", "photo", "poster", "a4", "face-mask", "upper-body-mask", "region-mask", "pc"),
    *("pad", "phone", "3d-mask"),
)
LIGHTS = ("live", "normal", "strong", "back", "dark")
PLACES = ("live", "indoor", "outdoor")
GENDERS = {0: "female", 1: "male"}
DEVICE = re.compile(r"test_on_([a-z]+)_quality_device")

Memberships = dict[str, tuple[tuple[str, Split], ...]]


def fits(root: Path) -> bool:
    """Return whether Data/ lies beside a list of metas/intra_test/."""
    above = _above(root)
    return above is not None and (root / above / "Data").is_dir()


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the pictures of intra_test, then those that only the other protocols name.

    The split is that of intra_test; attributes such as protocol1 or protocol2-high hold the others.
    """
    return layout.of_split(_samples(root), split)


def _above(root: Path) -> str | None:
    lists = (f"metas/{MAIN}/{split}_label.json" for split in SPLITS)
    names = [f"{above}{name}" for name in lists for above in ABOVE]
    found = next((name for name in names if (root / name).exists()), None)
    return None if found is None else found.partition("metas/")[0]


def _protocols(root: Path, above: str) -> Iterator[tuple[str, Split, Path]]:
    """Yield (attribute, split, list) of every protocol but the main one."""
    places = {"protocol1": "protocol1"}
    for folder in layout.folders(root / above / "metas" / "protocol2"):
        named = DEVICE.fullmatch(folder)
        places[f"protocol2-{named[1] if named else folder}"] = f"protocol2/{folder}"
    for name, folder in places.items():
        for split in SPLITS:
            path = root / above / "metas" / folder / f"{split}_label.json"
            if path.exists():
                yield name, split, path


def _samples(root: Path) -> Iterator[Sample]:
    above = _above(root)
    if above is None:
        what = "train_label.json and test_label.json are missing; they hold the labels"
        raise layout.wrong(root / "metas" / MAIN, None, what)
    others: Memberships = {}
    for name, split, path in _protocols(root, above):
        for _, picture, _ in layout.members(path):
            others[picture] = (*others.get(picture, ()), (name, split))
    seen: dict[str, Split] = {}
    for split in SPLITS:
        path = root / above / "metas" / MAIN / f"{split}_label.json"
        for number, picture, said in layout.members(path) if path.exists() else ():
            if seen.setdefault(picture, split) != split:
                raise layout.wrong(path, number, f"{picture} is in {seen[picture]} too")
            facts = _facts(path, number, picture, said)
            yield _sample(root / above, picture, split, facts | dict(others.pop(picture, ())))
    for _, _, path in _protocols(root, above):
        for number, picture, said in layout.members(path):
            if picture in others:
                facts = _facts(path, number, picture, said)
                yield _sample(root / above, picture, "", facts | dict(others.pop(picture)))


def _facts(path: Path, number: int, picture: str, said: Any) -> dict[str, str]:
    """Return the attributes of a picture after checking that all sources of its label agree."""
    folder = picture.replace("\\", "/").split("/")[-2:][0]
    if folder not in FOLDERS:
        raise layout.wrong(path, number, f"{picture:.80} is neither in live/ nor in spoof/")
    if not isinstance(said, list) or len(said) < NUMBERS or not _are_codes(said):
        what = f"{NUMBERS} whole numbers are expected, the last four within their codes"
        raise layout.wrong(path, number, f"{picture:.80}: {what}; fetch the list again")
    label = FOLDERS[folder]
    if said[LABEL] != label or bool(said[KIND]) != bool(label):
        what = f"lies in {folder}/ but has label {said[LABEL]} and kind {said[KIND]}; 1 is spoof"
        raise layout.wrong(path, number, f"{picture:.80} {what}")
    if not label:
        return {"apparent-gender": GENDERS[said[MALE]]} if said[MALE] in GENDERS else {}
    return {
        "attack": KINDS[said[KIND]],
        "illumination": LIGHTS[said[LIGHT]],
        "environment": PLACES[said[PLACE]],
    }


def _are_codes(said: list[Any]) -> bool:
    codes = ((KIND, KINDS), (LIGHT, LIGHTS), (PLACE, PLACES), (LABEL, FOLDERS))
    is_known = (type(said[n]) is int and 0 <= said[n] < len(known) for n, known in codes)
    return all(is_known) and isinstance(said[MALE], int)


def _sample(root: Path, picture: str, split: Split, facts: dict[str, str]) -> Sample:
    path = layout.readable(picture.replace("\\", "/"))
    parts = path.split("/")
    return Sample(
        id=path,
        uri=str(root / path),
        kind="image",
        label=FOLDERS[parts[-2]],
        generator=facts.get("attack", ""),
        identity=parts[-3] if len(parts) > 2 else "",
        split=split,
        licence=CARD.licence,
        attributes=facts,
    )


def fake(root: Path) -> None:
    """Write four people with a live picture and two attacks each, and two more protocols."""
    mini = Miniature(root)
    labels: dict[str, dict[str, list[int]]] = {split: {} for split in SPLITS}
    for person in range(4):
        split = SPLITS[person // 2]
        for n, folder in enumerate(("live", "spoof", "spoof")):
            path = f"Data/{split}/{person + 1}/{folder}/{n:06d}.{'jpg' if n else 'png'}"
            codes = [3 * n + person - 2, 1 + person, n, 1] if n else [0] * 4
            labels[split][path] = [person % 2 * (not n)] * KIND + codes
            mini.picture(path, forged=bool(n))
            mini.text(f"{path.rpartition('.')[0]}_BB.txt", "56 56 112 112 0.99")
    for folder in (MAIN, "protocol1", "protocol2/test_on_high_quality_device"):
        for split in SPLITS:
            mini.json(f"metas/{folder}/{split}_label.json", labels[split])
