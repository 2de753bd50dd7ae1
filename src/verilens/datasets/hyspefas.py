"""HySpeFAS: faces and masks before a snapshot spectral camera, 30 bands and a colour picture each.

A sample is images/<name>.mat, which holds the bands as "var" (H, W, 30), with images/<name>.png
beside it. The lists say "<name>.mat 1" for a live face and "<name>.mat 0" for an attack.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="hyspefas",
    title="HySpeFAS",
    summary="6,760 spectral cubes of live faces, masks and prints; 3,900 to train on",
    tasks=("spoof",),
    layout="[HySpeFAS_trainval/]{train,val_gt}.txt and images/*.{mat,png}, "
    "[HySpeFAS_test/]test_gt.txt and images/*.{mat,png}",
    paper="doi:10.1109/TIFS.2025.3648158",
    licence="HySpeFAS agreement: non-commercial research",
    access="on request at the organisers of the ChaLearn face anti-spoofing challenge, CVPR 2024",
    consent="volunteers recorded for the set",
    year=2024,
    traps=(
        "lists say 1 for live: here 1 is an attack",
        "persons have no names in the lists: nothing shows whether splits share them",
        "test images were published without labels; they are read where a test_gt.txt lies there",
        "MATLAB files need scipy (pip install 'verilens[train]')",
    ),
    uncertain=(
        "the name of a test list with labels is ours: none was published with the challenge",
        "what kind of attack each is: the lists do not say, so all are called attack",
    ),
)

LISTS: tuple[tuple[str, str, Split], ...] = (
    ("HySpeFAS_trainval", "train.txt", "train"),
    ("HySpeFAS_trainval", "val_gt.txt", "val"),
    ("HySpeFAS_test", "test_gt.txt", "test"),
)
LIVE = {"0": 0, "1": 1}
ATTACK = "attack"
BANDS = 30


def fits(root: Path) -> bool:
    """Return whether a list lies beside images/ with MATLAB files."""
    return next(_found(root), None) is not None


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield list after list, in their order."""
    return layout.of_split(_samples(root), split)


def _found(root: Path) -> Iterator[tuple[str, Path, Split]]:
    """Yield (folder below the root, list, split) of every list that is there."""
    for folder, name, split in LISTS:
        for below in (f"{folder}/", ""):
            path = root / below / name
            if path.is_file() and layout.files(root / below / "images", (".mat",)):
                yield below, path, split
                break


def _samples(root: Path) -> Iterator[Sample]:
    for below, path, split in _found(root):
        for number, line in layout.lines(path):
            name, _, said = line.rpartition(" ")
            if said not in LIVE or not name.endswith(".mat") or "/" in name or "\\" in name:
                what = f"'{line:.80}' is not '<name>.mat 0' or '<name>.mat 1'; fetch it again"
                raise layout.wrong(path, number, what)
            yield _sample(root, f"{below}images/{name}", not LIVE[said], split)


def _sample(root: Path, path: str, is_attack: bool, split: Split) -> Sample:
    return Sample(
        id=path,
        uri=str(root / path),
        kind="image",
        label=int(is_attack),
        generator=ATTACK if is_attack else "",
        split=split,
        licence=CARD.licence,
    )


def fake(root: Path) -> None:
    """Write two live faces and four attacks a split."""
    mini = Miniature(root)
    for n, (folder, name, _) in enumerate(LISTS):
        lines = []
        for k in range(6):
            stem, live = f"{10 * n + k}", k % 3 == 0
            mini.bands(f"{folder}/images/{stem}.mat", BANDS, forged=not live)
            mini.picture(f"{folder}/images/{stem}.png", forged=not live)
            lines.append(f"{stem}.mat {int(live)}")
        mini.text(f"{folder}/{name}", *lines)
