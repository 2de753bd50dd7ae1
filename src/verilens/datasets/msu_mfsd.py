"""MSU-MFSD: prints and replays of 35 people before a telephone and a laptop.

A file is called {real,attack}_client<person>_<camera>_SD[_<attack>]_scene01. Two lists of persons
say who trains and who tests.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="msu-mfsd",
    title="MSU-MFSD",
    summary="prints and replays of 35 people before an Android telephone and a laptop",
    tasks=("spoof",),
    layout="scene01/{real,attack}/<name>.{mp4,mov} (or frames/<video>/ below these), "
    "train_sub_list.txt, test_sub_list.txt",
    paper="doi:10.1109/TIFS.2015.2400395",
    licence="MSU-MFSD agreement: research",
    access="on request at Michigan State University",
    consent="volunteers recorded for the set",
    year=2015,
    genuine=70,
    fake=210,
    traps=(
        "the lists write persons with two digits, the files with three: they are compared as "
        "numbers",
        "there is no development part: hold out people of the training part for the threshold",
        "a camera fixes the container (telephone mp4, laptop mov), not the class; a few laptop "
        "recordings are damaged",
    ),
    uncertain=("the public part has 35 of the 55 people recorded",),
)

LISTS: dict[Split, str] = {"train": "train_sub_list.txt", "test": "test_sub_list.txt"}
FOLDERS = {"real": 0, "attack": 1}
NAME = re.compile(
    r"(real|attack)_client(\d{3})_(android|laptop)_SD"
    r"(?:_(ipad_video|iphone_video|printed_photo))?_scene01"
)


def fits(root: Path) -> bool:
    """Return whether scene01/ holds a folder of videos."""
    return any((root / "scene01" / name).is_dir() for name in FOLDERS)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield genuine videos, then attacks; persons in no list have no split."""
    return layout.of_split(_samples(root), split)


def persons(root: Path) -> dict[int, Split]:
    """Return the split of each person; DatasetError when somebody is in both lists."""
    found: dict[int, Split] = {}
    for split, name in LISTS.items():
        path = root / name
        if not path.exists():
            raise layout.wrong(path, None, "missing; it says who is in which split")
        for number, line in layout.lines(path):
            for word in line.split():
                if not (word.isascii() and word.isdigit() and len(word) <= 3):
                    raise layout.wrong(path, number, f"'{word:.40}' is no number of a person")
                if found.setdefault(int(word), split) != split:
                    what = f"person {word} is in {found[int(word)]} too; fetch the lists again"
                    raise layout.wrong(path, number, what)
    return found


def _samples(root: Path) -> Iterator[Sample]:
    splits = persons(root)
    for folder in FOLDERS:
        for clip in layout.clips(root, f"scene01/{folder}"):
            named = NAME.fullmatch(clip.name)
            if named is None or named[1] != folder or (named[4] is None) != (folder == "real"):
                what = f"is no name of a video in {folder}/; move it away"
                raise layout.wrong(root / clip.path, None, what)
            yield _sample(root, clip, named, splits.get(int(named[2]), ""))


def _sample(root: Path, clip: layout.Clip, named: re.Match[str], split: Split) -> Sample:
    attack = (named[4] or "").replace("_", "-")
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=FOLDERS[named[1]],
        generator=attack,
        identity=named[2],
        split=split,
        frames=clip.frames,
        licence=CARD.licence,
        attributes={"camera": named[3], "access": attack or "genuine"},
    )


def fake(root: Path) -> None:
    """Write two people a split before both cameras, genuine and attacked."""
    mini = Miniature(root)
    for n, (split, name) in enumerate(LISTS.items()):
        people = (2 * n + 1, 2 * n + 2)
        mini.text(name, *(f"{person:02d}" for person in people))
        for person in people:
            camera, suffix = (("android", "mp4"), ("laptop", "mov"))[person % 2]
            mini.video(f"scene01/real/real_client{person:03d}_{camera}_SD_scene01.{suffix}")
            for attack in ("printed_photo", "ipad_video" if split == "train" else "iphone_video"):
                file = f"attack_client{person:03d}_{camera}_SD_{attack}_scene01.{suffix}"
                mini.video(f"scene01/attack/{file}", forged=True)
