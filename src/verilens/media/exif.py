"""EXIF: the TIFF directories that cameras and programs write into pictures.

Read with bounds on every count and offset, because EXIF offsets may point anywhere. Positions and
owner names are not handed on: a report says that they exist, never what they are.
"""

import io
import struct
from collections.abc import Mapping
from typing import BinaryIO

DESCRIPTION, MAKE, MODEL, SOFTWARE, DATE, ARTIST = 270, 271, 272, 305, 306, 315
XMP, IPTC = 700, 33723
EXIF_DIRECTORY, GPS_DIRECTORY = 0x8769, 0x8825
EXPOSURE, F_NUMBER, ISO, TAKEN = 0x829A, 0x829D, 0x8827, 0x9003
MAKER_NOTE, USER_COMMENT, LENS = 0x927C, 0x9286, 0xA434
THUMBNAIL_AT, THUMBNAIL_LENGTH = 0x0201, 0x0202

MOST_ENTRIES = 512
LARGEST_VALUE = 4 << 20
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
LETTERS = {3: "H", 4: "I", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}

Value = str | bytes | int | float


class Exif:
    """The tags of one file. `main`, `exif` and `thumbnail` map tag numbers to values.

    Only the first number of a numeric tag is kept. has_position: a GPS directory is present.
    """

    def __init__(self, main: Mapping[int, Value], file: BinaryIO | None = None) -> None:
        self.main = dict(main)
        self.exif: dict[int, Value] = {}
        self.thumbnail: bytes | None = None
        self.has_position = GPS_DIRECTORY in main
        inner = main.get(EXIF_DIRECTORY)
        if file is not None and isinstance(inner, int):
            self.exif = read_directory(file, at=inner)

    def text(self, tag: int) -> str:
        """Give back a tag as clean text, "" when it is absent or not text."""
        value = self.main.get(tag, self.exif.get(tag, ""))
        return value.strip(" \0\t\r\n") if isinstance(value, str) else ""

    @property
    def user_comment(self) -> str:
        """The UserComment in the character set that its first eight bytes name."""
        value = self.exif.get(USER_COMMENT, self.main.get(USER_COMMENT, b""))
        if isinstance(value, str):
            return value.strip(" \0")
        return decode_comment(value) if isinstance(value, bytes) else ""


def read_exif(data: bytes) -> Exif:
    """Read EXIF from TIFF-structured bytes; damaged ones give what could be read."""
    file = io.BytesIO(data)
    found = Exif(read_directory(file), file)
    found.thumbnail = _thumbnail(file)
    return found


def read_directory(file: BinaryIO, at: int | None = None) -> dict[int, Value]:
    """Read one directory; without `at` the first one that the header names."""
    order, first = _header(file)
    if not order:
        return {}
    tags: dict[int, Value] = {}
    at = first if at is None else at
    file.seek(at)
    head = file.read(2)
    if len(head) < 2:
        return {}
    count = min(struct.unpack(order + "H", head)[0], MOST_ENTRIES)
    entries = file.read(12 * count)
    for start in range(0, len(entries) - 11, 12):
        tag, kind, number = struct.unpack(order + "HHI", entries[start : start + 8])
        value = _value(file, order, kind, number, entries[start + 8 : start + 12])
        if value is not None:
            tags[tag] = value
    return tags


def _header(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    if len(head) < 8 or not order:
        return "", 0
    return order, struct.unpack(order + "I", head[4:])[0]


def _value(file: BinaryIO, order: str, kind: int, number: int, inline: bytes) -> Value | None:
    size = SIZES.get(kind, 0) * number
    if not 0 < size <= LARGEST_VALUE:
        return None
    if size > 4:
        file.seek(struct.unpack(order + "I", inline)[0])
        data = file.read(size if kind in (1, 2, 7) else SIZES[kind])
    else:
        data = inline[:size]
    if kind == 2:
        return data.split(b"\0")[0].decode("utf-8", "replace")
    if kind in (1, 6, 7):
        return data
    return _number(data, order, kind)


def _number(data: bytes, order: str, kind: int) -> Value | None:
    if len(data) < SIZES[kind]:
        return None
    if kind in (5, 10):
        above, below = struct.unpack(order + ("II" if kind == 5 else "ii"), data[:8])
        return float(above / below) if below else 0.0
    number = struct.unpack(order + LETTERS[kind], data[: SIZES[kind]])[0]
    return float(number) if kind in (11, 12) else int(number)


def _thumbnail(file: BinaryIO) -> bytes | None:
    """Cut the JPEG thumbnail out of the second directory."""
    order, first = _header(file)
    if not order:
        return None
    file.seek(first)
    head = file.read(2)
    if len(head) < 2:
        return None
    file.seek(first + 2 + 12 * struct.unpack(order + "H", head)[0])
    pointer = file.read(4)
    if len(pointer) < 4 or pointer == b"\0\0\0\0":
        return None
    second = read_directory(file, at=struct.unpack(order + "I", pointer)[0])
    at, length = second.get(THUMBNAIL_AT), second.get(THUMBNAIL_LENGTH)
    if not isinstance(at, int) or not isinstance(length, int) or length > LARGEST_VALUE:
        return None
    file.seek(at)
    data = file.read(length)
    return data if data.startswith(b"\xff\xd8") else None


def decode_comment(data: bytes) -> str:
    """Decode a UserComment: an eight-byte name of the character set, then the text."""
    name, body = data[:8], data[8:]
    if name == b"UNICODE\0":
        text = _utf16(body)
    elif name == b"JIS\0\0\0\0\0":
        text = body.decode("iso2022_jp", "replace")
    elif name in (b"ASCII\0\0\0", bytes(8)):
        text = body.decode("utf-8", "replace")
    else:
        text = data.decode("utf-8", "replace")  # many programs leave the name out
    return text.strip(" \0\t\r\n")


def _utf16(body: bytes) -> str:
    """The standard forgets the byte order; zero bytes of plain letters give it away."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace")
    little = body[1:400:2].count(0) > body[0:400:2].count(0)
    return body.decode("utf-16-le" if little else "utf-16-be", "replace")
