"""Opens any container that can carry metadata and hands its blocks back, told by content."""

from pathlib import Path
from typing import BinaryIO

from verilens.media.blocks import Blocks, read_gif, read_jpeg, read_png, read_webp
from verilens.media.bmff import read_bmff
from verilens.media.exif import IPTC, XMP, read_directory

C2PA_IN_TIFF = 0xCD41
BOX_STARTS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def read_blocks(path: Path) -> Blocks:
    """Cut the metadata blocks out of a file.

    An unknown or damaged container gives what was found up to there; raises OSError only when the
    file cannot be opened or read.
    """
    found = Blocks()
    with path.open("rb") as file:
        head = file.read(16)
        found.container = container_of(head)
        if found.container == "jpeg":
            read_jpeg(file, found)
        elif found.container == "png":
            read_png(file, found)
        elif found.container == "webp":
            read_webp(file, found)
        elif found.container == "gif":
            read_gif(file, found)
        elif found.container == "tiff":
            read_tiff(file, found)
        elif found.container == "bmff":
            read_bmff(file, found)
    return found


def container_of(head: bytes) -> str:
    """Name the container that begins with these 16 bytes."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "tiff"
    return "bmff" if head[4:8] in BOX_STARTS else "other"


def read_tiff(file: BinaryIO, found: Blocks) -> None:
    """Cut XMP and IPTC out of the first directory; its EXIF is read from the file itself."""
    tags = read_directory(file)
    xmp, iptc = tags.get(XMP), tags.get(IPTC)
    if isinstance(xmp, bytes):
        found.xmp.append(xmp)
    if isinstance(iptc, bytes):
        found.iptc = iptc
    found.c2pa = C2PA_IN_TIFF in tags
    found.directory = tags
