"""Diffusion Deepfake: faces by Stable Diffusion and Midjourney that look like photographs.

Two sets lie side by side, each with the same three splits: DiffusionDB-Face and JourneyDB-Face. How
their pictures were chosen out of millions is what `verilens.face_filter` does.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="diffusion-deepfake",
    title="DiffusionDB-Face and JourneyDB-Face",
    summary="faces that people made with Stable Diffusion and Midjourney, filtered for realism",
    tasks=("ai-image", "face-forgery"),
    layout="{DiffusionDB-Face,JourneyDB-Face}/{train,val,test}/{real,fake}/**/*",
    paper="arXiv:2404.01579",
    licence="research; DiffusionDB's, JourneyDB's and the genuine sources' terms",
    access="https://surrey-uplab.github.io/research/diffusion_deepfake",
    consent="generated faces, some of celebrities by name; genuine ones from public sets, without",
    year=2024,
    genuine=94120,
    fake=112627,
    traps=(
        "both sets are said to come with the same number of genuine faces: a test across sets may "
        "show genuine faces of the training",
        "one prompt can have many pictures and the layout does not name it: near-duplicates may "
        "lie in two splits, 'verilens data doctor' finds them",
    ),
    uncertain=(
        "the folders are known from the paper's description only",
        "the number of genuine pictures is second-hand; the fakes are 24,794 and 87,833",
        "where the genuine faces come from",
    ),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
CLASSES = {"real": 0, "fake": 1}
GENERATORS = {"diffusiondb": "Stable Diffusion", "journeydb": "Midjourney"}


def fits(root: Path) -> bool:
    """Return whether a folder of one of the two names has a split with both classes."""
    return any(
        all((root / name / split / folder).is_dir() for folder in CLASSES)
        for name in _sets(root)
        for split in SPLITS
    )


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield set after set, split after split, genuine before generated."""
    return layout.of_split(_samples(root), split)


def generator(name: str) -> str:
    """Return what made the fakes of the set in a folder of this name; "" for another folder."""
    plain = "".join(c for c in name.lower() if c.isalnum())
    return next((made for known, made in GENERATORS.items() if plain.startswith(known)), "")


def _sets(root: Path) -> list[str]:
    return [name for name in layout.folders(root) if generator(name)]


def _samples(root: Path) -> Iterator[Sample]:
    for name in _sets(root):
        for split in SPLITS:
            for folder, label in CLASSES.items():
                yield from _of(root, name, split, (folder, label))


def _of(root: Path, name: str, split: Split, meaning: tuple[str, int]) -> Iterator[Sample]:
    above, label = f"{name}/{split}/{meaning[0]}", meaning[1]
    for folder, files in layout.walk(root / above, layout.PICTURES):
        for file in files:
            below = "/".join(part for part in (above, folder, file) if part)
            yield Sample(
                id=below,
                uri=str(root / below),
                kind="image",
                label=label,
                generator=generator(name) if label else "",
                split=split,
                licence=CARD.licence,
                attributes={"set": name},
            )


def fake(root: Path) -> None:
    """Write two pictures of each class for each split of both sets."""
    mini = Miniature(root)
    for name in ("DiffusionDB-Face", "JourneyDB-Face"):
        for split in SPLITS:
            for n in range(2):
                mini.picture(f"{name}/{split}/real/{n:05d}.jpg")
                mini.picture(f"{name}/{split}/fake/{n:05d}.jpg", forged=True)
