"""What a video's container and its first packet say: encoder, device, program, dates.

Tags come through PyAV, which reads every container; MP4 and MOV boxes that it passes over are
read in `bmff`. The settings line of x264 and x265 is parsed out of the user data unit at the head
of the stream, not searched for in the bytes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
import av.container

from verilens.errors import MediaError
from verilens.media.c2pa_manifest import clean
from verilens.media.demux import demuxed
from verilens.media.sniff import HEAD_BYTES, sniff

MOST_UNITS = 32
LARGEST_PACKET = 8 << 20
X264 = bytes.fromhex("dc45e9bde6d948b7962cd820d923eeef")
X265 = bytes.fromhex("2ca2de09b51747dbbb55a4fe7fc2fc4e")
POSITION_TAGS = ("location", "iso6709", "gps", "©xyz")
DULL_TAGS = ("minor_version", "language", "duration", "number_of_", "_statistics", "bps")


def read_video_tags(path: Path) -> dict[str, str]:
    """Give back every tag of the container and its first video stream, names in lower case.

    Adds "x264" or "x265" with the encoder's own line. A file that cannot be opened gives {}.
    """
    found: dict[str, str] = {}
    try:
        with path.open("rb") as file, _container(file) as container:
            _keep(container.metadata, "", found)
            for stream in container.streams.video[:1]:
                _keep(stream.metadata, "stream ", found)
                codec = stream.codec_context.name if stream.codec_context else ""
                if codec in ("h264", "hevc"):
                    packet = next(container.demux(stream), None)
                    data = bytes(packet)[:LARGEST_PACKET] if packet is not None else b""
                    found.update(encoder_line(data, is_hevc=codec == "hevc"))
    except (av.FFmpegError, MediaError, OSError, ValueError, MemoryError):
        return found
    return found


def _container(file: BinaryIO) -> av.container.InputContainer:
    demuxer = sniff(file.read(HEAD_BYTES), "").demuxer
    if demuxer is None:
        raise ValueError("not a film")
    file.seek(0)
    return demuxed(file, demuxer)


def _keep(tags: dict[str, str], prefix: str, found: dict[str, str]) -> None:
    for name, value in tags.items():
        key = name.lower()
        if value.strip() and not any(dull in key for dull in DULL_TAGS):
            found.setdefault(prefix + key, value)


def encoder_line(packet: bytes, *, is_hevc: bool) -> dict[str, str]:
    """Parse the user data units at the head of a packet for an encoder's settings line."""
    for unit in nal_units(packet):
        payload = _user_data(unit, is_hevc=is_hevc)
        for name, mark in (("x264", X264), ("x265", X265)):
            if payload.startswith(mark):
                return {name: clean(payload[16:].decode("ascii", "replace"))}
    return {}


def nal_units(packet: bytes) -> Iterator[bytes]:
    """Split a packet into its first units, with length fields or with start codes."""
    if packet[:4] == b"\0\0\0\1" or packet[:3] == b"\0\0\1":
        yield from packet.split(b"\0\0\1", MOST_UNITS)[1 : MOST_UNITS + 1]
        return
    at = 0
    for _ in range(MOST_UNITS):
        length = int.from_bytes(packet[at : at + 4], "big")
        if length == 0 or at + 4 + length > len(packet):
            return
        yield packet[at + 4 : at + 4 + length]
        at += 4 + length


def _user_data(unit: bytes, *, is_hevc: bool) -> bytes:
    """Cut the payload of an unregistered user data message out of a unit, else b""."""
    head = 2 if is_hevc else 1
    kind = (unit[0] >> 1) & 63 if is_hevc and unit else unit[0] & 31 if unit else 0
    if kind != (39 if is_hevc else 6) or unit[head : head + 1] != b"\5":
        return b""
    at, length = head + 1, 0
    while at < len(unit) and unit[at] == 255:
        length, at = length + 255, at + 1
    if at >= len(unit):
        return b""
    return unit[at + 1 : at + 1 + length + unit[at]]
