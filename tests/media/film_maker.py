"""Small films whose frames say when they are shown: frame i is grey of level(i)."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

SIDE = 96


def level(index: int) -> int:
    """Return the grey of a frame, far enough from its neighbours to survive compression."""
    return 20 + index * 5 % 210


def picture(index: int, width: int = SIDE, height: int = 64) -> NDArray[np.uint8]:
    """Return one frame: its grey, with a white mark in the upper left corner."""
    pixels = np.full((height, width, 3), level(index), np.uint8)
    pixels[:16, :16] = 255
    return pixels


def make_film(
    path: Path,
    count: int = 50,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    stamps_ms: Sequence[int] = (),
    rotation: int = 0,
    sound: bool = False,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a film of `count` frames at 25 a second, or at the given times."""
    options = {"preset": "ultrafast"} if options is None else options
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height = SIDE, 64
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        if stamps_ms:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=8000) if sound else None
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            if stamps_ms:
                frame.pts = stamps_ms[index]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            silence.rate = 8000
            container.mux(audio.encode(silence))
            container.mux(audio.encode())
    return path
