"""CASIA-FASD: twelve videos of each of 50 people, genuine, printed, cut out and replayed.

The name of a file says what it shows: 1, 2 and HR_1 are genuine, 3, 4 and HR_2 a bent print, 5, 6
and HR_3 a print with holes for the eyes, 7, 8 and HR_4 a replay.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="casia-fasd",
    title="CASIA-FASD",
    summary="prints, cut prints and replays of 50 people in three qualities",
    tasks=("spoof",),
    layout="[{train,test}/]{train,test}_release/<person>/{1..8,HR_1..HR_4}.avi "
    "(or frames/<video>/ below a person)",
    paper="doi:10.1109/ICB.2012.6199754",
    licence="CASIA-FASD agreement: research",
    access="on request at the Chinese Academy of Sciences, Institute of Automation",
    consent="volunteers recorded for the set",
    year=2012,
    genuine=150,
    fake=450,
    traps=(
        "numbers of persons start again in the test part: person 1 there is somebody else",
        "readers that take HR_4 for genuine train on replays; only 1, 2 and HR_1 are",
        "there is no development part: hold out people of the training part for the threshold",
    ),
    uncertain=(
        "which digits are low and which normal quality: here 1, 3, 5, 7 are called normal, the "
        "others low, as a public reader does",
    ),
)

PARTS: dict[str, Split] = {"train": "train", "test": "test"}
SHOWS = ("genuine", "warped-print", "cut-print", "replay")
NAMES = {str(2 * n + k + 1): (SHOWS[n], ("normal", "low")[k]) for n in range(4) for k in range(2)}
NAMES |= {f"HR_{n + 1}": (SHOWS[n], "high") for n in range(4)}


def fits(root: Path) -> bool:
    """Return whether train_release or test_release is there."""
    return next(_folders(root), None) is not None


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield part after part, person after person."""
    return layout.of_split(_samples(root), split)


def _folders(root: Path) -> Iterator[tuple[str, Split]]:
    for part, split in PARTS.items():
        tried = (f"{part}_release", f"{part}/{part}_release")
        found = next((name for name in tried if (root / name).is_dir()), None)
        if found:
            yield found, split


def _samples(root: Path) -> Iterator[Sample]:
    for folder, split in _folders(root):
        for person in sorted(layout.folders(root / folder), key=layout.natural):
            for clip in layout.clips(root, f"{folder}/{person}"):
                if clip.name not in NAMES:
                    what = f"is none of {', '.join(NAMES)}; move it away"
                    raise layout.wrong(root / clip.path, None, what)
                yield _sample(root, clip, f"{split}/{person}", split)


def _sample(root: Path, clip: layout.Clip, person: str, split: Split) -> Sample:
    shows, quality = NAMES[clip.name]
    return Sample(
        id=clip.path,
        uri=str(root / clip.path),
        kind=clip.kind,
        label=int(shows != "genuine"),
        generator="" if shows == "genuine" else shows,
        identity=person,
        split=split,
        frames=clip.frames,
        licence=CARD.licence,
        attributes={"access": shows, "quality": quality},
    )


def fake(root: Path) -> None:
    """Write a person a part with six of the twelve videos."""
    mini = Miniature(root)
    for part in PARTS:
        for name in ("1", "HR_1", "3", "HR_3", "8", "HR_4"):
            mini.video(f"{part}_release/1/{name}.avi", forged=name not in ("1", "HR_1"))
