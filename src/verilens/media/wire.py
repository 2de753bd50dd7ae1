"""How an `Opened` or a `MediaError` travels from the decoder process to its parent.

    8 bytes  length of the header, big endian
    header   JSON: the facts, and shape and view of each array
    arrays   raw bytes, one after the other

The decoder may have been taken over by the file it decoded, so the parent unpickles nothing and
believes no number: every length is checked against what the views can produce.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import BinaryIO, cast, get_args

import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError, MediaErrorKind
from verilens.media.opened import Limits, Opened
from verilens.records import Clip, Media, Provenance, ProvenanceClaim, Quality, View

MAX_HEADER_BYTES = 16 << 20
_LENGTH = struct.Struct(">Q")

Read = Callable[[memoryview], None]


class WireError(Exception):
    """The decoder said something it must not say."""


def request(path: str, name: str, views: Sequence[View]) -> bytes:
    """Return one line that asks for a file. name: what messages call it."""
    fields = {"path": path, "name": name, "views": [asdict(view) for view in views]}
    return json.dumps(fields).encode() + b"\n"


def parse_request(line: bytes) -> tuple[str, str, list[View]]:
    """Return what `request` was given."""
    fields = json.loads(line)
    return fields["path"], fields["name"], [View(**view) for view in fields["views"]]


def send(stream: BinaryIO, opened: Opened) -> None:
    """Write what a file gave."""
    arrays: list[NDArray[np.generic]] = []
    clips = []
    for view, clip in opened.clips.items():
        arrays += [clip.frames, clip.times_s, clip.boxes]
        clips.append({"view": asdict(view), "shape": clip.frames.shape, "size": clip.size})
    _send(stream, {"media": asdict(opened.media), "clips": clips}, arrays)


def send_error(stream: BinaryIO, error: MediaError) -> None:
    """Write why a file gave nothing."""
    _send(stream, {"error": {"kind": error.kind, "message": error.message[:2000]}}, ())


def _send(
    stream: BinaryIO, header: Mapping[str, object], arrays: Sequence[NDArray[np.generic]]
) -> None:
    text = json.dumps(header, default=_plain).encode()
    stream.write(_LENGTH.pack(len(text)) + text)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data.cast("B"))
    stream.flush()


def _plain(value: object) -> object:
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
        clips = {}
        for view, fields in zip(views, header["clips"], strict=True):
            if View(**fields["view"]) != view:
                raise WireError("a view nobody asked for")
            clips[view] = _clip(read, view, fields["shape"], (media.width, media.height), limits)
        return Opened(media=media, clips=clips)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"an ill-formed answer: {error}") from error


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
    most = min(view.frames, limits.max_moments) * max(1, view.crops)
    if not (1 <= count <= most and channels == 3):
        raise WireError(f"{count} crops of {channels} channels")
    if not (1 <= height <= view.size and 1 <= width <= view.size):
        raise WireError(f"crops of {width} x {height} pixels")
    frames: NDArray[np.uint8] = np.empty((count, height, width, 3), np.uint8)
    times_s: NDArray[np.float64] = np.empty(count, np.float64)
    boxes: NDArray[np.int32] = np.empty((count, 4), np.int32)
    for array in (frames, times_s, boxes):
        read(array.data.cast("B"))
    if not np.isfinite(times_s).all() or boxes.min() < 0 or boxes.max() > max(size):
        raise WireError("times or boxes outside the file")
    return Clip(frames=frames, times_s=times_s, boxes=boxes, size=size, view=view)


def _media(fields: Mapping[str, object], path: str) -> Media:
    """Return the facts, every field of its type; the path is the parent's own."""
    media = Media(**{**fields, "path": path})  # type: ignore[arg-type]
    quality = Quality(**_mapping(fields["quality"]))  # type: ignore[arg-type]
    provenance = _mapping(fields["provenance"])
    claims = [
        ProvenanceClaim(**_mapping(claim))  # type: ignore[arg-type]
        for claim in _sequence(provenance.get("claims", ()))
    ]
    whole = [media.size_bytes, media.width, media.height]
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in whole):
        raise WireError(f"sizes {whole}")
    for number in (media.duration_s, media.fps):
        if number is not None and not (type(number) in (int, float) and math.isfinite(number)):
            raise WireError(f"the number {number!r}")
    if media.kind not in ("image", "video") or len(str(media.sha256)) != 64:
        raise WireError("a file that is neither image nor video")
    return Media(
        **{
            **fields,  # type: ignore[arg-type]
            "path": path,
            "quality": Quality(**{**asdict(quality), "notes": tuple(quality.notes)}),
            "provenance": Provenance(
                **{  # type: ignore[arg-type]
                    **provenance,
                    "claims": tuple(claims),
                    "notes": tuple(_sequence(provenance.get("notes", ()))),
                }
            ),
        }
    )


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise WireError(f"{type(value).__name__} where a table was due")
    return value


def _sequence(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise WireError(f"{type(value).__name__} where a list was due")
    return value
