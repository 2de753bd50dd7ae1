"""Writes one preview. Runs inside the sandbox's process (see `child`)."""

import time
import warnings
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import av
from PIL import Image

from verilens.errors import MediaError
from verilens.media import still
from verilens.media.demux import demuxed
from verilens.media.opened import Limits
from verilens.media.perturb.codecs import VideoCodec
from verilens.media.perturb.stream import Transcoder, picture_or_demuxer
from verilens.media.perturb.temporal import Timed
from verilens.media.read import open_regular

SIDE = 2048
QUALITY = 88
BOX = (1280, 720)
FILM = VideoCodec(encoder="libx264", crf=26, options={"preset": "ultrafast"})
MP4 = {"movflags": "+faststart"}

Facts = dict[str, str | int]


def preview(source: Path, name: str, target: Path, budget_s: float, limits: Limits) -> Facts:
    """Write the preview of a file and return what it is. Raises MediaError."""
    with open_regular(source, name, limits) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = picture_or_demuxer(file, name, limits)
        if isinstance(opened, str):
            return _film(file, opened, name, target, (budget_s, limits))
        return _still(opened, name, target)


def _still(image: Image.Image, name: str, target: Path) -> Facts:
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (SIDE, SIDE))  # the decoder scales by 1/2, 1/4 or 1/8 as it reads
    found = still.decode(image, name)
    picture = found.picture
    if max(picture.size) > SIDE:
        scale = SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture = found.to_srgb(picture) if found.to_srgb else picture
    picture.save(target, "JPEG", quality=QUALITY)
    return {"type": "image/jpeg", "width": picture.width, "height": picture.height, "frames": 1}


def _film(
    file: BinaryIO, demuxer: str, name: str, target: Path, within: tuple[float, Limits]
) -> Facts:
    budget_s, limits = within
    try:
        with (
            demuxed(file, demuxer) as container,
            av.open(str(target), "w", format="mp4", options=MP4) as out,
        ):
            coder = Transcoder(container, out, name, limits)
            coder.box, coder.sound = BOX, None
            frames = _until(coder.frames(), time.monotonic() + budget_s)
            first = next(frames, None)
            if first is None:
                raise MediaError("no-frames", f"{name}: no frame can be decoded")
            count, (height, width) = coder.write(chain([first], frames), FILM)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError("corrupt", f"{name}: damaged ({still.said(error)})") from error
    return {"type": "video/mp4", "width": width, "height": height, "frames": count}


def _until(frames: Iterator[Timed], deadline: float) -> Iterator[Timed]:
    """Yield frames while there is time, at least one."""
    for frame in frames:
        yield frame
        if time.monotonic() > deadline:
            return
