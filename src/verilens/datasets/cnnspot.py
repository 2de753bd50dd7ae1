"""Folders 0_real and 1_fake: ForenSynths, AIGCDetectBenchmark and UniversalFakeDetect.

A generator's folder holds the two classes, or one folder a class of objects that does. With a
folder train, val or test above them, that is the split; without, everything is for testing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="cnnspot",
    title="ForenSynths / AIGCDetectBenchmark / UniversalFakeDetect folders",
    summary="generators as folders of 0_real and 1_fake, trained on ProGAN",
    tasks=("ai-image",),
    layout="[{train,val,test}/]<generator>/[<class>/]{0_real,1_fake}/*",
    paper="arXiv:1912.11035",
    licence="each generator's own; research only where nothing is said",
    access="links in the repositories CNNDetection, AIGCDetectBenchmark and UniversalFakeDetect",
    consent="pictures from public sets, without the consent of people who may be shown",
    year=2020,
    traps=(
        "without a split folder everything is test: train is ProGAN's own folder",
        "genuine pictures differ by generator; a generator is tested against its own (attribute "
        "set)",
    ),
    uncertain=("counts differ by release and are not stated here",),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
CLASSES = {"0_real": 0, "1_fake": 1}
ALONE: list[tuple[str, Split]] = [("", "test")]  # without split folders


class Folder(NamedTuple):
    """Where the two classes lie. path: below the root."""

    path: str
    generator: str
    objects: str
    split: Split


def fits(root: Path) -> bool:
    """Return whether 0_real and 1_fake lie together at one of the usual depths."""
    return next(_folders(root), None) is not None


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield split after split, generator after generator, genuine before generated."""
    return layout.of_split(_samples(root), split)


def _folders(root: Path) -> Iterator[Folder]:
    places: list[tuple[str, Split]] = [(f"{s}/", s) for s in SPLITS if (root / s).is_dir()]
    for above, split in places or ALONE:
        for name in layout.folders(root / above):
            path = f"{above}{name}"
            if _has_classes(root / path):
                yield Folder(path, name, "", split)
            for objects in layout.folders(root / path):
                if _has_classes(root / path / objects):
                    yield Folder(f"{path}/{objects}", name, objects, split)


def _has_classes(path: Path) -> bool:
    return all((path / name).is_dir() for name in CLASSES)


def _samples(root: Path) -> Iterator[Sample]:
    for folder in _folders(root):
        for name, label in CLASSES.items():
            for file in layout.files(root / folder.path / name, layout.PICTURES):
                below = f"{folder.path}/{name}/{file}"
                facts = {"set": folder.generator, "class": folder.objects}
                yield Sample(
                    id=below,
                    uri=str(root / below),
                    kind="image",
                    label=label,
                    generator=folder.generator if label else "",
                    split=folder.split,
                    licence=CARD.licence,
                    attributes={key: value for key, value in facts.items() if value},
                )


def fake(root: Path) -> None:
    """Write ProGAN with two classes of objects to train, and two generators to test."""
    mini = Miniature(root)
    places = [f"{split}/progan/{objects}" for split in SPLITS for objects in ("car", "cat")]
    for place in (*places, "test/biggan"):
        for n in range(3):
            mini.picture(f"{place}/0_real/{n:05d}.png")
            mini.picture(f"{place}/1_fake/{n:05d}.png", forged=True)
