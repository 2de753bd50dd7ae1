"""What a file is, by its first bytes; the suffix is never looked at.

`sniff` names the few formats we read, and says of the rest what they are, so that the message can
help: an archive is to be unpacked, an encrypted file decrypted.
"""

import re
from typing import NamedTuple

from verilens.errors import MediaError

HEAD_BYTES = 4096

_STILL_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIF",
    b"heix": "HEIF",
    b"heim": "HEIF",
    b"heis": "HEIF",
    b"hevc": "HEIF",
    b"hevx": "HEIF",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}
_MOV_ATOMS = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp", b"sidx"}
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FOREIGN = (
    (b"%PDF", "a PDF document; extract its pictures first"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\0", "an xz archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an Office document; extract its pictures first"),
    (b"8BPS", "a Photoshop document; export it as PNG or TIFF"),
    (b"MATLAB 7.3 MAT-file", "a MATLAB 7.3 file; save it again with -v7"),
    (b"ID3", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"OggS", "an Ogg file; convert it to mp4 first"),
    (b"FLV", "a Flash video; convert it to mp4 first"),
    (b"\x30\x26\xb2\x75", "a Windows Media file; convert it to mp4 first"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture; convert it to PNG first"),
    (b"\xff\x0a", "a JPEG XL picture; convert it to PNG first"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture; convert it to PNG first"),
)
_SECRET = (
    (b"Salted__", "an OpenSSL-encrypted file"),
    (b"-----BEGIN PGP MESSAGE", "a PGP-encrypted file"),
    (b"age-encryption.org/", "an age-encrypted file"),
    (b"LUKS\xba\xbe", "a LUKS volume"),
)


class Format(NamedTuple):
    """A format we read. demuxer: the one libav demuxer that may open it; None when Pillow does."""

    name: str
    demuxer: str | None = None


def sniff(head: bytes, name: str) -> Format:
    """Return the format of a file that starts with `head`; `name` is for the message.

    Raises MediaError "empty", "encrypted" or "unsupported".
    """
    if not head:
        raise MediaError("empty", f"{name}: the file is empty")
    found = _picture(head) or _video(head)
    if found:
        return found
    refuse_encrypted(head, name)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise MediaError("unsupported", f"{name}: this is {what}")
    if head.startswith(b"PK\x03\x04"):
        raise MediaError("unsupported", f"{name}: this is a ZIP archive; unpack it first")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and _is_text(head):
        raise MediaError(
            "unsupported", f"{name}: this is JSON, no picture or video; is it a post? --task post"
        )
    what = "text" if _is_text(head) else "of an unknown kind"
    raise MediaError(
        "unsupported",
        f"{name}: the content is {what}, not a picture or a video that verilens reads",
    )


def refuse_encrypted(head: bytes, name: str) -> None:
    """Raise MediaError "encrypted" when these first bytes belong to an encrypted container."""
    for magic, what in _SECRET:
        if head.startswith(magic):
            raise MediaError("encrypted", f"{name}: this is {what}; decrypt it first")
    if head.startswith(b"PK\x03\x04") and len(head) > 6 and head[6] & 1:
        raise MediaError("encrypted", f"{name}: this is an encrypted ZIP archive; unpack it first")
    if head.startswith(b"%PDF") and b"/Encrypt" in head:
        raise MediaError("encrypted", f"{name}: this is an encrypted PDF; extract its pictures")


def _picture(head: bytes) -> Format | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Format("JPEG")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Format("PNG")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Format("GIF")
    if head.startswith(_TIFF_STARTS):
        return Format("TIFF")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Format("WEBP")
    if head.startswith(b"BM") and head[14:18] in {
        bytes((n, 0, 0, 0)) for n in (12, 40, 52, 56, 64, 108, 124)
    }:
        return Format("BMP")
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        return Format(_brand(head))
    if head.startswith(b"\x93NUMPY"):
        return Format("NPY")
    if head.startswith(b"MATLAB 5.0 MAT-file"):
        return Format("MAT")
    return None


def _brand(head: bytes) -> str:
    """Return AVIF or HEIF; the generic brand "mif1" leaves it to the compatible brands."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    return "AVIF" if b"avif" in brands or b"avis" in brands else _STILL_BRANDS[head[8:12]]


def _video(head: bytes) -> Format | None:
    if head[4:8] == b"ftyp" or head[4:8] in _MOV_ATOMS:
        return Format("mov", "mov")
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Format("webm" if b"webm" in head[:64] else "matroska", "matroska")
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return Format("avi", "avi")
    if head.startswith(b"\x00\x00\x01\xba"):
        return Format("mpeg", "mpeg")
    if len(head) > 565 and head[0] == head[188] == head[376] == head[564] == 0x47:
        return Format("mpegts", "mpegts")
    return None


def _is_text(head: bytes) -> bool:
    return re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head) is None
