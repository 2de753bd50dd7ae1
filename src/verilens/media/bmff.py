"""Boxes of the ISO base media format: HEIC, AVIF, MP4, MOV.

Walks only the boxes on the way to metadata: XMP and C2PA `uuid` boxes, EXIF and XMP items of a
picture, user data and keyed tags of a film. Media data is stepped over, whatever its length.
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, NamedTuple

from verilens.media.blocks import LARGEST_BLOCK, MOST_STEPS, Blocks

C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
DEEPEST = 8
MOST_ITEMS = 4096
EPOCH = datetime(1904, 1, 1, tzinfo=UTC)


class Box(NamedTuple):
    """kind: four characters. at, end: where the content begins and ends in the file."""

    kind: bytes
    at: int
    end: int


def boxes(file: BinaryIO, at: int, end: int) -> Iterator[Box]:
    """Step through the boxes that lie side by side between two positions."""
    for _ in range(MOST_STEPS):
        if at + 8 > end:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        size, start = int.from_bytes(head[:4], "big"), at + 8
        if size == 1 and len(head) == 16:
            size, start = int.from_bytes(head[8:], "big"), at + 16
        elif size == 0:
            size = end - at
        if size < start - at:
            return
        yield Box(head[4:8], start, min(at + size, end))
        at += size


def read_bmff(file: BinaryIO, found: Blocks) -> None:
    """Walk the top level of the file and what hangs below `meta` and `moov`."""
    end = file.seek(0, 2)
    for box in boxes(file, 0, end):
        if box.kind == b"ftyp":
            found.tags["brand"] = _brands(_content(file, box, found))
        elif box.kind == b"uuid":
            _keep_uuid(file, box, found)
        elif box.kind == b"meta":
            _read_items(file, box, found)
        elif box.kind == b"moov":
            _read_movie(file, box, found)


def _content(file: BinaryIO, box: Box, found: Blocks) -> bytes:
    file.seek(box.at)
    return found.take(file, box.end - box.at)


def _brands(data: bytes) -> str:
    names = [data[:4], *(data[at : at + 4] for at in range(8, min(len(data), 72), 4))]
    return " ".join(dict.fromkeys(name.decode("ascii", "replace").strip() for name in names))


def _keep_uuid(file: BinaryIO, box: Box, found: Blocks) -> None:
    file.seek(box.at)
    name = file.read(16)
    if name == C2PA_UUID:
        found.c2pa = True
    elif name == XMP_UUID:
        found.xmp.append(found.take(file, box.end - box.at - 16))


def _read_items(file: BinaryIO, meta: Box, found: Blocks) -> None:
    """Find the EXIF and XMP items of a HEIC or AVIF picture."""
    kinds: dict[int, bytes] = {}
    places: dict[int, tuple[int, int, int]] = {}
    data_at = 0
    for box in boxes(file, meta.at + 4, meta.end):
        if box.kind == b"iinf":
            kinds = _item_kinds(file, box, found)
        elif box.kind == b"iloc":
            places = item_places(_content(file, box, found))
        elif box.kind == b"idat":
            data_at = box.at
    for item, kind in kinds.items():
        if item not in places:
            continue
        method, at, length = places[item]
        file.seek(at + (data_at if method == 1 else 0))
        data = found.take(file, length)
        if kind == b"Exif" and len(data) > 4:
            found.exif = found.exif or _exif_item(data)
        elif kind == b"mime" and b"<x:xmpmeta" in data[:512]:
            found.xmp.append(data)


def _exif_item(data: bytes) -> bytes:
    """An EXIF item begins with the distance to its TIFF header."""
    return data[4 + int.from_bytes(data[:4], "big") :].removeprefix(b"Exif\0\0")


def _item_kinds(file: BinaryIO, iinf: Box, found: Blocks) -> dict[int, bytes]:
    file.seek(iinf.at)
    version = file.read(1)
    start = iinf.at + (6 if version == b"\0" else 8)
    kinds: dict[int, bytes] = {}
    for box in boxes(file, start, iinf.end):
        data = _content(file, box, found)
        if box.kind != b"infe" or len(data) < 12 or len(kinds) >= MOST_ITEMS:
            continue
        wide = data[0] >= 3
        item = int.from_bytes(data[4:8] if wide else data[4:6], "big")
        kind = data[10:14] if wide else data[8:12]
        if kind in (b"Exif", b"mime"):
            kinds[item] = kind
    return kinds


def item_places(data: bytes) -> dict[int, tuple[int, int, int]]:
    """Parse an `iloc` box: item number -> (construction method, position, length).

    Only the first extent of an item is kept; metadata items have one.
    """
    places: dict[int, tuple[int, int, int]] = {}
    if len(data) < 8:
        return places
    version = data[0]
    of_offset, of_length = data[4] >> 4, data[4] & 15
    of_base, of_index = data[5] >> 4, (data[5] & 15) if version else 0
    wide = 4 if version == 2 else 2
    count, at = int.from_bytes(data[6 : 6 + wide], "big"), 6 + wide
    for _ in range(min(count, MOST_ITEMS)):
        item = int.from_bytes(data[at : at + wide], "big")
        at += wide
        method = int.from_bytes(data[at : at + 2], "big") & 15 if version else 0
        at += (2 if version else 0) + 2
        base = int.from_bytes(data[at : at + of_base], "big")
        at += of_base
        extents = int.from_bytes(data[at : at + 2], "big")
        at += 2 + of_index
        offset = int.from_bytes(data[at : at + of_offset], "big")
        length = int.from_bytes(data[at + of_offset : at + of_offset + of_length], "big")
        at += of_offset + of_length + (extents - 1) * (of_index + of_offset + of_length)
        if extents < 1 or at > len(data):
            break
        places[item] = (method, base + offset, length)
    return places


def _read_movie(file: BinaryIO, moov: Box, found: Blocks, depth: int = 0) -> None:
    for box in boxes(file, moov.at, moov.end):
        if box.kind == b"mvhd":
            _keep_creation(_content(file, box, found), found)
        elif box.kind == b"XMP_":
            found.xmp.append(_content(file, box, found))
        elif box.kind == b"uuid":
            _keep_uuid(file, box, found)
        elif box.kind == b"udta" and depth < DEEPEST:
            _read_movie(file, box, found, depth + 1)
        elif box.kind == b"meta":
            _read_keys(file, box, found)
        elif box.kind[:1] == b"\xa9" or box.kind == b"AIGC":
            _keep_text(box.kind, _content(file, box, found), found)


def _keep_creation(data: bytes, found: Blocks) -> None:
    wide = data[:1] == b"\1"
    seconds = int.from_bytes(data[4:12] if wide else data[4:8], "big")
    if 0 < seconds < 1 << 33:
        found.tags["creation_time"] = (EPOCH + timedelta(seconds=seconds)).isoformat()


def _keep_text(kind: bytes, data: bytes, found: Blocks) -> None:
    """QuickTime user data: length, language, text; or the bare text."""
    name = kind.decode("latin-1")
    if len(data) >= 4 and int.from_bytes(data[:2], "big") <= len(data) - 4 and data[0] < 32:
        data = data[4 : 4 + int.from_bytes(data[:2], "big")]
    found.tags.setdefault(name, data.decode("utf-8", "replace").strip("\0 "))


def _read_keys(file: BinaryIO, meta: Box, found: Blocks) -> None:
    """Keyed tags: `keys` names them, `ilst` holds the values; iTunes tags need no names."""
    file.seek(meta.at)
    start = meta.at if file.read(8)[4:] in (b"hdlr", b"keys") else meta.at + 4
    names: list[str] = []
    for box in boxes(file, start, meta.end):
        if box.kind == b"keys":
            names = key_names(_content(file, box, found))
        elif box.kind == b"ilst":
            for entry in boxes(file, box.at, box.end):
                index = struct.unpack(">I", entry.kind)[0]
                known = 1 <= index <= len(names)
                name = names[index - 1] if known else entry.kind.decode("latin-1")
                _keep_value(name, _content(file, entry, found), found)


def key_names(data: bytes) -> list[str]:
    """Parse a `keys` box into the names it lists."""
    names: list[str] = []
    at = 8
    while at + 8 <= len(data) and len(names) < MOST_ITEMS:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8:
            break
        names.append(data[at + 8 : at + size].decode("utf-8", "replace"))
        at += size
    return names


def _keep_value(name: str, data: bytes, found: Blocks) -> None:
    """A value is a `data` atom: size, kind, type (1 is UTF-8 text), locale, text."""
    if data[4:8] == b"data" and data[8:12] == b"\0\0\0\1" and len(data) <= LARGEST_BLOCK:
        found.tags.setdefault(name, data[16:].decode("utf-8", "replace").strip("\0 "))
