"""Faces with room around them, and what the simulator makes of them: the bank PAD training reads.

    genuine file -> faces, cut wide at their own size -> bona fide and attacks -> what a scan cuts

Both classes go through the same draws of scale, softness, noise, compression and cut after the
attack, so that none of these tells them apart. A film is one presentation that moves a little, its
frames coded together.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MediaError
from verilens.media import faces
from verilens.media.faces import Face
from verilens.media.people import cutout
from verilens.media.perturb.codecs import VideoCodec
from verilens.media.presentation import KINDS, SEVERITIES, present, scene
from verilens.media.sandbox import Decoder
from verilens.media.tracks import by_track
from verilens.records import Clip, View
from verilens.train.starter.corpus import Item, Kind, capped
from verilens.train.starter.face_fakes import RATE, treatment
from verilens.train.starter.spoof_disturbed import disturbed
from verilens.train.starter.views import Pixels

WIDE = View(size=320, frames=2, fit="face", margin=3.0)
LEAST_FACE_PX = 44  # of a face in its file: a smaller one has no skin to see
FACE_PX = (56.0, 128.0)  # to which faces are scaled down before anything is done to them
PEOPLE = 3  # of one file
CAP: dict[Kind, int] = {"image": 120, "video": 6}  # files of one source
CROWDS = {"braun-steven/dfi-tensorflow": 700}  # sources of as many persons as files, and their cap
GENUINE, DISTURBED = "bona-fide", "disturbed"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "print": ("print", "cut"),  # both are printed paper
    "replay": ("replay",),
    "mask": ("mask",),
}
MOMENTS = 4  # of a film
Rng = np.random.Generator
logger = logging.getLogger(__name__)


class Presented(NamedTuple):
    """A face as it came before a camera, cut wide. picture: RGB (H, W, 3) uint8, square."""

    item: Item
    picture: Pixels
    face: Face


class Bank(NamedTuple):
    """Crops as a scan cuts them. crops: RGB (N, size, size, 3) uint8.

    kinds: GENUINE or the attack's name; persons: number of the person; sources: of the file.
    """

    crops: Pixels
    kinds: NDArray[np.str_]
    persons: NDArray[np.int64]
    sources: NDArray[np.str_]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Bank:
        """Return some rows."""
        return Bank(self.crops[rows], self.kinds[rows], self.persons[rows], self.sources[rows])


def genuine(items: Sequence[Item]) -> list[Item]:
    """Return the genuine items, at most CAP of a source and kind."""
    real = [item for item in items if item.label == "real"]
    found = [
        item
        for kind, most in CAP.items()
        for item in capped(
            [item for item in real if item.kind == kind and item.source not in CROWDS], most
        )
    ]
    for source, most in CROWDS.items():
        found += capped([item for item in real if item.source == source], most)
    return found


def presented(items: Sequence[Item], work: Path) -> Iterator[list[Presented]]:
    """Yield the faces of every item, from `work` where they lie there already."""
    work.mkdir(parents=True, exist_ok=True)
    with Decoder() as decoder:
        for item in items:
            name = hashlib.sha256(item.origin.encode()).hexdigest()[:20]
            file = work / f"{name}.npz"
            if not file.exists():
                _store(file, list(_found(item, decoder)))
            yield _read(file, item)


def _found(item: Item, decoder: Decoder) -> Iterator[Presented]:
    try:
        opened = decoder.open(item.path, (WIDE,), examined=False)
    except MediaError as error:
        logger.warning("%s left out: %s", item.path, error)
        return
    for clip in list(by_track(opened.clips[WIDE]).values())[:PEOPLE]:
        yield from _of_clip(item, clip)


def _of_clip(item: Item, clip: Clip) -> Iterator[Presented]:
    for frame, box in zip(clip.frames, clip.boxes, strict=True):
        side = min(WIDE.size, int(box[2] - box[0]))  # never larger than it was in the file
        picture = Image.fromarray(frame)
        if side < WIDE.size:
            picture = picture.resize((side, side), Image.Resampling.LANCZOS)
        face = min(faces.find(picture), key=lambda f: _off_centre(f, side), default=None)
        if face is not None and face.side >= LEAST_FACE_PX:
            yield Presented(item, np.asarray(picture), face)


def _off_centre(face: Face, side: int) -> float:
    left, top, right, bottom = face.box
    return abs(left + right - side) + abs(top + bottom - side)


def _store(file: Path, found: Sequence[Presented]) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for n, one in enumerate(found):
        facts = np.array([*one.face.box, one.face.score, *one.face.points.ravel()], np.float32)
        arrays |= {f"picture{n}": one.picture, f"face{n}": facts}
    np.savez(file, **arrays)  # type: ignore[arg-type]


def _read(file: Path, item: Item) -> list[Presented]:
    with np.load(file) as arrays:
        count = sum(name.startswith("picture") for name in arrays)
        return [
            Presented(item, arrays[f"picture{n}"], _face(arrays[f"face{n}"])) for n in range(count)
        ]


def _face(facts: NDArray[np.float32]) -> Face:
    left, top, right, bottom, score = facts[:5].tolist()
    return Face((left, top, right, bottom), score, facts[5:].reshape(5, 2))


def bank(
    people: Sequence[Presented], draws: Mapping[str, int], view: View, seed: int
) -> Iterator[Bank]:
    """Yield the crops of each person. draws: how many there are of each kind."""
    for number, one in enumerate(people):
        kinds = [kind for kind, count in draws.items() for _ in range(count)]
        crops = [
            rendered(one, kind, view, np.random.default_rng([seed, one.item.key, number, n]))
            for n, kind in enumerate(kinds)
        ]
        yield _bank(crops, kinds, number, one)


def films(people: Sequence[Presented], view: View, seed: int) -> Iterator[Bank]:
    """Yield a film of each person, bona fide and under every attack, in MOMENTS rows each."""
    for number, one in enumerate(people):
        kinds = [GENUINE, *KINDS]
        crops = [
            crop
            for n, kind in enumerate(kinds)
            for crop in filmed(one, kind, view, np.random.default_rng([seed, one.item.key, n, 1]))
        ]
        yield _bank(crops, [kind for kind in kinds for _ in range(MOMENTS)], number, one)


def _bank(crops: Sequence[Pixels], kinds: Sequence[str], number: int, one: Presented) -> Bank:
    count = len(crops)
    sources = np.full(count, one.item.source)
    return Bank(np.stack(crops), np.array(kinds), np.full(count, number), sources)


def joined(parts: Sequence[Bank]) -> Bank:
    """Return several banks as one."""
    return Bank(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def rendered(one: Presented, kind: str, view: View, rng: Rng) -> Pixels:
    """Return what a scan would cut of one presentation, (size, size, 3)."""
    shown, face = shown_as(one, kind, rng)
    return cut(treatment(rng)(shown[None])[0], face, view, rng)


def filmed(one: Presented, kind: str, view: View, rng: Rng) -> list[Pixels]:
    """Return what a scan would cut of MOMENTS frames of a film: the presentation moves a little."""
    shown, face = shown_as(one, kind, rng)
    height, width = shown.shape[:2]
    frames = []
    for _ in range(MOMENTS):
        x, y = rng.uniform(-1.5, 1.5, 2)
        moved = np.array([[1, 0, x], [0, 1, y]], np.float32)
        frame = cv2.warpAffine(shown, moved, (width, height), borderMode=cv2.BORDER_REFLECT)
        noise = rng.normal(0, 1.5, frame.shape)
        frames.append(np.clip(np.rint(frame * rng.uniform(0.97, 1.03) + noise), 0, 255))
    rate = int(rng.integers(RATE[0], RATE[1] + 1))
    codec = VideoCodec(encoder="libx264", crf=rate, options={"preset": "veryfast"})
    coded = codec.through([np.asarray(frame, np.uint8) for frame in frames])
    return [cut(frame, face, view, rng) for frame in coded]


def shown_as(one: Presented, kind: str, rng: Rng) -> tuple[Pixels, Face]:
    """Return a person as the camera sees them, bona fide, disturbed or under an attack."""
    small, face = scaled(one, rng)
    if kind == DISTURBED:
        return disturbed(small, face, rng), face
    if kind != GENUINE:
        return present(small, kind, int(rng.choice(SEVERITIES)), rng, face), face
    if rng.random() < 0.5:  # bona fide pictures were scaled and filtered too
        return scene.recaptured(scene.light(small), rng, float(rng.random())), face
    return small, face


def scaled(one: Presented, rng: Rng) -> tuple[Pixels, Face]:
    """Return the picture and its face scaled down to a drawn size, never up."""
    wanted = float(np.exp(rng.uniform(*np.log(FACE_PX))))
    factor = min(1.0, wanted / one.face.side)
    side = round(one.picture.shape[0] * factor)
    if side >= one.picture.shape[0]:
        return one.picture, one.face
    factor = side / one.picture.shape[0]
    small = cv2.resize(one.picture, (side, side), interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (edge * factor for edge in one.face.box)
    face = Face((left, top, right, bottom), one.face.score, one.face.points * np.float32(factor))
    return np.asarray(small, np.uint8), face


def cut(picture: Pixels, face: Face, view: View, rng: Rng) -> Pixels:
    """Return the crop of a scan whose face finder is a little off."""
    left, top, right, bottom = face.box
    shift = rng.normal(0, 0.03, 2) * face.side
    grow = float(np.exp(rng.normal(0, 0.05)))
    half = ((right - left) / 2 * grow, (bottom - top) / 2 * grow)
    x, y = (left + right) / 2 + shift[0], (top + bottom) / 2 + shift[1]
    height, width = picture.shape[:2]
    box = (
        max(0.0, x - half[0]),
        max(0.0, y - half[1]),
        min(float(width), x + half[0]),
        min(float(height), y + half[1]),
    )
    place = cutout(Face(box, face.score, face.points), view, (width, height))
    size = (view.size, view.size)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC, place))
