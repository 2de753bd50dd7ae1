"""How an `Opened` or a `MediaError` travels from the decoder process to its parent.

    8 bytes  length of the header, big endian
    header   JSON: the facts, and shape and view of each array
    arrays   raw bytes, one after the other

The decoder may have been taken over by the file it decoded, so the parent unpickles nothing and
believes no number: every length is checked against what the views can produce.
"""

import functools
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, BinaryIO, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError, MediaErrorKind
from verilens.media.opened import PEOPLE, Limits, Opened
from verilens.records import Clip, Faces, Media, Person, Provenance, Quality, View

MAX_HEADER_BYTES = 16 << 20
_LENGTH = struct.Struct(">Q")
_LARGEST = 1 << 62

Read = Callable[[memoryview], None]


class WireError(Exception):
    """The decoder said something it must not say."""


class Request(NamedTuple):
    """One file that is asked for. name: what messages call it. examined: as of `read.read`."""

    path: str
    name: str
    views: Sequence[View]
    examined: bool = True


def request(asked: Request) -> bytes:
    """Return the line that asks for a file."""
    fields = {**asked._asdict(), "views": [asdict(view) for view in asked.views]}
    return json.dumps(fields).encode() + b"\n"


def parse_request(line: bytes) -> Request:
    """Return what `request` was given."""
    fields = json.loads(line)
    return Request(**{**fields, "views": [View(**view) for view in fields["views"]]})


def send(stream: BinaryIO, opened: Opened) -> None:
    """Write what a file gave."""
    arrays: list[NDArray[np.generic]] = []
    clips = []
    for view, clip in opened.clips.items():
        arrays += [clip.frames, clip.times_s, clip.boxes]
        arrays += [] if clip.tracks is None else [clip.tracks]
        clips.append({"view": asdict(view), "shape": clip.frames.shape, "size": clip.size})
    faces = asdict(opened.faces) if opened.faces else None
    facts = {"media": _sendable(opened.media), "bands": opened.bands, "faces": faces}
    _send(stream, {**facts, "clips": clips}, arrays)


def send_facts(stream: BinaryIO, facts: Mapping[str, str | int]) -> None:
    """Write what is known of a file, without pixels."""
    _send(stream, {"facts": dict(facts)}, ())


def send_error(stream: BinaryIO, error: MediaError) -> None:
    """Write why a file gave nothing."""
    _send(stream, {"error": {"kind": error.kind, "message": error.message[:2000]}}, ())


def _send(
    stream: BinaryIO, header: Mapping[str, object], arrays: Sequence[NDArray[np.generic]]
) -> None:
    text = json.dumps(header, default=_plain).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for array in arrays:
        if array.size:
            stream.write(np.ascontiguousarray(array).data.cast("B"))
    stream.flush()


def _sendable(media: Media) -> object:
    """Return the facts as JSON values the parent will accept; odd metadata is left behind."""
    without = replace(media, provenance=Provenance(notes=("its provenance cannot be shown",)))
    for candidate in (media, without, replace(without, quality=Quality(notes=("not measured",)))):
        try:
            text = json.dumps(asdict(candidate), default=_plain, allow_nan=False)
            fields = json.loads(text)
            _build(Media, fields)
        except (ValueError, TypeError, RecursionError, WireError):
            continue
        if len(text) < MAX_HEADER_BYTES // 2:
            return fields
    raise WireError("facts that cannot be sent")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def receive(read: Read, path: str, views: Sequence[View], limits: Limits) -> Opened:
    """Return what the decoder sent; `read` fills a buffer. Raises MediaError and WireError."""
    length = _LENGTH.unpack(_take(read, _LENGTH.size))[0]
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise WireError(f"a header of {length} bytes")
    try:
        header = json.loads(_take(read, length), parse_constant=_refuse_constant)
        if "error" in header:
            raise _error(header["error"])
        media = _media(header["media"], path)
        bands = cast(int, _build(int, header["bands"]))
        asked = [view for view in views if view.reads(media.kind, bands)]
        faces = _faces(header["faces"], media, limits) if _has_faces(asked) else None
        clips = {}
        for view, fields in zip(asked, header["clips"], strict=True):
            if View(**fields["view"]) != view:
                raise WireError("a view nobody asked for")
            clips[view] = _clip(read, view, fields["shape"], (media.width, media.height), limits)
            _check_tracks(clips[view], faces)
        return Opened(media=media, clips=clips, faces=faces, bands=bands)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"an ill-formed answer: {error}") from error


