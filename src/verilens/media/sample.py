"""Cuts views out of upright frames: always at the same places, decoded once for all views.

A frame is cut before its colours are converted, so a wide-gamut photograph pays for the pixels
somebody looks at and not for all of them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.records import Box, Clip, Faces, View

if TYPE_CHECKING:
    from verilens.media.people import Gallery

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Moment:
    """One upright frame. picture: gives it as 8-bit RGB, on demand.

    to_srgb: colour conversion still to be applied to every piece cut from it, None when none is.
    """

    time_s: float
    picture: Callable[[], Image.Image]
    to_srgb: Callable[[Image.Image], Image.Image] | None = None


class Sampled(NamedTuple):
    """One clip per view, and whom the face views found; faces is None without such a view."""

    clips: dict[View, Clip]
    faces: Faces | None


def sample(
    views: Iterable[View], moments: Sequence[Moment], size: tuple[int, int]
) -> dict[View, Clip]:
    """Return the clips of `sampled` alone."""
    return sampled(views, moments, size).clips


def sampled(views: Iterable[View], moments: Sequence[Moment], size: tuple[int, int]) -> Sampled:
    """Return one clip per view; each moment's picture is made once, whatever the views.

    size: full upright frame (width, height). A view with fewer moments than there are takes an
    even subset, first and last included. Faces are looked for once for all face views, at the
    moments that any of them asks for.
    """
    wanted = {view: set(subset(len(moments), view.frames)) for view in views}
    pieces: dict[View, list[tuple[float, Box, Pixels]]] = {
        view: [] for view in wanted if view.fit != "face"
    }
    gallery = _gallery([view for view in wanted if view.fit == "face"], len(moments) == 1)
    for index, moment in enumerate(moments):
        asking = [view for view, indices in wanted.items() if index in indices]
        if not asking:
            continue
        picture = moment.picture()
        for view in asking:
            if view.fit != "face":
                for box, pixels in cut(view, picture, moment.to_srgb):
                    pieces[view].append((moment.time_s, box, pixels))
        of_faces = [view for view in asking if view.fit == "face"]
        if gallery and of_faces:
            gallery.add(moment.time_s, picture, of_faces, moment.to_srgb)
    clips = {view: _clip(view, found, size) for view, found in pieces.items()}
    of_people, faces = gallery.result(size) if gallery else ({}, None)
    return Sampled({view: (clips | of_people)[view] for view in wanted}, faces)


def _gallery(views: Sequence[View], is_still: bool) -> "Gallery | None":
    if not views:
        return None
    from verilens.media.people import Gallery  # loads what finds faces only where it is asked for

    return Gallery(views, is_still)


def subset(count: int, wanted: int) -> list[int]:
    """Return at most `wanted` of `count` indices, evenly spread; one alone is the middle."""
    if wanted >= count:
        return list(range(count))
    if wanted == 1:
        return [count // 2]
    return [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]


def cut(
    view: View, picture: Image.Image, to_srgb: Callable[[Image.Image], Image.Image] | None = None
) -> list[tuple[Box, Pixels]]:
    """Return the pieces of one frame that `view` asks for, with their boxes, row after row.

    view: no face view.
    """
    return [(box, _piece(view, picture, box, to_srgb)) for box in boxes(view, picture.size)]


def boxes(view: View, size: tuple[int, int]) -> list[Box]:
    """Return where the crops of a view lie in a frame of `size` (width, height).

    Those of faces lie where the faces are, see `media.people`.
    """
    width, height = size
    if view.fit in ("resize", "contain"):
        return [(0, 0, width, height)]
    side_x, side_y = min(view.size, width), min(view.size, height)
    if view.fit == "native":
        left, top = (width - side_x) // 2, (height - side_y) // 2
        box = cut_out(view, (side_x, side_y))
        return [(left + box[0], top + box[1], left + box[2], top + box[3])]
    columns, rows = grid(view, size)
    return [
        (left, top, left + side_x, top + side_y)
        for top in _starts(height, side_y, rows)
        for left in _starts(width, side_x, columns)
    ]


def cut_out(view: View, size: tuple[int, int]) -> Box:
    """Return what `view` keeps of a native crop of `size` (width, height), in its pixels."""
    width, height = size
    if not view.cut_px:
        return 0, 0, width, height
    side_x, side_y = min(view.cut_px, width), min(view.cut_px, height)
    left = min(int(view.cut_x * (width - side_x + 1)), width - side_x)
    top = min(int(view.cut_y * (height - side_y + 1)), height - side_y)
    return left, top, left + side_x, top + side_y


def cut_from(clip: Clip, view: View) -> Clip:
    """Return what `view` keeps of the whole native crops of a clip, without copying pixels."""
    height, width = clip.frames.shape[1:3]
    left, top, right, bottom = cut_out(view, (width, height))
    boxes = clip.boxes.copy()
    boxes[:, 2:] = boxes[:, :2] + (right, bottom)
    boxes[:, :2] += (left, top)
    return replace(clip, frames=clip.frames[:, top:bottom, left:right], boxes=boxes, view=view)


def grid(view: View, size: tuple[int, int]) -> tuple[int, int]:
    """Return (columns, rows) of the crop grid: no more than cover the frame, at most view.crops.

    Among the grids that fit, the one with the smallest steps wins, so it follows the aspect ratio.
    """
    width, height = size
    most_columns, most_rows = math.ceil(width / view.size), math.ceil(height / view.size)
    if most_columns * most_rows <= view.crops:
        return most_columns, most_rows
    candidates = [
        (columns, min(most_rows, view.crops // columns))
        for columns in range(1, min(most_columns, view.crops) + 1)
    ]
    return min(candidates, key=lambda g: (width / g[0] + height / g[1], -g[0] * g[1]))


def _starts(length: int, side: int, count: int) -> list[int]:
    """Return where `count` pieces of `side` start so that they reach from edge to edge."""
    if count == 1:
        return [(length - side) // 2]
    return [round(i * (length - side) / (count - 1)) for i in range(count)]


def _piece(
    view: View,
    picture: Image.Image,
    box: Box,
    to_srgb: Callable[[Image.Image], Image.Image] | None,
) -> Pixels:
    if view.fit == "resize":
        piece = picture.resize((view.size, view.size), Image.Resampling.BICUBIC, box)
    elif view.fit == "contain":
        piece = _contain(picture, view.size)
    else:
        piece = picture.crop(box)
    pixels = np.asarray(to_srgb(piece) if to_srgb else piece)
    return _mirror(pixels, view.size) if view.fit == "crop" else pixels


def _contain(picture: Image.Image, side: int) -> Image.Image:
    longer = max(picture.size)
    if longer <= side:
        return picture
    width, height = (max(1, round(edge * side / longer)) for edge in picture.size)
    return picture.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _mirror(pixels: Pixels, side: int) -> Pixels:
    """Return the piece mirrored at its right and lower edge until it is side x side."""
    height, width = pixels.shape[:2]
    if (height, width) == (side, side):
        return pixels
    return np.pad(pixels, ((0, side - height), (0, side - width), (0, 0)), mode="reflect")


def _clip(view: View, pieces: Sequence[tuple[float, Box, Pixels]], size: tuple[int, int]) -> Clip:
    return Clip(
        frames=np.stack([pixels for _, _, pixels in pieces]),
        times_s=np.array([time_s for time_s, _, _ in pieces], dtype=np.float64),
        boxes=np.array([box for _, box, _ in pieces], dtype=np.int32).reshape(-1, 4),
        size=size,
        view=view,
    )
