"""Replay-Attack: prints and replays of 50 people before a laptop, held by hand or on a stand.

{train,devel,test}/real/client001_session01_webcam_authenticate_adverse_1.mov
{train,devel,test}/attack/{fixed,hand}/attack_print_client001_session01_highdef_photo_adverse.mov
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="replay-attack",
    title="Replay-Attack",
    summary="photos and videos of 50 people printed and replayed before a laptop",
    tasks=("spoof",),
    layout="{train,devel,test}/{real,attack/{fixed,hand}}/<name>.mov (or frames/<video>/ below)",
    paper="https://www.idiap.ch/en/scientific-research/data/replayattack",
    licence="Idiap's end user licence agreement: research",
    access="https://www.idiap.ch/en/scientific-research/data/replayattack",
    consent="volunteers recorded for the set",
    year=2012,
    genuine=200,
    fake=1000,
    traps=(
        "the same file name lies in fixed/ and in hand/: names alone are not unique",
        "the folder enroll/ is for face verification and left out",
        "the threshold is chosen on devel, never on test; nobody is in two parts",
    ),
)

PARTS: dict[str, Split] = {"train": "train", "devel": "val", "test": "test"}
REAL = re.compile(r"client(\d{3})_session(\d\d)_webcam_authenticate_(adverse|controlled)_(\d+)")
ATTACK = re.compile(
    r"attack_(print|mobile|highdef)_client(\d{3})_session(\d\d)_(?:highdef|mobile)_(photo|video)"
    r"_(adverse|controlled)"
)
SUPPORTS = ("fixed", "hand")


def fits(root: Path) -> bool:
    """Return whether a part holds a folder of attacks with a support."""
    return any(
        (root / part / "attack" / support).is_dir() for part in PARTS for support in SUPPORTS
    )


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield part after part: genuine videos, attacks on a stand, attacks in a hand."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    people: dict[str, str] = {}
    for part, split in PARTS.items():
        folders = [f"{part}/real", *(f"{part}/attack/{support}" for support in SUPPORTS)]
        for folder in folders:
            for clip in layout.clips(root, folder):
                facts = _facts(root / clip.path, clip.name, folder)
                person = facts.pop("person")
                if people.setdefault(person, part) != part:
                    what = f"client {person} is in {people[person]}/ too; fetch the set again"
                    raise layout.wrong(root / clip.path, None, what)
                yield _sample(root, clip, (person, split), facts)


def _facts(path: Path, name: str, folder: str) -> dict[str, str]:
    """Return what a file's name and folder say; DatasetError when they do not fit."""
    if folder.endswith("/real") and (named := REAL.fullmatch(name)):
        return {"person": named[1], "session": named[2], "light": named[3], "access": "genuine"}
    if not folder.endswith("/real") and (named := ATTACK.fullmatch(name)):
        return {
            "person": named[2],
            "session": named[3],
            "light": named[5],
            "access": f"{named[1]}-{named[4]}",
            "support": folder.rpartition("/")[2],
        }
    raise layout.wrong(path, None, f"is no name of a video in {folder}/; move it away")


def _sample(
    root: Path, clip: layout.Clip, whose: tuple[str, Split], facts: dict[str, str]
) -> Sample:
    person, split = whose
    is_attack = facts["access"] != "genuine"
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=int(is_attack),
        generator=facts["access"] if is_attack else "",
        identity=person,
        split=split,
        frames=clip.frames,
        licence=CARD.licence,
        attributes=facts,
    )


def fake(root: Path) -> None:
    """Write a client a part: genuine, a print on a stand and in a hand, and a replay."""
    mini = Miniature(root)
    for n, part in enumerate(PARTS, 1):
        client = f"client{n:03d}_session01"
        for light in ("adverse", "controlled"):
            mini.video(f"{part}/real/{client}_webcam_authenticate_{light}_1.mov")
            printed = f"attack_print_{client}_highdef_photo_{light}.mov"
            for support in SUPPORTS:
                mini.video(f"{part}/attack/{support}/{printed}", forged=True)
        replayed = f"attack_mobile_{client}_mobile_video_adverse.mov"
        mini.video(f"{part}/attack/hand/{replayed}", forged=True)
