"""The metadata blocks of a file, cut out of its container without decoding a pixel.

Each walker follows the length fields of one container and keeps the blocks that speak of origin:
EXIF, XMP, IPTC, text, a C2PA store. Bytes outside the structure are never looked at, so that
something appended to a file cannot pose as metadata. Hostile lengths are expected: every read is
bounded, a walker stops at the first field that makes no sense and keeps what it has.
"""

import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO

LARGEST_BLOCK = 4 << 20  # bytes of one block that are read
LARGEST_TOTAL = 16 << 20  # bytes of all blocks of a file
MOST_STEPS = 20_000  # segments, chunks or boxes that are followed
RAW_PROFILE = "raw profile type "


@dataclass(kw_only=True)
class Blocks:
    """What a walker found.

    container: "jpeg", "png", "webp", "gif", "tiff", "bmff" (HEIC, AVIF, MP4, MOV) or "other".
    exif: TIFF-structured bytes. xmp: packets. photoshop: image resource blocks, with IPTC.
    iptc: IPTC-IIM records. texts: (key, text) pairs in file order. tables: quantisation tables
    in zig-zag order, by number. tags: tags of an MP4 or MOV, by name.
    directory: the first directory of a TIFF. size: width and height as
    stored. c2pa: a C2PA store is present.
    """

    container: str = "other"
    exif: bytes | None = None
    xmp: list[bytes] = field(default_factory=list)
    photoshop: bytes = b""
    iptc: bytes | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    tables: dict[int, tuple[int, ...]] = field(default_factory=dict)
    c2pa: bool = False
    directory: dict[int, str | bytes | int | float] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    left: int = LARGEST_TOTAL  # bytes that may still be read

    def take(self, file: BinaryIO, length: int) -> bytes:
        """Read a block of `length` bytes; empty when it or the sum is over the limits."""
        if length > min(LARGEST_BLOCK, self.left):
            file.seek(length, 1)
            return b""
        self.left -= length
        return file.read(length)


def read_jpeg(file: BinaryIO, found: Blocks) -> None:
    """Walk the segments up to the first scan."""
    file.seek(2)
    extended: dict[int, bytes] = {}
    for _ in range(MOST_STEPS):
        marker = _next_marker(file)
        if marker is None or marker in (0xD9, 0xDA):
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        head = file.read(2)
        length = int.from_bytes(head, "big") - 2
        if len(head) < 2 or length < 0:
            break
        data = found.take(file, length)
        _keep_segment(marker, data, found, extended)
    if extended:
        found.xmp.append(b"".join(extended[at] for at in sorted(extended)))


def _next_marker(file: BinaryIO) -> int | None:
    first = file.read(2)
    if len(first) < 2 or first[0] != 0xFF:
        return None
    marker = first[1]
    for _ in range(64):  # fill bytes
        if marker != 0xFF:
            return marker
        following = file.read(1)
        if not following:
            return None
        marker = following[0]
    return None


def _keep_segment(marker: int, data: bytes, found: Blocks, extended: dict[int, bytes]) -> None:
    if marker == 0xE1 and data.startswith(b"Exif\0"):
        found.exif = found.exif or data[6:]
    elif marker == 0xE1 and data.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
        found.xmp.append(data[29:])
    elif marker == 0xE1 and data.startswith(b"http://ns.adobe.com/xmp/extension/\0"):
        if len(data) > 75:
            extended[int.from_bytes(data[71:75], "big")] = data[75:]
    elif marker == 0xEB and data.startswith(b"JP") and b"jumb" in data[:32]:
        found.c2pa = True
    elif marker == 0xED and data.startswith(b"Photoshop 3.0\0"):
        found.photoshop += data[14:]
    elif marker == 0xFE:
        found.texts.append(("JPEG comment", data.decode("utf-8", "replace")))
    elif marker == 0xDB:
        _keep_tables(data, found)
    elif marker in (0xC0, 0xC1, 0xC2) and len(data) >= 5:
        height, width = struct.unpack(">HH", data[1:5])
        found.size = (width, height)


def _keep_tables(data: bytes, found: Blocks) -> None:
    at = 0
    while at < len(data):
        wide, number = data[at] >> 4, data[at] & 15
        length = 128 if wide else 64
        body = data[at + 1 : at + 1 + length]
        if len(body) < length:
            return
        found.tables[number] = struct.unpack(">64H", body) if wide else tuple(body)
        at += 1 + length


def read_png(file: BinaryIO, found: Blocks) -> None:
    """Walk the chunks up to IEND; text chunks may stand behind the pixels."""
    file.seek(8)
    for _ in range(MOST_STEPS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length > 0x7FFFFFFF or kind == b"IEND":
            break
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"IHDR"):
            _keep_chunk(kind, found.take(file, length), found)
            file.seek(4, 1)
        else:
            found.c2pa = found.c2pa or kind == b"caBX"
            file.seek(length + 4, 1)


