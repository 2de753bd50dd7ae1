"""What decoders let pass: protected files, and pictures whose bytes do not match their checksums.

Pillow does not compare the checksums of PNG pixel data, so a damaged picture would be scored; libav
decodes an encrypted film into noise.
"""

import re
import zlib
from typing import BinaryIO

from verilens.errors import MediaError
from verilens.media.bmff import boxes
from verilens.media.sniff import Format

_MOST_BYTES = 64 << 20
_EBML_HEAD = 256 << 10
# ContentEncodings > ContentEncoding > ContentEncryption, each behind its length.
_EBML_ENCRYPTION = re.compile(rb"\x6d\x80.{1,8}\x62\x40.{1,64}\x50\x35", re.DOTALL)


def refuse_protected(file: BinaryIO, form: Format, name: str) -> None:
    """Raise MediaError "encrypted" for a film or a HEIC picture with protected content."""
    marks = {"mov": (b"moov", b"encv"), "HEIF": (b"meta", b"ipro"), "AVIF": (b"meta", b"ipro")}
    protected = False
    if form.name in marks:
        place, mark = marks[form.name]
        for box in boxes(file, 0, file.seek(0, 2)):
            if box.kind == place:
                file.seek(box.at)
                protected = mark in file.read(min(box.end - box.at, _MOST_BYTES))
                break
    elif form.demuxer == "matroska":
        file.seek(0)
        protected = _EBML_ENCRYPTION.search(file.read(_EBML_HEAD)) is not None
    file.seek(0)
    if protected:
        message = f"{name}: its content is encrypted (DRM); export a copy without protection"
        raise MediaError("encrypted", message)


def check_png(file: BinaryIO, name: str) -> None:
    """Raise MediaError "corrupt" when a needed chunk fails its checksum or the end is missing."""
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind[0] & 0x20:  # not needed to show the picture
            file.seek(length + 4, 1)
            continue
        found = zlib.crc32(kind)
        while length > 0 and (data := file.read(min(length, 1 << 20))):
            found = zlib.crc32(data, found)
            length -= len(data)
        stated = file.read(4)
        if len(stated) < 4:
            break
        if found != int.from_bytes(stated, "big"):
            part = kind.decode("ascii", "replace")
            raise MediaError(
                "corrupt", f"{name}: damaged: part {part!r} fails its checksum; get another copy"
            )
        if kind == b"IEND":
            file.seek(0)
            return
    raise MediaError("corrupt", f"{name}: cut short: its end is missing; get another copy")
