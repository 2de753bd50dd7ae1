"""Celeb-DF, versions 1 and 2: celebrities on YouTube and faces swapped among them.

The list of test videos carries a digit whose meaning is the opposite of everyone else's, so labels
come from the folder only. What the list does not name is training material.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="celeb-df",
    title="Celeb-DF v1 and v2",
    summary="face swaps among celebrities with few visible flaws",
    tasks=("face-forgery",),
    layout="Celeb-real/*.mp4, YouTube-real/*.mp4, Celeb-synthesis/*.mp4 (or videos/, frames/ below "
    "each), List_of_testing_videos.txt with lines '<digit> <folder>/<file>.mp4'",
    paper="arXiv:1909.12962",
    licence="Celeb-DF terms of use: non-commercial research",
    access="a form at https://github.com/yuezunli/celeb-deepfakeforensics",
    consent="interviews from YouTube, without the consent of the people shown",
    year=2020,
    genuine=890,
    fake=5639,
    traps=(
        "the digit of the test list says 1 for real: the label is read from the folder, the digit "
        "is kept as attribute list_digit",
        "evaluators that train on every folder train on the test videos: listed ones are test only",
        "test and training videos show the same celebrities; the official list is kept",
    ),
    uncertain=("the counts are those of version 2; both versions share the layout",),
)

LIST = "List_of_testing_videos.txt"
GENUINE = ("Celeb-real", "YouTube-real", "Youtube-real")
FORGED = ("Celeb-synthesis",)
NAME = re.compile(r"(id\d+)(?:_(id\d+))?_(\d+)")  # id0_0000 is real, id0_id1_0000 shows id1


def fits(root: Path) -> bool:
    """Return whether the folder of forged videos and one of genuine ones are there."""
    return (root / FORGED[0]).is_dir() and any((root / name).is_dir() for name in GENUINE)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the genuine folders, then the forged one; listed but missing files come last."""
    return layout.of_split(_samples(root), split)


def tested(root: Path) -> dict[tuple[str, str], str]:
    """Return the digit of each (folder, video name) of the official test list.

    DatasetError when the list is missing, since its videos would then be trained on, or when a line
    is not '<digit> <folder>/<file>'.
    """
    path = root / LIST
    if not path.exists():
        raise layout.wrong(path, None, "missing; without it test videos cannot be kept apart")
    found: dict[tuple[str, str], str] = {}
    for number, line in layout.lines(path):
        fields = line.split()
        folder, _, name = fields[-1].replace("\\", "/").rpartition("/")
        if len(fields) != 2 or fields[0] not in ("0", "1") or folder not in GENUINE + FORGED:
            what = f"'<0 or 1> <folder>/<file>' is expected, with a folder of {GENUINE + FORGED}"
            raise layout.wrong(path, number, what)
        if (folder, layout.stem(name)) in found:
            raise layout.wrong(path, number, f"{fields[1]} is listed twice; delete one line")
        found[folder, layout.stem(name)] = fields[0]
    return found


def _samples(root: Path) -> Iterator[Sample]:
    listed = tested(root)
    there = layout.folders(root)
    for folder in (name for name in GENUINE + FORGED if name in there):
        for clip in layout.clips(root, folder):
            yield _sample(root, folder, clip, listed.pop((folder, clip.name), ""))
    for (folder, name), digit in listed.items():
        clip = layout.Clip(name, f"{folder}/{name}.mp4", "video")
        yield _sample(root, folder, clip, digit)


def _sample(root: Path, folder: str, clip: layout.Clip, digit: str) -> Sample:
    is_fake = folder in FORGED
    named = NAME.fullmatch(clip.name)
    target, donor, take = named.groups() if named else ("", None, "")
    facts = {"folder": folder, "video": clip.name} | ({"list_digit": digit} if digit else {})
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=int(is_fake),
        generator="Celeb-synthesis" if is_fake else "",
        source=f"{target}_{take}" if named else f"{folder}/{clip.name}",
        identity=donor or target,
        split="test" if digit else "train",
        frames=clip.frames,
        licence=CARD.licence,
        attributes=facts,
    )


def fake(root: Path) -> None:
    """Write two takes of each folder and a list with one of each."""
    mini = Miniature(root)
    for take in ("0000", "0001"):
        mini.video(f"Celeb-real/id0_{take}.mp4")
        mini.video(f"Celeb-real/id1_{take}.mp4")
        mini.video(f"Celeb-synthesis/id0_id1_{take}.mp4", forged=True)
        mini.video(f"Celeb-synthesis/id1_id0_{take}.mp4", forged=True)
    for name in ("00000", "00001"):
        mini.video(f"YouTube-real/{name}.mp4")
    genuine = ("1 Celeb-real/id0_0001.mp4", "1 Celeb-real/id1_0001.mp4", "1 YouTube-real/00001.mp4")
    forged = ("0 Celeb-synthesis/id0_id1_0001.mp4", "0 Celeb-synthesis/id1_id0_0001.mp4")
    mini.text(LIST, *genuine, *forged)
