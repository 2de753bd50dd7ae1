"""DiffusionForensics: the images DIRE was trained and tested on, by source and generator."""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="diffusionforensics",
    title="DiffusionForensics",
    summary="bedrooms, ImageNet and faces re-made by eight diffusion models",
    tasks=("ai-image",),
    layout="images/{train,val,test}/<source>/{real,<generator>}/**/*",
    paper="arXiv:2303.09295",
    licence="research only; LSUN's, ImageNet's and CelebA-HQ's terms for the genuine pictures",
    access="https://github.com/ZhendongWang6/DIRE",
    consent="pictures from public sets, without the consent of people who may be shown",
    year=2023,
    traps=(
        "generated pictures are PNG and genuine ones JPEG: re-saved as JPEG, DIRE's published "
        "accuracy falls to chance; see 'verilens bench audit'",
    ),
    uncertain=("folders between the generator and its files are kept in the id only",),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
GENUINE = "real"


def fits(root: Path) -> bool:
    """Return whether images/<split>/<source>/real exists."""
    return any(
        (root / "images" / split / source / GENUINE).is_dir()
        for split in SPLITS
        for source in layout.folders(root / "images" / split)
    )


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield split after split, source after source, generator after generator."""
    return layout.of_split(_samples(root), split)


def _samples(root: Path) -> Iterator[Sample]:
    for split in SPLITS:
        for source in layout.folders(root / "images" / split):
            for name in layout.folders(root / "images" / split / source):
                yield from _of(root, split, source, name)


def _of(root: Path, split: Split, source: str, name: str) -> Iterator[Sample]:
    above = f"images/{split}/{source}/{name}"
    for folder, files in layout.walk(root / above, layout.PICTURES):
        for file in files:
            below = "/".join(part for part in (above, folder, file) if part)
            yield Sample(
                id=below,
                uri=str(root / below),
                kind="image",
                label=int(name != GENUINE),
                generator="" if name == GENUINE else name,
                split=split,
                licence=CARD.licence,
                attributes={"set": source},
            )


def fake(root: Path) -> None:
    """Write two sources with a genuine folder and two generators each."""
    mini = Miniature(root)
    for split in SPLITS:
        for source, names in (("lsun_bedroom", ("adm", "ddpm")), ("imagenet", ("adm", "sdv1"))):
            for n in range(2):
                mini.picture(f"images/{split}/{source}/real/{n:03d}.jpg")
                for name in names:
                    mini.picture(f"images/{split}/{source}/{name}/{n:03d}.png", forged=True)