def receive_facts(read: Read) -> dict[str, str | int]:
    """Return what `send_facts` wrote. Raises MediaError and WireError."""
    length = _LENGTH.unpack(_take(read, _LENGTH.size))[0]
    if not 2 <= length <= MAX_HEADER_BYTES:
        raise WireError(f"a header of {length} bytes")
    try:
        header = json.loads(_take(read, length), parse_constant=_refuse_constant)
        if "error" in header:
            raise _error(header["error"])
        facts = {str(key): value for key, value in header["facts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"an ill-formed answer: {error}") from error
    if not all(type(value) in (int, str) for value in facts.values()):
        raise WireError("facts that are no words or numbers")
    return facts


def _take(read: Read, count: int) -> bytes:
    buffer = bytearray(count)
    read(memoryview(buffer))
    return bytes(buffer)


def _refuse_constant(text: str) -> float:
    raise WireError(f"the number {text}")


def _error(fields: Mapping[str, str]) -> MediaError:
    kind = fields["kind"]
    if kind not in get_args(MediaErrorKind):
        raise WireError(f"the error kind {kind!r}")
    message = "".join(c if c.isprintable() else " " for c in str(fields["message"]))
    return MediaError(cast(MediaErrorKind, kind), message)


def _clip(
    read: Read, view: View, shape: Sequence[int], size: tuple[int, int], limits: Limits
) -> Clip:
    count, height, width, channels = (int(n) for n in shape)
    has_faces = view.fit == "face"
    crops = PEOPLE if has_faces else max(1, view.crops)
    most = min(view.frames, limits.max_moments) * crops
    if not ((not has_faces) <= count <= most and channels == view.bands):
        raise WireError(f"{count} crops of {channels} channels")
    least = view.size if has_faces else 1
    if not (least <= height <= view.size and least <= width <= view.size):
        raise WireError(f"crops of {width} x {height} pixels")
    frames: NDArray[np.uint8] = np.empty((count, height, width, channels), np.uint8)
    times_s: NDArray[np.float64] = np.empty(count, np.float64)
    boxes: NDArray[np.int32] = np.empty((count, 4), np.int32)
    tracks: NDArray[np.int32] | None = np.empty(count, np.int32) if has_faces else None
    arrays: list[NDArray[Any]] = [frames, times_s, boxes]
    for array in (*arrays, *([] if tracks is None else [tracks])):
        if array.size:
            read(array.data.cast("B"))
    outside = boxes.size and (boxes.min() < 0 or boxes.max() > max(size))
    if not np.isfinite(times_s).all() or outside:
        raise WireError("times or boxes outside the file")
    return Clip(frames=frames, times_s=times_s, boxes=boxes, size=size, view=view, tracks=tracks)


def _has_faces(views: Sequence[View]) -> bool:
    return any(view.fit == "face" for view in views)


def _faces(fields: Mapping[str, object], media: Media, limits: Limits) -> Faces:
    """Return who was found: few, numbered in order, at rising times, inside the picture."""
    if fields.keys() != {"people", "small_px", "further"}:
        raise WireError("no Faces")
    small_px, further = (cast(int, _build(int, fields[name])) for name in ("small_px", "further"))
    listed = fields["people"]
    if not isinstance(listed, list) or len(listed) > PEOPLE or min(small_px, further) < 0:
        raise WireError("a crowd, or a negative one")
    people = tuple(_person(item, media, limits) for item in listed)
    if [person.track for person in people] != [*range(1, len(people) + 1)]:
        raise WireError("persons out of order")
    return Faces(people=people, small_px=small_px, further=further)


def _person(fields: Mapping[str, object], media: Media, limits: Limits) -> Person:
    person = cast(Person, _record(Person, {**fields, "verdict": None}))
    if not 1 <= len(person.times_s) == len(person.boxes) <= limits.max_moments:
        raise WireError("a person without a place")
    if any(a >= b for a, b in pairwise(person.times_s)):
        raise WireError("times out of order")
    for box in person.boxes:
        left, top, right, bottom = box
        if not (0 <= left < right <= media.width and 0 <= top < bottom <= media.height):
            raise WireError("a face outside the picture")
    return person


def _check_tracks(clip: Clip, faces: Faces | None) -> None:
    people = len(faces.people) if faces else 0
    if clip.tracks is not None and not ((clip.tracks >= 1) & (clip.tracks <= people)).all():
        raise WireError("a face of nobody")


def _media(fields: object, path: str) -> Media:
    """Return the facts, every field of its type; the path is the parent's own."""
    media = cast(Media, _build(Media, fields))
    if len(media.sha256) != 64 or min(media.width, media.height) < 1:
        raise WireError("facts that cannot be")
    return replace(media, path=path)


def _build(hint: object, value: object) -> object:
    """Return a JSON value as the type that an annotation of `records` names."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is object:
        return value
    if isinstance(hint, type) and is_dataclass(hint):
        return _record(hint, value)
    if origin is Literal and value in parts:
        return value
    if origin is UnionType:
        kinds = [part for part in parts if part is not NoneType]
        return None if value is None else _build(kinds[0], value)
    if origin is tuple and isinstance(value, list):
        return tuple(_build(parts[0], item) for item in value)
    if origin is Mapping and isinstance(value, dict):
        return {str(key): _build(parts[1], item) for key, item in value.items()}
    if hint is float and type(value) in (int, float):
        return _finite(value)
    if hint in (int, str, bool) and type(value) is hint:
        return _finite(value) if hint is int else value
    raise WireError(f"{str(value)[:40]!r} where {hint} was due")


def _record(kind: type, value: object) -> object:
    hints = _hints(kind)
    if not isinstance(value, dict) or value.keys() != hints.keys():
        raise WireError(f"no {kind.__name__}")
    return kind(**{name: _build(hint, value[name]) for name, hint in hints.items()})


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return get_type_hints(kind)


def _finite(value: object) -> object:
    if not -_LARGEST < cast(float, value) < _LARGEST:
        raise WireError(f"the number {value}")
    return value
