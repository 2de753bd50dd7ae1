"""Format-matched clips: genuine and generated videos go through one random draw.

Frames are taken at `FPS` whatever the file's rate, the outer eighth (logos, captions) is cut away,
and scale, crop and the quality of one H.264 encode depend on the file's key only. Every clip comes
out as `FRAMES` frames, square ones of one size or, for a whole clip, in the film's own shape.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media.demux import demuxed
from verilens.media.sniff import HEAD_BYTES, sniff
from verilens.records import View
from verilens.train.starter.views import SIDE, crop_part, crop_square, mirror, rescale

FPS = 6
FRAMES = 12
MOMENTS = View(size=1024, frames=8, fit="contain")  # of a whole film, spread as a scan does
MARGIN = 0.08  # of each edge, cut away on both sides


def matched_clip(frames: Sequence[Image.Image], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one clip of the draw, (FRAMES, SIDE, SIDE, 3) uint8; short films run to and fro.

    frames: of `timed_frames`.
    """
    seed = int(rng.integers(2**31))
    # The same seed for each frame: one scale and one crop for the whole clip.
    squares = [_square(frame, np.random.default_rng(seed)) for frame in frames]
    squares = (squares + squares[::-1]) * FRAMES
    return encoded(np.stack(squares[:FRAMES]), crf=int(rng.integers(18, 29)))


def whole_clip(frames: Sequence[Image.Image], rng: np.random.Generator) -> list[Image.Image]:
    """Return the frames of another draw as a scan would see them: maybe a part of each, H.264."""
    seed = int(rng.integers(2**31))
    parts = [_part(frame, np.random.default_rng(seed)) for frame in frames]
    parts = ((parts + parts[::-1]) * FRAMES)[:FRAMES]
    pixels = encoded(np.stack([np.asarray(f) for f in parts]), crf=int(rng.integers(18, 29)))
    return [Image.fromarray(frame) for frame in pixels]


def spread_clip(opened: Sequence[Image.Image], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return moments of a whole film under another draw, each squeezed into a square, H.264.

    opened: the moments of `MOMENTS`; short films run to and fro. Gives (N, SIDE, SIDE, 3) uint8.
    """
    seed = int(rng.integers(2**31))
    moments = ([*opened, *opened[::-1]] * MOMENTS.frames)[: MOMENTS.frames]
    parts = [np.asarray(_part(frame, np.random.default_rng(seed))) for frame in moments]
    pixels = encoded(np.stack(parts), crf=int(rng.integers(18, 29)))
    size = (SIDE, SIDE)
    return np.stack(
        [np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BICUBIC)) for p in pixels]
    )


def timed_frames(path: Path) -> list[Image.Image]:
    """Return up to FRAMES frames at FPS, from the middle of the file."""
    with path.open("rb") as opened:
        form = sniff(opened.read(HEAD_BYTES), path.name)
        opened.seek(0)
        with demuxed(opened, form.demuxer or form.name.lower()) as file:
            return _middle(file)


def _middle(file: av.container.InputContainer) -> list[Image.Image]:
    stream = file.streams.video[0]
    stream.thread_type = "AUTO"
    duration = float(file.duration or 0) / av.time_base
    start = max(0.0, (duration - FRAMES / FPS) / 2)
    if start > 4:
        file.seek(int((start - 2) * av.time_base))
    return _resampled(file, stream, start)


def _resampled(
    file: av.container.InputContainer, stream: av.video.stream.VideoStream, start: float
) -> list[Image.Image]:
    frames: list[Image.Image] = []
    first: float | None = None
    for frame in file.decode(stream):
        time_s = frame.time if frame.time is not None else len(frames) / FPS
        if time_s < start:
            continue
        first = time_s if first is None else first
        if time_s - first >= len(frames) / FPS - 1e-3:
            frames.append(frame.to_image().convert("RGB"))
        if len(frames) == FRAMES:
            break
    return frames


def _square(frame: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.asarray(mirror(crop_square(rescale(_inner(frame), rng), rng)))


def _part(frame: Image.Image, rng: np.random.Generator) -> Image.Image:
    part = crop_part(rescale(_inner(frame), rng), rng)
    return part.crop((0, 0, part.width // 2 * 2, part.height // 2 * 2))  # H.264 wants even sides


def _inner(frame: Image.Image) -> Image.Image:
    left, top = (round(edge * MARGIN) for edge in frame.size)
    return frame.crop((left, top, frame.width - left, frame.height - top))


def encoded(
    frames: NDArray[np.uint8], crf: int, rate: int = FPS, preset: str = "fast"
) -> NDArray[np.uint8]:
    """Return the frames after one H.264 encode at constant quality `crf`. rate: frames a second."""
    buffer = io.BytesIO()
    written(buffer, frames, crf, rate, preset)
    buffer.seek(0)
    with av.open(buffer) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def written(
    target: BinaryIO | Path, frames: NDArray[np.uint8], crf: int, rate: int, preset: str
) -> None:
    """Write frames as an H.264 film in MP4, on one thread, so that the same bytes come anywhere."""
    name = str(target) if isinstance(target, Path) else target
    with av.open(name, "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": preset})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for pixels in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
