"""GenImage: eight generators against ImageNet, a folder each.

Every generator has a published train and val part, and the field tests on val: it is "test" here.
The genuine pictures are ImageNet's and differ from part to part.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="genimage",
    title="GenImage",
    summary="a million pictures of ImageNet's classes by eight generators",
    tasks=("ai-image",),
    layout="<generator>/[<release>/]{train,val}/{ai,nature}/*",
    paper="arXiv:2306.08571",
    licence="CC BY-NC-SA 4.0; ImageNet's terms for the genuine pictures",
    access="https://github.com/GenImage-Dataset/GenImage",
    consent="pictures from the web, without the consent of people who may be shown",
    year=2023,
    genuine=1331167,
    fake=1350000,
    traps=(
        "genuine pictures are JPEG and generated ones PNG, and sizes tell the generator: a "
        "classifier that sees no pixel solves it; see 'verilens bench audit'",
        "the published val part is what everybody reports on: it is the split test here, and "
        "validation has to be held out of train",
    ),
)

PARTS: dict[str, Split] = {"train": "train", "val": "test"}
CLASSES = {"nature": 0, "ai": 1}
# How releases name their folders, and what the rest of the field calls the generator.
NAMES = {
    "adm": "ADM",
    "biggan": "BigGAN",
    "glide": "glide",
    "midjourney": "Midjourney",
    "sdv4": "stable_diffusion_v_1_4",
    "sdv14": "stable_diffusion_v_1_4",
    "stablediffusionv14": "stable_diffusion_v_1_4",
    "sdv5": "stable_diffusion_v_1_5",
    "sdv15": "stable_diffusion_v_1_5",
    "stablediffusionv15": "stable_diffusion_v_1_5",
    "vqdm": "VQDM",
    "wukong": "wukong",
}


def fits(root: Path) -> bool:
    """Return whether a generator's folder holds a train or val part with ai/ and nature/."""
    return next(_parts(root), None) is not None


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield generator after generator, train before val, genuine before generated."""
    return layout.of_split(_samples(root), split)


def generator(folder: str) -> str:
    """Return the usual name of the generator whose folder is called so."""
    plain = "".join(c for c in folder.lower() if c.isalnum())
    found = [name for key, name in NAMES.items() if plain == key or plain.endswith(key)]
    return found[0] if found else folder


def _parts(root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield (generator's folder, path of a part below the root, part)."""
    for top in layout.folders(root):
        for above in (top, *(f"{top}/{name}" for name in layout.folders(root / top))):
            for part in PARTS:
                if all((root / above / part / name).is_dir() for name in CLASSES):
                    yield top, f"{above}/{part}", part


def _samples(root: Path) -> Iterator[Sample]:
    for top, path, part in _parts(root):
        for folder, label in CLASSES.items():
            for name in layout.files(root / path / folder, layout.PICTURES):
                below = f"{path}/{folder}/{name}"
                yield Sample(
                    id=below,
                    uri=str(root / below),
                    kind="image",
                    label=label,
                    generator=generator(top) if label else "",
                    split=PARTS[part],
                    licence=CARD.licence,
                    attributes={"set": generator(top)},
                )


def fake(root: Path) -> None:
    """Write two generators with four pictures a class and part, JPEG and PNG as published."""
    mini = Miniature(root)
    for top in ("Midjourney", "stable_diffusion_v_1_4"):
        for part in PARTS:
            for n in range(4):
                mini.picture(f"{top}/{part}/nature/{top[:2]}_{part}_{n:04d}.JPEG")
                mini.picture(f"{top}/{part}/ai/{n:03d}_{top.lower()}_{n}.png", forged=True)
