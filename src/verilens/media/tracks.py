"""Who is who: follows faces over the sampled moments of a film by place, size and colours.

Moments may lie a frame or a minute apart. Close in time, a face is looked for where it was last
seen or was heading; the further apart, the more the colours of head and clothes must agree, and
they alone bring a person back who had left. A change of scene ends every track: what follows are
new persons. Nobody is recognised: two people dressed alike may be taken for one, one person in
new light for two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media.cuts import cut_after
from verilens.media.faces import Face, overlaps
from verilens.records import Clip, Person

Histogram = NDArray[np.float32]

FACES = 8  # of one moment that are followed, largest first
_REACH = 1.0  # face lengths within which a face is looked for at once ...
_SPEED = 2.5  # ... and as many more a second later ...
_FARTHEST = 5.0  # ... up to this
_GROWTH = 2.5  # most that a face grows or shrinks from one sighting to the next
_ALIKE = 0.55  # most that the colours of a face in reach may differ, 0 to 1
_SAME = 0.25  # most that those of a face out of reach may
_PLACE = 0.3  # what the edge of the reach counts, in units of colour difference
_COASTING_S = 1.0  # how old a sighting may be that says where a face is heading
_BINS = (12, 4, 4)  # hue, saturation, value
_THUMBNAIL = (64, 36)  # by which cuts are told
_NEAR_S = 1.0  # between sightings of two samplings that may be compared


@dataclass(frozen=True)
class Look:
    """One moment: its faces, the colours of each, and what tells its scene from another.

    colours: a histogram of head and clothes for each face. scene: the picture in small.
    """

    time_s: float
    faces: tuple[Face, ...]
    colours: tuple[Histogram, ...]
    scene: NDArray[np.uint8]


class Sighting(NamedTuple):
    """A face: which moment, and which face of it."""

    moment: int
    face: int


def look(time_s: float, picture: Image.Image, faces: Sequence[Face]) -> Look:
    """Return what is kept of a moment to follow its faces."""
    small = np.asarray(picture.resize(_THUMBNAIL, Image.Resampling.BOX, reducing_gap=2.0))
    chosen = tuple(faces[:FACES])
    return Look(
        time_s=time_s,
        faces=chosen,
        colours=tuple(_colours(picture, face) for face in chosen),
        scene=small,
    )


def followed(looks: Sequence[Look]) -> list[list[Sighting]]:
    """Return the sightings of each person in order of time, who fills most of the picture first."""
    done: list[list[Sighting]] = []
    tracks: list[list[Sighting]] = []
    cuts = _cuts(looks)
    for now, moment in enumerate(looks):
        if now in cuts:
            done, tracks = done + tracks, []
        free = set(range(len(moment.faces)))
        for _, number, face in _pairs(looks, tracks, now):
            if face in free and tracks[number][-1].moment < now:
                tracks[number].append(Sighting(now, face))
                free.remove(face)
        tracks += [[Sighting(now, face)] for face in sorted(free)]
    return sorted(done + tracks, key=lambda track: (-_filled(looks, track), track))


def _cuts(looks: Sequence[Look]) -> set[int]:
    """Return the moments at which another scene begins."""
    if not looks:
        return set()
    found = cut_after(np.stack([moment.scene for moment in looks]), np.arange(len(looks)))
    return {int(n) + 1 for n in np.flatnonzero(found)}


def _filled(looks: Sequence[Look], track: Sequence[Sighting]) -> float:
    return sum(looks[at].faces[n].side ** 2 for at, n in track)


def _pairs(
    looks: Sequence[Look], tracks: Sequence[Sequence[Sighting]], now: int
) -> list[tuple[float, int, int]]:
    """Return (cost, track, face) of what may belong together, the surest first."""
    found = [
        (cost, number, face)
        for number, track in enumerate(tracks)
        for face in range(len(looks[now].faces))
        if (cost := _cost(looks, track, Sighting(now, face))) is not None
    ]
    return sorted(found)


def _cost(looks: Sequence[Look], track: Sequence[Sighting], new: Sighting) -> float | None:
    """Return how little a face looks like a track's next sighting; None when it is not."""
    last = track[-1]
    old_face, face = looks[last.moment].faces[last.face], looks[new.moment].faces[new.face]
    passed_s = looks[new.moment].time_s - looks[last.moment].time_s
    if max(old_face.side, face.side) > _GROWTH * min(old_face.side, face.side):
        return None
    colours = difference(looks[last.moment].colours[last.face], looks[new.moment].colours[new.face])
    reach = min(_REACH + _SPEED * passed_s, _FARTHEST) * (old_face.side + face.side) / 2
    stray = float(np.linalg.norm(_centre(face) - _expected(looks, track, passed_s))) / reach
    if colours > (_ALIKE if stray <= 1 else _SAME):
        return None
    return colours + _PLACE * min(stray, 2.0)


