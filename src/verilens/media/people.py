"""The faces of one file: found once for all views, followed, and cut as each view asks.

A crop is by default a square of `margin` times the longer side of the face's box. Where the square
would leave the picture it is shifted back inside, so a face at the edge is off the centre of its
crop and every pixel is the file's own; a square larger than the picture is cut to its shorter
side. A picture that is little more than a face, such as the aligned crops of face data sets, is cut
to its largest square only: cutting it down once more would show the network another scale than it
knows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media import faces, tracks
from verilens.media.faces import Face
from verilens.media.opened import LEAST_FACE_PX, PEOPLE
from verilens.records import Box, Clip, Faces, Person, View

_WHOLE = 0.8  # of a nearly square picture's shorter side: a crop from there on takes all of it
_SQUARE = 1.25  # most that the longer side of a nearly square picture exceeds the shorter

Pixels = NDArray[np.uint8]


class _Crop(NamedTuple):
    box: Box
    pixels: Pixels


class Gallery:
    """Collects the faces of a file's moments, in order of time, for some face views."""

    def __init__(self, views: Sequence[View], is_still: bool) -> None:
        self._crops: dict[View, dict[tracks.Sighting, _Crop]] = {view: {} for view in views}
        self._is_still = is_still
        self._looks: list[tracks.Look] = []
        self._small = 0.0

    def add(
        self,
        time_s: float,
        picture: Image.Image,
        asking: Sequence[View],
        to_srgb: Callable[[Image.Image], Image.Image] | None = None,
    ) -> None:
        """Look at one moment and cut its faces for the views that ask for this moment."""
        found = faces.find(picture, self._is_still)
        self._small = max([self._small, *(f.side for f in found if f.side < LEAST_FACE_PX)])
        large = [face for face in found if face.side >= LEAST_FACE_PX]
        look = tracks.look(time_s, picture, large)
        for view in asking:
            for number, face in enumerate(look.faces):
                box = cutout(face, view, picture.size)
                piece = picture.resize((view.size, view.size), Image.Resampling.BICUBIC, box)
                pixels = np.asarray(to_srgb(piece) if to_srgb else piece)
                place = tracks.Sighting(len(self._looks), number)
                self._crops[view][place] = _Crop(box, pixels)
        self._looks.append(look)

    def result(self, size: tuple[int, int]) -> tuple[dict[View, Clip], Faces]:
        """Return a clip per view, moment after moment, and who is seen in them.

        size: full upright frame (width, height).
        """
        followed = tracks.followed(self._looks)
        people = {number: track for number, track in enumerate(followed[:PEOPLE], 1)}
        shown = sorted((place, number) for number, track in people.items() for place in track)
        clips = {view: self._clip(view, crops, shown, size) for view, crops in self._crops.items()}
        return clips, Faces(
            people=tuple(self._person(number, track) for number, track in people.items()),
            small_px=int(self._small),
            further=len(followed) - len(people),
        )

    def _person(self, number: int, track: Sequence[tracks.Sighting]) -> Person:
        boxes = [self._looks[at].faces[n].box for at, n in track]
        return Person(
            track=number,
            times_s=tuple(self._looks[at].time_s for at, _ in track),
            boxes=tuple((int(a), int(b), int(np.ceil(c)), int(np.ceil(d))) for a, b, c, d in boxes),
        )

    def _clip(
        self,
        view: View,
        crops: Mapping[tracks.Sighting, _Crop],
        shown: Sequence[tuple[tracks.Sighting, int]],
        size: tuple[int, int],
    ) -> Clip:
        chosen = [(crops[place], place, track) for place, track in shown if place in crops]
        times_s = [self._looks[place.moment].time_s for _, place, _ in chosen]
        frames = np.zeros((len(chosen), view.size, view.size, 3), np.uint8)
        for frame, (crop, _, _) in zip(frames, chosen, strict=True):
            frame[:] = crop.pixels
        return Clip(
            frames=frames,
            times_s=np.array(times_s, np.float64),
            boxes=np.array([crop.box for crop, _, _ in chosen], np.int32).reshape(-1, 4),
            size=size,
            view=view,
            tracks=np.array([track for _, _, track in chosen], np.int32),
        )


def cutout(face: Face, view: View, size: tuple[int, int]) -> Box:
    """Return what a face view cuts for a face in a picture of `size` (width, height)."""
    of_shape = square if view.shape == "square" else enlarged
    return of_shape(face, view.margin, size)


def enlarged(face: Face, margin: float, size: tuple[int, int]) -> Box:
    """Return the face's box `margin` times as large, shifted inside a picture of `size`.

    Where it does not fit, both sides shrink alike, so a face is never stretched more for being
    near. Sides are counted from pixel to pixel, as the code that cuts for MiniFASNet does.
    """
    left, top, right, bottom = face.box
    sides = (right - left, bottom - top)
    margin = min(margin, *((most - 1) / side for most, side in zip(size, sides, strict=True)))
    edges = []
    for start, side, most in zip((left, top), sides, size, strict=True):
        middle, reach = start + side / 2, side * margin
        low = min(max(0.0, middle - reach / 2), max(0.0, most - 1 - reach))
        edges.append((int(low), min(most, int(low + reach) + 1)))
    (x0, x1), (y0, y1) = edges
    return x0, y0, x1, y1


def square(face: Face, margin: float, size: tuple[int, int]) -> Box:
    """Return the square that is cut for a face in a picture of `size` (width, height)."""
    shorter = min(size)
    side = min(max(1, round(margin * face.side)), shorter)
    left, top, right, bottom = face.box
    centre = ((left + right) / 2, (top + bottom) / 2)
    if side >= _WHOLE * shorter and max(size) <= _SQUARE * shorter:
        side, centre = shorter, (size[0] / 2, size[1] / 2)
    x, y = (
        min(max(0, round(middle - side / 2)), length - side)
        for middle, length in zip(centre, size, strict=True)
    )
    return x, y, x + side, y + side
