"""OULU-NPU: prints and replays in front of six telephones, with four protocols.

A video is called <phone>_<session>_<person>_<file>; the last digit says what it shows: 1 genuine,
2 and 3 printed by one of two printers, 4 and 5 shown on one of two displays. Persons 1-20 train,
21-35 develop and 36-55 test. The protocols differ in what the test has that training has not.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="oulu-npu",
    title="OULU-NPU",
    summary="prints and replays of 55 people before six telephones in three sessions",
    tasks=("spoof",),
    layout="{Train,Dev,Test}_files/<phone>_<session>_<person>_<file>.avi (or frames/<video>/), "
    "Protocols/Protocol_{1,2}/{Train,Dev,Test}.txt, "
    "Protocols/Protocol_{3,4}/{Train,Dev,Test}_{1..6}.txt",
    paper="doi:10.1109/FG.2017.77",
    licence="OULU-NPU agreement: research",
    access="https://sites.google.com/site/oulunpudatabase after signing an agreement",
    consent="volunteers recorded for the set",
    year=2017,
    genuine=990,
    fake=3960,
    traps=(
        "the lists say +1 for genuine and -1 or -2 for attacks: the label is read from the file's "
        "name, and the list must agree",
        "protocols 3 and 4 are means over six folds, one a phone: attributes protocol-3-1 to "
        "protocol-4-6 hold the split in each, protocol-1 and protocol-2 that of the others",
        "the threshold is chosen on Dev, never on Test",
    ),
    uncertain=(
        "the counts are those of the public set; the paper counts 5,940 videos",
        "which digits are which printer and display, and the sign -2, are second-hand",
    ),
)

FOLDERS: dict[Split, str] = {"train": "Train", "val": "Dev", "test": "Test"}
PERSONS: dict[Split, range] = {"train": range(1, 21), "val": range(21, 36), "test": range(36, 56)}
NAME = re.compile(r"([1-6])_([1-3])_(\d\d)_([1-5])")
LIST = re.compile(r"(Train|Dev|Test)(?:_([1-6]))?\.txt")
ACCESS = {"1": "genuine", "2": "print-1", "3": "print-2", "4": "replay-1", "5": "replay-2"}
PROTOCOLS = ("1", "2", "3", "4")


def fits(root: Path) -> bool:
    """Return whether one of the three folders of videos is there."""
    return any((root / f"{part}_files").is_dir() for part in FOLDERS.values())


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the videos of the three parts, then those that only the protocols name."""
    return layout.of_split(_samples(root), split)


def split_of(name: str) -> Split:
    """Return the part a video belongs to by its person; "" when the name is none of the set's."""
    named = NAME.fullmatch(name)
    person = int(named[3]) if named else 0
    return next((split for split, known in PERSONS.items() if person in known), "")


def protocols(root: Path) -> dict[str, dict[str, str]]:
    """Return {video: {"protocol-1": "train", ...}}; DatasetError names the line that is wrong."""
    found: dict[str, dict[str, str]] = {}
    splits: dict[str, Split] = {folder: split for split, folder in FOLDERS.items()}
    for protocol in PROTOCOLS:
        above = root / "Protocols" / f"Protocol_{protocol}"
        for name in layout.files(above, (".txt",)):
            if (listed := LIST.fullmatch(name)) is None:
                continue
            key = f"protocol-{protocol}" + (f"-{listed[2]}" if listed[2] else "")
            for number, line in layout.lines(above / name):
                video = _video(above / name, number, line, splits[listed[1]])
                found.setdefault(video, {})[key] = splits[listed[1]]
    return found


def _video(path: Path, number: int, line: str, split: Split) -> str:
    """Return the video of a line '<sign>,<name>' after checking its sign and its person."""
    sign, _, name = (part.strip() for part in line.partition(","))
    named = NAME.fullmatch(name)
    if named is None or sign not in ("+1", "-1", "-2"):
        what = f"'{line:.40}' is not <+1, -1 or -2>,<phone>_<session>_<person>_<file>"
        raise layout.wrong(path, number, what)
    if (sign == "+1") != (named[4] == "1"):
        raise layout.wrong(path, number, f"{name} shows {ACCESS[named[4]]}, but its sign is {sign}")
    if split_of(name) != split:
        what = f"person {named[3]} belongs to {split_of(name) or 'nobody'}, not to {split}"
        raise layout.wrong(path, number, f"{what}; fetch the protocols again")
    return name


def _samples(root: Path) -> Iterator[Sample]:
    listed = protocols(root)
    for folder in FOLDERS.values():
        for clip in layout.clips(root, f"{folder}_files"):
            if not split_of(clip.name):
                what = "is not called <phone>_<session>_<person>_<file>; move it away"
                raise layout.wrong(root / clip.path, None, what)
            yield _sample(root, clip, listed.pop(clip.name, {}))
    for name in sorted(listed):
        path = f"{FOLDERS[split_of(name)]}_files/{name}.avi"
        yield _sample(root, layout.Clip(name, path, "video"), listed[name])


def _sample(root: Path, clip: layout.Clip, memberships: dict[str, str]) -> Sample:
    phone, session, person, file = clip.name.split("_")
    facts = {"phone": phone, "session": session, "access": ACCESS[file]}
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=int(file != "1"),
        generator="" if file == "1" else ACCESS[file],
        identity=person,
        split=split_of(clip.name),
        frames=clip.frames,
        licence=CARD.licence,
        attributes=facts | memberships,
    )


def fake(root: Path) -> None:
    """Write one person a part before two phones: genuine, printed and replayed; all protocols."""
    mini = Miniature(root)
    for split, folder in FOLDERS.items():
        person = PERSONS[split][0]
        names = [f"{phone}_1_{person:02d}_{file}" for phone in (1, 2) for file in (1, 2, 4)]
        signs = {"1": "+1", "2": "-1", "4": "-2" if split == "test" else "-1"}
        lines = [f"{signs[name[-1]]},{name}" for name in names]
        for name in names:
            mini.video(f"{folder}_files/{name}.avi", forged=not name.endswith("_1"))
        for protocol, fold in (("1", ""), ("2", ""), ("3", "_1"), ("4", "_1")):
            left_out = [ln for ln in lines if not fold or (",1_" in ln) == (split == "test")]
            mini.text(f"Protocols/Protocol_{protocol}/{folder}{fold}.txt", *left_out)
