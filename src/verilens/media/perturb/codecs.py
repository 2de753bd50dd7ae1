"""Encoders: what a compression kind writes, and what is left of frames that went through it.

Video encoders run on one thread with fixed settings, so that the same frames give the same bytes
on every machine with the same libraries.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import av
import av.container
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from verilens.errors import ConfigError, MissingExtra
from verilens.media.perturb.draw import Pixels

# libsvtav1 writes to standard error whatever the log level of the caller is.
os.environ.setdefault("SVT_LOG", "0")

_QUIET: dict[str, dict[str, str]] = {
    # mbtree reads beyond its memory on small frames of some sizes (x264 in PyAV 18: 96 x 64), so
    # that the same frames would not give the same bytes.
    "libx264": {"preset": "medium", "threads": "1", "x264-params": "mbtree=0"},
    # cutree writes beyond its memory on frames of some sizes (x265 in PyAV 18: 40 x 40, 34 x 130).
    "libx265": {
        "preset": "fast",
        "x265-params": "pools=none:frame-threads=1:log-level=none:cutree=0",
    },
    "libsvtav1": {"preset": "8", "svtav1-params": "lp=1"},
    "libvpx-vp9": {"b": "0", "deadline": "good", "cpu-used": "4", "threads": "1"},
}
_SMALLEST = {"libx265": 16, "libsvtav1": 16}  # pixels of a side that the encoders take
_KEY_SECONDS = 2  # between keyframes, as streaming sites segment


@dataclass(frozen=True, kw_only=True)
class StillCodec:
    """A picture format with its setting. quality: of the encoder's own scale; None is lossless."""

    format: Literal["PNG", "JPEG", "WEBP"]
    quality: int | None = None

    @property
    def suffix(self) -> str:
        """The usual suffix of such a file."""
        return {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}[self.format]

    def encode(self, frame: Pixels) -> bytes:
        """Return the file. JPEG: IJG tables at `quality`, chroma halved both ways (4:2:0)."""
        options: dict[str, object] = {"compress_level": 3}
        if self.quality is not None:
            options = {"quality": self.quality, "subsampling": 2, "method": 4}
        file = io.BytesIO()
        Image.fromarray(frame).save(file, self.format, **options)
        return file.getvalue()

    def through(self, frames: Sequence[Pixels]) -> list[Pixels]:
        """Return what decoding gives of each frame."""
        opened = (Image.open(io.BytesIO(self.encode(f)), formats=(self.format,)) for f in frames)
        return [np.asarray(picture.convert("RGB")) for picture in opened]


@dataclass(frozen=True, kw_only=True)
class VideoCodec:
    """A video encoder at a constant quality.

    crf: the encoder's rate factor, 0-51 of x264 and x265, 0-63 of AV1 and VP9; higher is worse.
    Frames of odd sides are padded by a copy of the last row or column, which 4:2:0 needs.
    """

    encoder: Literal["libx264", "libx265", "libsvtav1", "libvpx-vp9"]
    crf: int
    options: dict[str, str] = field(default_factory=dict)

    def stream(
        self,
        container: av.container.OutputContainer,
        size: tuple[int, int],
        rate: Fraction,
        time_base: Fraction,
    ) -> VideoStream:
        """Add a stream for RGB frames of `size` (width, height) to a container.

        rate: frames a second, nominal. time_base: seconds a tick of the time stamps.

        Raises ConfigError for frames smaller than the encoder takes.
        """
        check_encoder(self.encoder)
        if min(size) < _SMALLEST.get(self.encoder, 1):
            raise ConfigError(
                f"{size[0]} x {size[1]} pixels are too small for {self.encoder}; take another kind"
            )
        options = _QUIET[self.encoder] | self.options | {"crf": str(self.crf)}
        stream: VideoStream = container.add_stream(self.encoder, rate=rate, options=options)
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = time_base
        stream.gop_size = max(1, round(_KEY_SECONDS * rate))
        return stream

    def through(self, frames: Sequence[Pixels], rate: int = 25) -> list[Pixels]:
        """Return what decoding gives of a clip, frame for frame."""
        file = io.BytesIO()
        height, width = frames[0].shape[:2]
        with av.open(file, "w", format="matroska") as container:
            stream = self.stream(container, (width, height), Fraction(rate), Fraction(1, rate))
            for number, frame in enumerate(frames):
                encode(container, stream, video_frame(frame, number))
            encode(container, stream, None)
        file.seek(0)
        with av.open(file, format="matroska") as opened:
            opened.streams.video[0].codec_context.thread_count = 1
            decoded = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
        return [np.ascontiguousarray(frame[:height, :width]) for frame in decoded]


Codec = StillCodec | VideoCodec
LOSSLESS = StillCodec(format="PNG")
# What carries a perturbation that is no compression: visually lossless, and read everywhere.
CARRIER = VideoCodec(encoder="libx264", crf=10, options={"preset": "veryfast"})


def video_frame(frame: Pixels, stamp: int) -> av.VideoFrame:
    """Return an RGB frame, its sides padded to even, with its time stamp."""
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    made = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    made.pts = stamp
    return made


def encode(
    container: av.container.OutputContainer, stream: VideoStream, frame: av.VideoFrame | None
) -> None:
    """Encode a frame, or the rest when it is None, and write what comes out."""
    for packet in stream.encode(frame):
        # x265 may say so of clips that are shorter than its reordering; no muxer takes it.
        if packet.dts is not None and packet.pts is not None and packet.dts > packet.pts:
            packet.dts = packet.pts
        container.mux(packet)


def check_encoder(name: str) -> None:
    """Raise MissingExtra when PyAV was built without an encoder."""
    try:
        av.Codec(name, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise MissingExtra(
            f"this build of PyAV has no encoder {name}; the wheels of PyPI have it: "
            "pip install --force-reinstall av"
        ) from error


# What each function below takes is a level of the table in `kinds`.


def jpeg(quality: float) -> Codec:
    """Return JPEG at a quality of the IJG scale."""
    return StillCodec(format="JPEG", quality=int(quality))


def webp(quality: float) -> Codec:
    """Return lossy WebP at a quality."""
    return StillCodec(format="WEBP", quality=int(quality))


def h264(crf: float) -> Codec:
    """Return H.264 by x264."""
    return VideoCodec(encoder="libx264", crf=int(crf))


def h265(crf: float) -> Codec:
    """Return H.265 by x265."""
    return VideoCodec(encoder="libx265", crf=int(crf))


def av1(crf: float) -> Codec:
    """Return AV1 by SVT-AV1."""
    return VideoCodec(encoder="libsvtav1", crf=int(crf))


def vp9(crf: float) -> Codec:
    """Return VP9 by libvpx."""
    return VideoCodec(encoder="libvpx-vp9", crf=int(crf))
