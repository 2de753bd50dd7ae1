"""The faces of the corpus, found and cut once: what the face detector learns from.

    genuine file -> faces at up to MOMENTS moments -> squares with room around them, their points

Crops lie in one small file a source file, so an interrupted run loses nothing. They are larger than
what a scan cuts, so that training can draw margin, place and scale.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MediaError
from verilens.media import faces
from verilens.media.sandbox import Decoder
from verilens.media.tracks import by_track
from verilens.records import Clip, View
from verilens.train.starter.corpus import Item, capped, group_of, source_folds
from verilens.train.starter.views import Pixels

MOMENTS = 6
WIDE = View(size=240, frames=MOMENTS, fit="face", margin=1.6)
LEAST_FACE_PX = 48  # of a face in its file; a smaller one has lost its seams to scaling
PEOPLE = 4  # of one file
CAP: Mapping[str, int] = {"image": 100, "video": 5}  # files of one source
FIRST: Mapping[str, int] = {"image": 8, "video": 2}
N_FOLDS = 6
TEST_FOLD, VALIDATION_FOLD = 0, 1

# What real swaps and their originals come from, and what shows the same persons: nothing of it is
# trained or selected on.
HELD_OUT = frozenset(
    {
        "EndlessSora/DeeperForensics-1.0",
        "HongguLiu/Deepfake-Detection",
        "MoSahil147/DeepFake-datasets",
        "miguel-kjh/fake-face-detector",
        "polimi-ispl/icpr2020dfdc",
    }
)
logger = logging.getLogger(__name__)


class Person(NamedTuple):
    """One genuine person of one file.

    frames: RGB squares around the face, (T, 240, 240, 3) uint8. points: (T, 5, 2) in pixels of the
    squares. boxes: of the face there, (T, 4).
    """

    item: Item
    frames: Pixels
    points: NDArray[np.float32]
    boxes: NDArray[np.float32]

    @property
    def key(self) -> int:
        """Return a number that depends on the file and the person alone; seeds random draws."""
        return self.item.key + int(self.boxes[0, 0] * 64)


def genuine(items: Sequence[Item]) -> list[Item]:
    """Return the genuine items that are not held out, at most CAP of a source."""
    free = [item for item in items if item.label == "real" and item.source not in HELD_OUT]
    return [
        item
        for kind, most in CAP.items()
        for item in capped([item for item in free if item.kind == kind], most)
    ]


def parts(persons: Sequence[Person]) -> dict[str, list[Person]]:
    """Return the persons that train, validate and test, whole sources each.

    Stills train; films validate and test, but for those of sources whose stills train.
    """
    stills = [person.item for person in persons if person.item.kind == "image"]
    names = {TEST_FOLD: "test", VALIDATION_FOLD: "validation"}
    part_of = {
        group_of(source): names.get(fold, "train")
        for source, fold in source_folds(stills, N_FOLDS).items()
    }
    films = [p.item for p in persons if group_of(p.item.source) not in part_of]
    for source, fold in source_folds(films, len(names)).items():
        part_of[group_of(source)] = names[fold]
    found: dict[str, list[Person]] = {"train": [], "validation": [], "test": []}
    for person in persons:
        part = part_of.get(group_of(person.item.source), "train")
        if part != "train" or person.item.kind == "image":
            found[part].append(person)
    return found


def people(items: Sequence[Item], work: Path) -> Iterator[list[Person]]:
    """Yield the persons of every item, from `work` where they lie there already.

    A source is not looked through when its first FIRST files show no face.
    """
    work.mkdir(parents=True, exist_ok=True)
    seen: Counter[tuple[str, str]] = Counter()
    with_face: Counter[tuple[str, str]] = Counter()
    with Decoder() as decoder:
        for item in items:
            group = (item.source, item.kind)
            seen[group] += 1
            if seen[group] > FIRST[item.kind] and not with_face[group]:
                yield []
                continue
            file = work / (_name(item) + ".npz")
            if not file.exists():
                _store(file, _found(item, decoder))
            persons = _read(file, item)
            with_face[group] += bool(persons)
            yield persons


def _name(item: Item) -> str:
    return hashlib.sha256(item.origin.encode()).hexdigest()[:20]


def _found(item: Item, decoder: Decoder) -> list[Person]:
    try:
        opened = decoder.open(item.path, (WIDE,), examined=False)
    except MediaError as error:
        logger.warning("%s left out: %s", item.path, error)
        return []
    crops = by_track(opened.clips[WIDE]) if opened.clips else {}
    persons = [_person(item, clip) for clip in list(crops.values())[:PEOPLE]]
    return [person for person in persons if person is not None]


def _person(item: Item, clip: Clip) -> Person | None:
    """Return the person of one track, None where no crop shows a face that is large enough."""
    rows = []
    for frame, box in zip(clip.frames, clip.boxes, strict=True):
        shown = faces.find(Image.fromarray(frame))
        face = min(shown, key=_off_centre, default=None)
        scale = (box[2] - box[0]) / WIDE.size
        if face is not None and face.side * scale >= LEAST_FACE_PX:
            rows.append((frame, face.points, np.array(face.box, np.float32)))
    if not rows:
        return None
    frames, points, boxes = (np.stack(column) for column in zip(*rows, strict=True))
    return Person(item, frames, points, boxes)


def _off_centre(face: faces.Face) -> float:
    left, top, right, bottom = face.box
    return abs((left + right - WIDE.size) / 2) + abs((top + bottom - WIDE.size) / 2)


def _store(file: Path, persons: Sequence[Person]) -> None:
    partial = file.with_suffix(".part.npz")
    arrays = {
        f"{name}{n}": getattr(person, name)
        for n, person in enumerate(persons)
        for name in ("frames", "points", "boxes")
    }
    np.savez(partial, count=np.array(len(persons)), **arrays)  # type: ignore[arg-type]
    partial.replace(file)


def _read(file: Path, item: Item) -> list[Person]:
    with np.load(file) as held:
        return [
            Person(item, held[f"frames{n}"], held[f"points{n}"], held[f"boxes{n}"])
            for n in range(int(held["count"]))
        ]
