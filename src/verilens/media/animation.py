"""Moments of animated WebP and AVIF, which libav cannot take apart, through Pillow.

Each frame builds on the one before it, so frames are decoded in order up to the last moment; the
times come from the container before anything is decoded.
"""

import struct
import time
from typing import BinaryIO

from PIL import Image

from verilens.errors import MediaError
from verilens.media.film import Film
from verilens.media.opened import Limits
from verilens.media.sample import Moment, subset
from verilens.media.still import DAMAGE, rgb, said

_MAX_CHUNKS = 200_000


def read_animation(
    image: Image.Image, file: BinaryIO, wanted: int, name: str, limits: Limits
) -> Film:
    """Return at most `wanted` moments of an animation whose header was read.

    Raises MediaError "corrupt" when nothing can be decoded.
    """
    count = int(getattr(image, "n_frames", 1))
    starts = webp_starts(file) if image.format == "WEBP" else []
    chosen = _even(starts, wanted) if len(starts) == count else subset(count, wanted)
    deadline = time.monotonic() + limits.seconds / 2
    moments: list[Moment] = []
    notes: list[str] = []
    end_ms = 0.0
    for index in chosen:
        try:
            image.seek(index)
            image.load()
        except DAMAGE as error:
            if not moments:
                raise MediaError(
                    "corrupt", f"{name}: damaged or cut short ({said(error)}); get another copy"
                ) from error
            notes.append("a later part of the animation is damaged and was left out")
            break
        start_ms = float(image.info.get("timestamp", 0))
        end_ms = start_ms + float(image.info.get("duration", 0))
        moments.append(_moment(rgb(image.copy()), start_ms / 1000))
        if time.monotonic() > deadline:
            notes.append("sampling stopped early to stay within the time limit")
            break
    return Film(
        moments=tuple(moments),
        size=image.size,
        duration_s=end_ms / 1000,
        fps=count * 1000 / end_ms if end_ms > 0 else None,
        frames=count,
        has_audio=False,
        codec=(image.format or "").lower(),
        notes=tuple(notes),
    )


def webp_starts(file: BinaryIO) -> list[int]:
    """Return when each frame of an animated WebP starts, in milliseconds, without decoding."""
    starts, now = [], 0
    file.seek(12)
    for _ in range(_MAX_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            break
        tag, length = header[:4], struct.unpack("<I", header[4:])[0]
        if tag == b"ANMF":
            starts.append(now)
            now += int.from_bytes(file.read(16)[12:15], "little")
            length -= 16
        file.seek(max(0, length + (length & 1)), 1)
    return starts


def _even(starts: list[int], wanted: int) -> list[int]:
    """Return the indices of the frames shown at evenly spaced times, first and last included."""
    if wanted >= len(starts):
        return list(range(len(starts)))
    if wanted == 1:
        return [len(starts) // 2]
    step = (starts[-1] - starts[0]) / (wanted - 1)
    times = [starts[0] + step * i for i in range(wanted)]
    nearest = {min(range(len(starts)), key=lambda i: abs(starts[i] - t)) for t in times}
    return sorted(nearest | {0, len(starts) - 1})


def _moment(picture: Image.Image, time_s: float) -> Moment:
    return Moment(time_s, lambda: picture)
