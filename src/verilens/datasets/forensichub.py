"""ForensicHub and IMDL-BenCo: pictures with labels or masks, listed in JSON or paired in folders.

[{"path": "a.jpg", "label": 1}, ...]              whole pictures, 1 is generated
[["./Tp/6.jpg", "./Gt/6.jpg"], ["b.jpg", "Negative"], ...]    edited pictures with masks
Tp/ and Gt/                                        the same without a list, by sorted order
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
    name="forensichub",
    title="ForensicHub and IMDL-BenCo lists",
    summary="pictures with labels or pixel masks, in JSON lists or folders Tp and Gt",
    tasks=("ai-image", "localize"),
    layout="[<set>/]*.json with label objects or [picture, mask or 'Negative'] pairs; or "
    "[<set>/]{Tp,Gt}/*",
    paper="arXiv:2505.11003",
    licence="CC BY 4.0 for the lists; each set's own terms for the pictures",
    access="https://github.com/scu-zjz/ForensicHub and each set's own page",
    consent="depends on the listed set; see its page",
    year=2025,
    traps=(
        "folders pair Tp with Gt by sorted order only: counts that differ are an error here",
        "a picture without a mask is 'Negative': genuine, with nothing to localize",
    ),
    uncertain=("a list whose name contains train, val or test gives its samples that split",),
)

NEGATIVE = "Negative"
# A label object, or a pair whose first member is a picture.
START = re.compile(rb'\[(\{"(path|label)"|\["[^"]+\.(png|jpe?g|tiff?|bmp|webp)",)', re.IGNORECASE)


def fits(root: Path) -> bool:
    """Return whether there is a list of that form, or Tp/ beside Gt/."""
    return any(_has_pairs(root / above) or _lists(root / above) for above in _sets(root))


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield set after set; lists before folders."""
    return layout.of_split(_samples(root), split)


def _sets(root: Path) -> list[str]:
    return ["", *(f"{name}/" for name in layout.folders(root))]


def _has_pairs(path: Path) -> bool:
    return (path / "Tp").is_dir() and (path / "Gt").is_dir()


def _lists(path: Path) -> list[str]:
    """Return the names of the JSON files that hold a list of one of the two forms."""
    return [name for name in layout.files(path, (".json",)) if _starts_well(path / name)]


def _starts_well(path: Path) -> bool:
    """Return whether a file begins like a list; only its first bytes are read."""
    with path.open("rb") as file:
        start = b"".join(file.read(400).split())
    return START.match(start) is not None


def _samples(root: Path) -> Iterator[Sample]:
    for above in _sets(root):
        lists = _lists(root / above)
        for name in lists:
            yield from _listed(root, above, name)
        if not lists and _has_pairs(root / above):
            yield from _paired(root, above)


def _listed(root: Path, above: str, name: str) -> Iterator[Sample]:
    path = root / above / name
    for number, item in enumerate(layout.read_json(path), 1):
        match item:
            case {"path": str(picture), "label": 0 | 1 as label}:
                yield _sample(root, above, (picture, ""), int(label), _split(name))
            case [str(picture), str(mask)]:
                masked = "" if mask == NEGATIVE else mask
                yield _sample(root, above, (picture, masked), int(bool(masked)), _split(name))
            case _:
                what = (
                    f'entry {number}, {str(item)[:60]}, is neither {{"path", "label"}} nor a pair'
                )
                raise layout.wrong(path, None, what)


def _paired(root: Path, above: str) -> Iterator[Sample]:
    pictures = layout.files(root / above / "Tp", layout.PICTURES)
    masks = layout.files(root / above / "Gt", layout.PICTURES)
    if len(pictures) != len(masks):
        what = f"{len(pictures)} pictures in Tp, {len(masks)} masks in Gt; they pair by order"
        raise layout.wrong(root / above, None, what)
    for picture, mask in zip(pictures, masks, strict=True):
        yield _sample(root, above, (f"Tp/{picture}", f"Gt/{mask}"), 1, "")


def _split(name: str) -> Split:
    plain = name.lower()
    words: tuple[Split, ...] = ("train", "val", "test")
    return next((word for word in words if word in plain), "")


def _sample(root: Path, above: str, files: tuple[str, str], label: int, split: Split) -> Sample:
    picture, mask = (_below(name) for name in files)
    facts: dict[str, Any] = {"set": above.rstrip("/")} if above else {}
    return Sample(
        id=f"{above}{picture}" if not Path(picture).is_absolute() else picture.lstrip("/"),
        uri=str(root / above / picture),
        kind="image",
        label=label,
        generator="edited" if mask else ("generated" if label else ""),
        split=split,
        mask=str(root / above / mask) if mask else "",
        licence=CARD.licence,
        attributes=facts,
    )


def _below(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def fake(root: Path) -> None:
    """Write a set with masks in folders, one with a list of pairs, and one with labels."""
    mini = Miniature(root)
    for n in range(3):
        mini.picture(f"CASIA/Tp/{n}.jpg", forged=True)
        mini.mask(f"CASIA/Gt/{n}.png")
        mini.picture(f"IMD/Tp/{n}.png", forged=True)
        mini.mask(f"IMD/Gt/{n}.png")
        mini.picture(f"IMD/Au/{n}.png")
        mini.picture(f"AIGC/real/{n}.jpg")
        mini.picture(f"AIGC/fake/{n}.png", forged=True)
    pairs = [[f"./Tp/{n}.png", f"./Gt/{n}.png"] for n in range(3)]
    mini.json("IMD/IMD.json", [*pairs, *([f"./Au/{n}.png", NEGATIVE] for n in range(3))])
    for part, numbers in (("train", (0, 1)), ("test", (2,))):
        listed = [{"path": f"real/{n}.jpg", "label": 0} for n in numbers]
        listed += [{"path": f"fake/{n}.png", "label": 1} for n in numbers]
        mini.json(f"AIGC/{part}.json", listed)
