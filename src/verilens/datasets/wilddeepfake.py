"""WildDeepfake: face sequences cut from deepfake videos of the internet, stored as pictures.

Four folders say class and split; below them lie the unpacked archives, one a video, and in these
a folder real/ or fake/ with the sequences.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="wilddeepfake",
    title="WildDeepfake",
    summary="7,314 face sequences from 707 deepfake videos found on the internet",
    tasks=("face-forgery",),
    layout="{real,fake}_{train,test}/<video>/[{real,fake}/]<sequence>/*.png, archives "
    "unpacked; the folder deepfake_in_the_wild/ around them may be the root or below it",
    paper="arXiv:2101.01456",
    licence="research only, see the authors' form",
    access="a form at https://github.com/OpenTAI/wild-deepfake",
    consent="videos of the internet without the consent of the people shown",
    year=2020,
    genuine=3805,
    fake=3509,
    traps=(
        "the parent folder's name holds the word deepfake: labels come from the four folders only",
        "sequences of one video share a source: frames must not be split at random",
    ),
    uncertain=("archives are taken to be one video each; their number is used as source",),
)

FOLDERS: dict[str, tuple[int, Split]] = {
    "real_train": (0, "train"),
    "real_test": (0, "test"),
    "fake_train": (1, "train"),
    "fake_test": (1, "test"),
}
WORDS = {"real": 0, "fake": 1}
ABOVE = "deepfake_in_the_wild"


def fits(root: Path) -> bool:
    """Return whether two of the four folders are there."""
    return sum((root / below / name).is_dir() for below in ("", ABOVE) for name in FOLDERS) >= 2


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield the sequences of the four folders."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    for above in ("", f"{ABOVE}/"):
        for folder, (label, split) in FOLDERS.items():
            for below, names in layout.walk(root / f"{above}{folder}", layout.PICTURES):
                path = f"{above}{folder}/{below}".rstrip("/")
                _check(root / path, below.split("/"), label)
                yield Sample(
                    id=path,
                    uri=str(root / path),
                    kind="frames",
                    label=label,
                    generator="in-the-wild" if label else "",
                    source=f"{folder}/{below.split('/')[0]}",
                    split=split,
                    frames=tuple(names),
                    licence=CARD.licence,
                    attributes={"sequence": below.rsplit("/", 1)[-1]},
                )


def _check(path: Path, parts: list[str], label: int) -> None:
    """DatasetError when a folder real/ or fake/ on the way contradicts the one at the top."""
    if any(WORDS.get(part, label) != label for part in parts[:-1]):
        what = "real/ and fake/ contradict each other on this path; unpack the archive again"
        raise layout.wrong(path, None, what)


def fake(root: Path) -> None:
    """Write two sequences of one video in each of the four folders."""
    mini = Miniature(root)
    for n, (folder, (label, _)) in enumerate(FOLDERS.items()):
        word = "fake" if label else "real"
        for sequence in ("0", "1"):
            mini.frames(f"{folder}/{n}/{word}/{sequence}", forged=bool(label))
