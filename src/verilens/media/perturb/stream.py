"""Perturbs one file and writes the result. Runs inside the sandbox's process (see `child`).

A still becomes a still. A video becomes an mp4: every frame is decoded, perturbed and encoded in
turn, so memory does not grow with its length; frames keep their time stamps, and sound that mp4
can hold is copied as it is.
"""

import warnings
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.container
import numpy as np
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from PIL import Image

from verilens.errors import MediaError
from verilens.media import still
from verilens.media.demux import demuxed
from verilens.media.integrity import check_png, refuse_protected
from verilens.media.opened import Limits
from verilens.media.perturb.apply import steps
from verilens.media.perturb.codecs import (
    CARRIER,
    LOSSLESS,
    StillCodec,
    VideoCodec,
    encode,
    video_frame,
)
from verilens.media.perturb.draw import Draw, Pixels, generator
from verilens.media.perturb.kinds import kind
from verilens.media.perturb.temporal import Timed
from verilens.media.read import open_regular
from verilens.media.sniff import HEAD_BYTES, sniff
from verilens.media.video import UprightPicture, chosen, upright_size

_SOUND = {"aac", "mp3", "ac3", "eac3", "opus", "alac"}  # what mp4 holds and players expect there
_DEFAULT_RATE = Fraction(25)
_ANIMATED = {"GIF": "gif", "PNG": "apng"}

