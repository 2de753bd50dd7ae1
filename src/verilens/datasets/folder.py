"""One's own pictures and videos, sorted into folders: genuine and fake, by source and generator.

    [{train,val,test}/]{real,fake}/[<source or generator>/]**/*

Names such as genuine, nature or bonafide mean real; ai, generated or spoof mean fake.
"""

from collections.abc import Iterator
from pathlib import Path

from verilens import layout
from verilens.card import DataCard
from verilens.media.miniature import Miniature
from verilens.records import Sample, Split

CARD = DataCard(
    name="folder",
    title="A folder of classes",
    summary="one's own media in folders real and fake, by source and generator",
    tasks=("ai-image", "ai-video", "face-forgery", "spoof"),
    layout="[{train,val,test}/]{real,fake}/[<source or generator>/]**/*",
    paper="",
    licence="one's own",
    access="on one's own disk",
    consent="known to whoever collected it",
    year=2026,
    traps=("files that lie directly in real/ have no source: nothing keeps their copies apart",),
)

SPLITS: tuple[Split, ...] = ("train", "val", "test")
GENUINE = frozenset(("real", "genuine", "nature", "natural", "authentic", "bonafide", "live"))
FORGED = frozenset(("fake", "ai", "generated", "synthetic", "forged", "spoof", "attack"))


def fits(root: Path) -> bool:
    """Return whether both classes are there, at the root or in a split's folder."""
    return any(
        {_label(name) for name in layout.folders(root / above)} >= {0, 1} for above in ("", *SPLITS)
    )


def samples(root: Path, split: Split | None = None) -> Iterator[Sample]:
    """Yield split after split, class after class, folder after folder."""
    return layout.of_split(_samples(root), split)


def _label(name: str) -> int | None:
    plain = name.lower().replace("-", "").replace("_", "").lstrip("01")
    return 0 if plain in GENUINE else 1 if plain in FORGED else None


def _samples(root: Path) -> Iterator[Sample]:
    places: list[tuple[str, Split]] = [("", ""), *((f"{name}/", name) for name in SPLITS)]
    for above, split in places:
        for name in layout.folders(root / above):
            if (label := _label(name)) is not None:
                yield from _of(root, f"{above}{name}", label, split)


def _of(root: Path, above: str, label: int, split: Split) -> Iterator[Sample]:
    for folder, names in layout.walk(root / above):
        group = folder.split("/")[0]
        for name in names:
            below = "/".join(part for part in (above, folder, name) if part)
            yield Sample(
                id=below,
                uri=str(root / below),
                kind="video" if layout.suffix(name) in layout.VIDEOS else "image",
                label=label,
                generator=(group or "unknown") if label else "",
                source="" if label else group,
                split=split,
                licence=CARD.licence,
            )


def fake(root: Path) -> None:
    """Write two sources and two generators, a picture and a video each."""
    mini = Miniature(root)
    for group in ("camera", "phone"):
        mini.picture(f"genuine/{group}/1.jpg")
        mini.video(f"genuine/{group}/1.mp4")
    for group in ("GAN", "diffusion"):
        mini.picture(f"fake/{group}/1.png", forged=True)
        mini.video(f"fake/{group}/1.mp4", forged=True)
