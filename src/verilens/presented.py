"""From pictures of people to a set of simulated presentation attacks, split by source.

    genuine picture -> largest face -> itself, and one attack of each kind -> files and rows

Both classes are decoded, scaled and written alike, so that no format tells them apart. What was
made of one source is in one split, decided by the source's name unless it has a split already.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from verilens import layout, manifest
from verilens.errors import DatasetError, MediaError
from verilens.media import faces
from verilens.media.faces import Face
from verilens.media.opened import LEAST_FACE_PX
from verilens.media.perturb.draw import Pixels, generator
from verilens.media.presentation import present
from verilens.media.sandbox import Decoder
from verilens.records import Sample, SampleKind, Split, View

DATASET = "simulated-spoof"
QUALITY = 95
GENUINE = "bona-fide"
SHARES: tuple[tuple[Split, float], ...] = (("train", 0.6), ("val", 0.2), ("test", 0.2))


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is made of each picture. severities: one is drawn for each attack. side: longest, px."""

    kinds: Sequence[str]
    severities: Sequence[int] = (1, 2, 3, 4, 5)
    seed: int = 0
    side: int = 640


class Made(NamedTuple):
    """What became of one picture: its rows, or in words why there are none."""

    source: str
    rows: tuple[Sample, ...] = ()
    why: str = ""


def genuine(source: Path) -> Iterator[Sample]:
    """Yield the genuine pictures of a manifest, a folder or a file, fakes left out.

    In a folder the pictures of one sub-folder share a source: they may show the same person.
    """
    if source.suffix == ".parquet":
        rows = (sample for sample in manifest.read(source) if sample.label == 0)
        yield from (sample for sample in rows if sample.kind in ("image", "video"))
        return
    if source.is_file():
        yield _picture(source, source.name, source.name)
        return
    if not source.is_dir():
        raise DatasetError(f"{source}: no such file or folder")
    for below, names in layout.walk(source):
        for name in names:
            path = f"{below}/{name}".lstrip("/")
            yield _picture(source / path, path, below or path)


def _picture(path: Path, name: str, source: str) -> Sample:
    kind: SampleKind = "video" if layout.suffix(name) in layout.VIDEOS else "image"
    return Sample(id=name, uri=str(path.resolve()), kind=kind, label=0, source=source)


def make(samples: Iterable[Sample], out: Path, order: Order) -> Iterator[Made]:
    """Write each picture as it is and under every attack, and yield what became of it.

    Of a film the middle moment is taken. MissingExtra when nothing here can find faces.
    """
    faces.require()
    view = View(size=order.side, frames=1, fit="contain")
    with Decoder() as decoder:
        for sample in samples:
            try:
                opened = decoder.open(Path(sample.uri), (view,), examined=False)
            except MediaError as error:
                yield Made(sample.id, why=error.message)
                continue
            yield _made(sample, opened.clips[view].frames[0], out, order)


def _made(sample: Sample, picture: Pixels, out: Path, order: Order) -> Made:
    shown = faces.find(Image.fromarray(picture), is_still=True)
    if not shown:
        return Made(sample.id, why="no face found")
    if shown[0].side < LEAST_FACE_PX:
        small = f"its largest face is {shown[0].side:.0f} px, {LEAST_FACE_PX} px are needed"
        return Made(sample.id, why=small)
    base = replace(
        sample,
        kind="image",
        source=sample.source or sample.id,
        split=sample.split or split_of(sample.source or sample.id),
        attributes={**sample.attributes, "original": sample.id},
    )
    rows = [_written(base, picture, GENUINE, out)]
    for kind in order.kinds:
        rows.append(_attacked(base, picture, shown[0], kind, (out, order)))
    return Made(sample.id, tuple(rows))


def _attacked(
    base: Sample, picture: Pixels, face: Face, kind: str, to: tuple[Path, Order]
) -> Sample:
    out, order = to
    rng = generator(order.seed, base.id, kind, 0)
    severity = int(rng.choice(np.asarray(order.severities)))
    attack = present(picture, kind, severity, rng, face)
    facts = {**base.attributes, "attack": kind, "severity": str(severity)}
    return _written(replace(base, label=1, generator=kind, attributes=facts), attack, kind, out)


def _written(sample: Sample, picture: Pixels, folder: str, out: Path) -> Sample:
    """Write a picture under a name of its own and return its row."""
    digest = hashlib.sha256(sample.id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    name = f"{folder}/{layout.stem(sample.id)[:40]}-{digest}.jpg"
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, quality=QUALITY, subsampling=0)
    return replace(sample, id=name, uri=str(path.resolve()), frames=())


def split_of(source: str) -> Split:
    """Return the split of a source; the same name always falls into the same one."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:4], "big") / 2**32
    for split, share in SHARES:
        place -= share
        if place < 0:
            return split
    return SHARES[-1][0]