def _expected(
    looks: Sequence[Look], track: Sequence[Sighting], ahead_s: float
) -> NDArray[np.float64]:
    """Return where a face should be, were it to go on as it went."""
    last = track[-1]
    centre = _centre(looks[last.moment].faces[last.face])
    if len(track) < 2 or ahead_s > _COASTING_S:
        return centre
    earlier = track[-2]
    passed_s = looks[last.moment].time_s - looks[earlier.moment].time_s
    if not 0 < passed_s <= _COASTING_S:
        return centre
    moved = centre - _centre(looks[earlier.moment].faces[earlier.face])
    return centre + moved * (ahead_s / passed_s)


def _centre(face: Face) -> NDArray[np.float64]:
    left, top, right, bottom = face.box
    return np.array([(left + right) / 2, (top + bottom) / 2])


def _colours(picture: Image.Image, face: Face) -> Histogram:
    """Return the colours of head and clothes, each with half of the say; the head alone if cut."""
    left, top, right, bottom = face.box
    width, height = right - left, bottom - top
    head = (left - 0.1 * width, top - 0.2 * height, right + 0.1 * width, bottom)
    clothes = (left, bottom + 0.3 * height, right, bottom + 1.0 * height)
    parts = [found for box in (head, clothes) if (found := _part(picture, box)) is not None]
    if not parts:
        return np.full(np.prod(_BINS), 1 / np.prod(_BINS), np.float32)
    return np.asarray(np.mean(parts, axis=0), np.float32)


def _part(picture: Image.Image, box: tuple[float, float, float, float]) -> Histogram | None:
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    right, bottom = min(picture.width, int(box[2])), min(picture.height, int(box[3]))
    if right - left < 4 or bottom - top < 4:
        return None
    small = picture.resize((16, 16), Image.Resampling.BOX, (left, top, right, bottom))
    return _histogram(np.asarray(small))


def _histogram(rgb: NDArray[np.uint8]) -> Histogram:
    """Return shares of hue, saturation and value, smoothed so that a shade lighter is near."""
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256])
    counts = 2 * counts + np.roll(counts, 1, 0) + np.roll(counts, -1, 0)
    for axis in (1, 2):
        edges = np.pad(counts, [(int(n == axis),) * 2 for n in range(3)], mode="edge")
        below, above = (np.take(edges, range(o, o + _BINS[axis]), axis) for o in (0, 2))
        counts = 2 * counts + below + above
    return np.asarray(counts.ravel() / max(float(counts.sum()), 1.0), np.float32)


def difference(a: Histogram, b: Histogram) -> float:
    """Return the Hellinger distance of two histograms: 0 the same, 1 nothing in common."""
    return float(np.sqrt(max(0.0, 1.0 - float(np.sqrt(a * b).sum()))))


def same(earlier: Sequence[Person], later: Sequence[Person]) -> dict[int, int]:
    """Return the track of `earlier` that each track of `later` is; both are of one film.

    Boxes are compared at the moments nearest to each other, at most _NEAR_S apart.
    """
    scores = sorted((-_shared(old, new), old.track, new.track) for old in earlier for new in later)
    found: dict[int, int] = {}
    for score, old, new in scores:
        if score < 0 and new not in found and old not in found.values():
            found[new] = old
    return found


def _shared(old: Person, new: Person) -> float:
    """Return the sum of overlaps at moments they have in common."""
    boxes = dict(zip(new.times_s, new.boxes, strict=True))
    return sum(
        float(overlaps(np.array(box, float), np.array([boxes[near]], float))[0])
        for time_s, box in zip(old.times_s, old.boxes, strict=True)
        if (near := min(boxes, key=lambda t: abs(t - time_s))) is not None
        and abs(near - time_s) <= _NEAR_S
    )


def renumbered(clip: Clip, names: Mapping[int, int]) -> Clip:
    """Return a face clip with other track numbers; crops of tracks without one are left out."""
    if clip.tracks is None:
        return clip
    kept = np.isin(clip.tracks, list(names))
    return replace(
        clip,
        frames=clip.frames[kept],
        times_s=clip.times_s[kept],
        boxes=clip.boxes[kept],
        tracks=np.array([names[int(n)] for n in clip.tracks[kept]], np.int32),
    )


def by_track(clip: Clip) -> dict[int, Clip]:
    """Return the crops of each person in a face clip, moment after moment, by track."""
    tracks = np.zeros(0, np.int32) if clip.tracks is None else clip.tracks
    return {int(n): renumbered(clip, {int(n): int(n)}) for n in np.unique(tracks)}
