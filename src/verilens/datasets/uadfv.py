"""UADFV: 49 YouTube videos and their 49 face swaps by FakeApp; no splits.

A fake keeps the number of the video it was made from: fake/0000_fake.mp4 and real/0000.mp4.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="uadfv",
    title="UADFV",
    summary="49 videos and their face swaps, one of the first sets of its kind",
    tasks=("face-forgery",),
    layout="real/NNNN.mp4, fake/NNNN_fake.mp4 (or frames/<video>/ below each)",
    paper="arXiv:1811.00661",
    licence="on request to the authors, research only",
    access="a form linked from the pages of DeepfakeBench and of the authors",
    consent="YouTube videos without the consent of the people shown",
    year=2018,
    genuine=49,
    fake=49,
    traps=(
        "peers put every video into train, val and test at once: here no sample has a split",
        "the swap of a video shares its background: split by source, never by file",
    ),
)

FOLDERS = {"real": 0, "fake": 1}
MARK = "_fake"


def fits(root: Path) -> bool:
    """Return whether fake/ holds videos whose names end in _fake, beside a folder real/."""
    fakes = next((clip for clip in layout.clips(root, "fake")), None)
    return (root / "real").is_dir() and fakes is not None and fakes.name.endswith(MARK)


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the genuine videos, then the fakes."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    for folder, label in FOLDERS.items():
        for clip in layout.clips(root, folder):
            yield Sample(
                id=clip.path,
                uri=str(root / clip.path),
                kind=clip.kind,
                label=label,
                generator="FakeApp" if label else "",
                source=clip.name.removesuffix(MARK),
                frames=clip.frames,
                licence=CARD.licence,
                attributes={"video": clip.name},
            )


def fake(root: Path) -> None:
    """Write three videos and their fakes."""
    mini = Miniature(root)
    for number in ("0000", "0001", "0002"):
        mini.video(f"real/{number}.mp4")
        mini.video(f"fake/{number}{MARK}.mp4", forged=True)