def _keep_chunk(kind: bytes, data: bytes, found: Blocks) -> None:
    if kind == b"IHDR" and len(data) >= 8:
        width, height = struct.unpack(">II", data[:8])
        found.size = (width, height)
    elif kind == b"eXIf":
        found.exif = found.exif or data.removeprefix(b"Exif\0\0")
    else:
        key, text = _png_text(kind, data)
        _keep_text(key, text, found)


def _png_text(kind: bytes, data: bytes) -> tuple[str, bytes]:
    """Give back keyword and UTF-8 text of a tEXt, zTXt or iTXt chunk."""
    key, _, rest = data.partition(b"\0")
    name = key.decode("latin-1")
    if kind == b"tEXt":
        return name, _utf8(rest)
    if kind == b"zTXt":
        return name, _utf8(_inflate(rest[1:]))
    if len(rest) < 2:
        return name, b""
    _, _, body = rest[2:].partition(b"\0")  # language
    _, _, body = body.partition(b"\0")  # translated keyword
    return name, _inflate(body) if rest[0] == 1 else body


def _utf8(text: bytes) -> bytes:
    """Text chunks are Latin-1 by the standard; many generators write UTF-8 all the same."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1").encode("utf-8")
    return text


def _inflate(data: bytes) -> bytes:
    """Inflate at most LARGEST_BLOCK bytes; what is damaged gives what came before."""
    try:
        return zlib.decompressobj().decompress(data, LARGEST_BLOCK)
    except zlib.error:
        return b""


def _keep_text(key: str, text: bytes, found: Blocks) -> None:
    name = key.lower()
    if name == "xml:com.adobe.xmp":
        found.xmp.append(text)
    elif name.startswith(RAW_PROFILE):
        _keep_profile(name.removeprefix(RAW_PROFILE).strip(), text, found)
    elif key:
        found.texts.append((key, text.decode("utf-8", "replace")))


def _keep_profile(name: str, text: bytes, found: Blocks) -> None:
    """Unpack a hexadecimal profile: a name line, a length line, digits."""
    try:
        data = bytes.fromhex("".join(text.decode("ascii").split("\n")[3:]))
    except (UnicodeDecodeError, ValueError):
        return
    if name in ("exif", "app1") and data.startswith(b"Exif\0\0"):
        found.exif = found.exif or data[6:]
    elif name in ("iptc", "8bim"):
        found.photoshop += data
    elif name == "xmp":
        found.xmp.append(data)


def read_webp(file: BinaryIO, found: Blocks) -> None:
    """Walk the chunks of a RIFF file."""
    file.seek(12)
    for _ in range(MOST_STEPS):
        head = file.read(8)
        if len(head) < 8:
            break
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        if kind in (b"EXIF", b"XMP "):
            data = found.take(file, length)
            if kind == b"EXIF":
                found.exif = found.exif or data.removeprefix(b"Exif\0\0")
            else:
                found.xmp.append(data)
            file.seek(length % 2, 1)
        else:
            found.c2pa = found.c2pa or kind == b"C2PA"
            file.seek(length + length % 2, 1)


def read_gif(file: BinaryIO, found: Blocks) -> None:
    """Walk the blocks within the first LARGEST_BLOCK bytes."""
    file.seek(0)
    data = file.read(LARGEST_BLOCK)
    if len(data) < 13:
        return
    at = 13 + _colour_table(data[10])
    for _ in range(MOST_STEPS):
        if at + 2 > len(data):
            return
        if data[at] == 0x21:
            at = _gif_extension(data, at, found)
        elif data[at] == 0x2C and at + 10 < len(data):
            at, _ = _sub_blocks(data, at + 11 + _colour_table(data[at + 9]), keep=False)
        else:
            return


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_extension(data: bytes, at: int, found: Blocks) -> int:
    label = data[at + 1]
    if label == 0xFF and data[at + 3 : at + 14] == b"XMP DataXMP":
        end = data.find(b"\x01\xff\xfe", at)  # the magic trailer that ends the packet
        end = end if end >= 0 else len(data)
        found.xmp.append(data[at + 14 : end])
        return end + 258
    found.c2pa = found.c2pa or (label == 0xFF and data[at + 3 : at + 11] == b"C2PA_GIF")
    after, body = _sub_blocks(data, at + 2, keep=label == 0xFE)
    if label == 0xFE:
        found.texts.append(("GIF comment", body.decode("utf-8", "replace")))
    return after


def _sub_blocks(data: bytes, at: int, *, keep: bool) -> tuple[int, bytes]:
    """Follow sub-blocks to their end; give back the position behind them and their bytes."""
    parts = []
    while at < len(data) and data[at]:
        if keep:
            parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return at + 1, b"".join(parts)