Facts = dict[str, str | int]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done: `kind` at `severity` (1-5) on the sample called `sample`."""

    kind: str
    severity: int
    seed: int
    sample: str


def perturb_one(source: Path, name: str, target: Path, job: Job, limits: Limits) -> Facts:
    """Write the perturbed file to `target`, and return what it is.

    name: what messages call the source. Facts: kind ("image" or "video"), format, width, height,
    frames, and for a video damaged (frames that could not be decoded).

    Raises MediaError; a kind for videos refuses a still with "unsupported".
    """
    with open_regular(source, name, limits) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = picture_or_demuxer(file, name, limits)
        if isinstance(opened, str):
            return _video(file, opened, name, target, job, limits)
        if getattr(opened, "is_animated", False) and opened.format not in ("JPEG", "MPO", "TIFF"):
            raise MediaError(
                "unsupported", f"{name}: an animated {opened.format}; convert it to mp4 first"
            )
        found = still.decode(opened, name)
        picture = found.to_srgb(found.picture) if found.to_srgb else found.picture
        return _still(np.asarray(picture), name, target, job)


def picture_or_demuxer(file: BinaryIO, name: str, limits: Limits) -> Image.Image | str:
    """Return an opened picture, or what demuxes a film or an animation. Raises MediaError.

    An animation that no demuxer reads is given as a picture, too.
    """
    form = sniff(file.read(HEAD_BYTES), name)
    refuse_protected(file, form, name)
    demuxer = form.demuxer
    if not demuxer:
        if form.name == "PNG":
            check_png(file, name)
        image = still.open_header(file, form.name, name, limits)
        demuxer = _ANIMATED.get(form.name) if getattr(image, "is_animated", False) else None
        if demuxer is None:
            return image
    file.seek(0)
    return demuxer


def _still(frame: Pixels, name: str, target: Path, job: Job) -> Facts:
    found = kind(job.kind)
    if "image" not in found.applies:
        raise MediaError("unsupported", f"{name}: {job.kind} changes time; it needs a video")
    rng = generator(job.seed, job.sample, job.kind, job.severity)
    draw = Draw(rng, frame.shape[1], frame.shape[0])
    ((_, frame),) = steps(found, job.severity, draw, [(0, frame)])
    codec = found.compression(job.severity)
    if isinstance(codec, VideoCodec):
        (frame,) = codec.through([frame])
    written = codec if isinstance(codec, StillCodec) else LOSSLESS
    target.write_bytes(written.encode(frame))
    height, width = frame.shape[:2]
    facts = {"format": written.format, "width": width, "height": height, "frames": 1}
    return {"kind": "image", **facts}


def _video(
    file: BinaryIO, demuxer: str, name: str, target: Path, job: Job, limits: Limits
) -> Facts:
    try:
        with (
            demuxed(file, demuxer) as container,
            av.open(str(target), "w", format="mp4") as out,
        ):
            return Transcoder(container, out, name, limits).run(job)
    except av.error.MemoryError as error:
        raise MediaError("too-large", f"{name}: needs more memory than allowed") from error
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError(
            "corrupt", f"{name}: damaged or cut short ({still.said(error)}); get another copy"
        ) from error


class Transcoder:
    """One pass from an open container to another.

    box: longer and shorter side that a frame is scaled down to fit; None leaves it as it is.
    """

    box: tuple[int, int] | None = None

    def __init__(
        self,
        container: av.container.InputContainer,
        out: av.container.OutputContainer,
        name: str,
        limits: Limits,
    ) -> None:
        self.container, self.out, self.name, self.limits = container, out, name, limits
        self.stream = chosen(container, name)
        self.stream.codec_context.thread_count = 1
        self.stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        self.sound = next(iter(container.streams.audio), None)
        if self.sound is not None and (
            self.sound.codec_context is None or self.sound.codec_context.name not in _SOUND
        ):
            self.sound = None
        self.heard: deque[Packet[av.AudioStream]] = deque()
        self.damaged = self.decoded = self.hidden = 0
        self.size: tuple[int, int] | None = None

    def run(self, job: Job) -> Facts:
        found = kind(job.kind)
        codec = found.compression(job.severity)
        stream = self.frames()
        first = next(stream, None)
        if first is None:
            raise MediaError("no-frames", f"{self.name}: no frame can be decoded")
        rng = generator(job.seed, job.sample, job.kind, job.severity)
        draw = Draw(rng, first[1].shape[1], first[1].shape[0])
        changed = steps(found, job.severity, draw, _again(first, stream))
        if isinstance(codec, StillCodec):
            still_codec = codec
            changed = ((stamp, still_codec.through([frame])[0]) for stamp, frame in changed)
        written = codec if isinstance(codec, VideoCodec) else CARRIER
        count, (height, width) = self.write(changed, written)
        stated = self.stream.frames  # 0 where the container does not say
        if self.damaged > self.decoded or 2 * (self.decoded + self.hidden) < stated:
            raise MediaError(
                "corrupt",
                f"{self.name}: only {self.decoded} frames of it can be decoded; get another copy",
            )
        facts: Facts = {"kind": "video", "format": written.encoder, "frames": count}
        return facts | {"width": width, "height": height, "damaged": self.damaged}

    def write(self, changed: Iterator[Timed], codec: VideoCodec) -> tuple[int, tuple[int, int]]:
        """Encode and mux everything; return the number of frames and their height and width."""
        first = next(changed)
        shape = first[1].shape[:2]
        rate = self.stream.average_rate or self.stream.guessed_rate
        rate = Fraction(rate) if rate and 0 < rate <= 240 else _DEFAULT_RATE
        base = Fraction(self.stream.time_base or Fraction(1, 90_000))
        video = codec.stream(self.out, (shape[1], shape[0]), rate, base)
        copied = self.out.add_stream_from_template(self.sound) if self.sound is not None else None
        start, count = min(0, first[0]), 0
        shift = start * base  # what a film that starts before zero is moved by
        for stamp, frame in _again(first, changed):
            encode(self.out, video, video_frame(frame, stamp - start))
            count += 1
            self._mux_sound(copied, shift)
        encode(self.out, video, None)
        self._mux_sound(copied, shift)
        return count, (shape[0], shape[1])

    def _mux_sound(self, stream: "av.AudioStream | None", shift: Fraction) -> None:
        while self.heard:
            packet = self.heard.popleft()
            if stream is None or packet.dts is None or packet.time_base is None:
                continue
            if shift:
                moved = int(shift / packet.time_base)
                packet.dts -= moved
                packet.pts = None if packet.pts is None else packet.pts - moved
            packet.stream = stream
            self.out.mux(packet)

    def frames(self) -> Iterator[Timed]:
        """Yield every frame upright with its time stamp, rising; sound waits in `heard`."""
        reformatter = VideoReformatter()
        last: int | None = None
        for frame in self._decoded():
            stamp = frame.pts if frame.pts is not None else frame.dts
            if frame.is_corrupt or stamp is None or (last is not None and stamp <= last):
                self.damaged += 1
                continue
            still.check_size((frame.width, frame.height), self.name, self.limits)
            last = stamp
            self.decoded += 1
            scale = 1.0 if self.box is None else _scale(frame, self.box)
            width, height = upright_size(frame)
            self.size = self.size or (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = UprightPicture(frame, self.size, reformatter, scale)()
            yield stamp, np.asarray(picture)

    def _decoded(self) -> Iterator[av.VideoFrame]:
        wanted = [self.stream] if self.sound is None else [self.stream, self.sound]
        packets = self.container.demux(*wanted)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.InvalidDataError, av.error.EOFError):
                return
            if self.sound is not None and packet.stream is self.sound:
                self.heard.append(packet)
                continue
            self.hidden += packet.is_discard  # by an edit list
            try:
                yield from self.stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                self.damaged += 1


def _scale(frame: av.VideoFrame, box: tuple[int, int]) -> float:
    longer, shorter = max(frame.width, frame.height), min(frame.width, frame.height)
    return float(min(1.0, box[0] / longer, box[1] / shorter))


def _again(first: Timed, rest: Iterator[Timed]) -> Iterator[Timed]:
    yield first
    yield from rest
