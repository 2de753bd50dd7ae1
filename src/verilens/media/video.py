"""Moments of a video, evenly spaced in time, reached by seeking.

The last frame is exact, and so is the first. In between, exact moments are taken when the walk
from the preceding keyframes is short; otherwise a moment slides by less than half a step to a
keyframe, and what still has no keyframe near it is reached by a bounded walk. Frames that no other
frame needs are not decoded on a walk. Times come from the frames themselves, so variable frame
rates, edit lists and headers that lie about the duration do no harm.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import av
import av.container
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from verilens.errors import MediaError
from verilens.media.demux import demuxed
from verilens.media.film import Film
from verilens.media.opened import Limits
from verilens.media.sample import Moment
from verilens.media.still import check_size, rgb, said

av.logging.set_level(av.logging.PANIC)

_WALK_SHARE = 0.2  # of all frames that the walks together may pass
_WALK_FRAMES = 300  # always allowed, so that short videos are sampled exactly
_SLIDE = 0.45  # of the step between two moments, toward a keyframe
_SKIP_STEP = 8.0  # frames between two moments above which unneeded frames are not decoded
_PROBE_PACKETS = 4000
_END_SHARES = (1.0, 0.9, 0.7, 0.5, 0.25, 0.0)  # of the stated length, until packets are found
_MARGINS_S = (0.0, 1.0, 4.0, 16.0)
_TIME_SHARE = 0.5  # of the time limit that sampling may use
_REORDER = 32  # packets within which the first frame shown is found


class Span(NamedTuple):
    """Timestamps of a stream: first and last frame, and the keyframe before the last one."""

    first: int
    last: int
    last_key: int


def read_film(file: BinaryIO, demuxer: str, wanted: int, name: str, limits: Limits) -> Film:
    """Return at most `wanted` distinct moments, first and last frame included.

    Raises MediaError "corrupt", "no-frames" or "too-large".
    """
    try:
        with demuxed(file, demuxer) as container:
            return _Sampler(container, name, limits).film(wanted)
    except av.error.MemoryError as error:
        raise MediaError(
            "too-large", f"{name}: decoding it needs more memory than allowed"
        ) from error
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError(
            "corrupt", f"{name}: damaged or cut short ({said(error)}); get another copy"
        ) from error


def chosen(container: av.container.InputContainer, name: str) -> VideoStream:
    """Return the first video stream that is no cover picture. Raises MediaError."""
    streams: tuple[VideoStream, ...] = container.streams.video
    for stream in streams:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            if stream.codec_context is None:
                raise MediaError(
                    "unsupported", f"{name}: its video codec is not known; convert it to H.264"
                )
            return stream
    what = "sound but no video" if container.streams.audio else "no video stream"
    raise MediaError("no-frames", f"{name}: it holds {what}")


class _Sampler:
    """One pass over one open container."""

    def __init__(self, container: av.container.InputContainer, name: str, limits: Limits) -> None:
        self.container = container
        self.name = name
        self.limits = limits
        self.begun = time.monotonic()
        self.notes: list[str] = []
        self.damaged = 0
        self.stream = chosen(container, name)
        codec = self.stream.codec_context
        codec.thread_count = 1
        codec.options = {"max_pixels": str(limits.max_pixels)}
        if codec.width and codec.height:
            check_size((codec.width, codec.height), name, limits)

    def film(self, wanted: int) -> Film:
        span = self._span()
        fps = self._fps(span)
        wanted = min(wanted, self._affordable())
        frames = self._frames(span, fps, wanted)
        if not frames:
            raise MediaError(
                "no-frames", f"{self.name}: no frame can be decoded; export the video again"
            )
        size = upright_size(frames[0])
        shared = VideoReformatter()  # a frame of its own would start threads of its own
        base = float(self.stream.time_base or 1)
        length_s = (span.last - span.first) * base + (1 / fps if fps else 0.0)
        self._check_length(length_s)
        self._check_damage(len(frames), min(wanted, round(length_s * fps) if fps else wanted))
        return Film(
            moments=tuple(
                Moment(
                    max(0, int(frame.pts or 0) - span.first) * base,
                    UprightPicture(frame, size, shared),
                )
                for frame in frames
            ),
            size=size,
            duration_s=length_s,
            fps=fps,
            frames=self._count(length_s, fps),
            has_audio=bool(self.container.streams.audio),
            codec=self.stream.codec_context.name,
            notes=tuple(self.notes),
        )

    def _fps(self, span: Span) -> float | None:
        for rate in (self.stream.average_rate, self.stream.guessed_rate):
            if rate and 0 < rate <= 1000:
                return float(rate)
        length_s = (span.last - span.first) * float(self.stream.time_base or 0)
        steps = self.stream.frames - 1
        return steps / length_s if steps > 0 and length_s > 0 else None

    def _affordable(self) -> int:
        """Return how many decoded frames fit in a third of the memory limit."""
        codec = self.stream.codec_context
        frame_bytes = max(1, codec.width * codec.height * 4)
        return max(2, min(self.limits.max_moments, self.limits.memory_bytes // 3 // frame_bytes))

    def _count(self, length_s: float, fps: float | None) -> int | None:
        """Return the container's number of frames, or an estimate when an edit list hides some."""
        stated = self.stream.frames or None
        estimate = max(1, round(length_s * fps)) if fps else stated
        near = stated and estimate and abs(stated - estimate) <= 2 + 0.1 * estimate
        return stated if near else estimate

    def _check_damage(self, count: int, wanted: int) -> None:
        """Refuse a film that gave less than half of its moments; note what was left out."""
        if not self.damaged:
            return
        if 2 * count < wanted:
            raise MediaError(
                "corrupt",
                f"{self.name}: damaged: only {count} of {wanted} moments can be decoded; "
                "get another copy",
            )
        self.notes.append(f"{self.damaged} damaged packets or frames were left out")

    def _stated_s(self) -> float:
        """Return the duration that the header claims for the picture, 0 when it claims none."""
        if self.stream.duration and self.stream.time_base:
            return float(self.stream.duration * self.stream.time_base)
        sound = len(self.container.streams) > 1  # the container's duration may be the sound's
        return 0.0 if sound or not self.container.duration else self.container.duration / 1e6

    def _check_length(self, length_s: float) -> None:
        """Refuse a film that lost more than half of its length; note a smaller difference."""
        stated_s = self._stated_s()
        if not stated_s or abs(stated_s - length_s) <= 1.0 + 0.1 * length_s:
            return
        if length_s < stated_s / 2 and not self._late():
            raise MediaError(
                "corrupt",
                f"{self.name}: cut short: it holds {length_s:.1f} s of the {stated_s:.1f} s that "
                "its header promises; get the whole file",
            )
        self.notes.append(f"the header says {stated_s:.1f} s, the frames last {length_s:.1f} s")

    def _span(self) -> Span:
        """Return where the stream starts and ends, by its packets and not by its header."""
        opening = list(itertools.islice(self._shown(), _REORDER))
        if not opening:
            raise MediaError("no-frames", f"{self.name}: it holds no frame; export it again")
        first = min(_stamp(packet) for packet in opening)
        length = self.stream.duration or 0
        if not length and self.container.duration and self.stream.time_base:
            length = int(self.container.duration / 1e6 / self.stream.time_base)
        for share in _END_SHARES:
            last, last_key = self._scan(first, first + int(length * share))
            if last > first or self._late(0.5):
                break
        return Span(first, last, last_key)

    def _scan(self, first: int, start: int) -> tuple[int, int]:
        """Return the last timestamp and the last keyframe of what follows `start`."""
        last = last_key = first
        self._seek(start)
        for packet in self._shown():
            stamp = _stamp(packet)
            if packet.is_keyframe and stamp > last_key:
                last_key = stamp
            last = max(last, stamp)
            if self._late(0.5):
                self.notes.append("the video goes on beyond what could be read in time")
                break
        return last, last_key

    def _frames(self, span: Span, fps: float | None, wanted: int) -> list[av.VideoFrame]:
        """Return distinct frames in order of time, none of them damaged."""
        base = float(self.stream.time_base or 1)
        step = (span.last - span.first) / max(1, wanted - 1)
        skip = bool(fps) and step * base * (fps or 0) >= _SKIP_STEP
        targets = [span.first + round(i * step) for i in range(wanted)]
        if wanted == 1:
            targets = [(span.first + span.last) // 2]
        frames: list[av.VideoFrame] = []
        for key, stamps in self._plan(targets, span, step, (fps or 25.0) * base):
            frames += self._walk(key, stamps, frames[-1].pts if frames else None, span, skip)
            if self._late():
                self.notes.append("sampling stopped early to stay within the time limit")
                break
        return frames

    def _plan(
        self, targets: Sequence[int], span: Span, step: float, rate: float
    ) -> list[tuple[int, list[int]]]:
        """Return (keyframe, timestamps to reach from it), in order. rate: frames a tick."""
        exact = [(self._keyframe_before(t, span), t) for t in targets]
        budget = max(_WALK_FRAMES, _WALK_SHARE * (span.last - span.first) * rate)
        if _cost(exact, span, rate) <= budget:
            return _grouped(exact)
        slid = []
        for key, target in exact:
            near = self._keyframe_before(target + round(_SLIDE * step), span)
            slides = near >= target - _SLIDE * step and key < span.last_key and near > span.first
            slid.append((near, near) if slides else (key, target))
        cost = _cost(slid, span, rate)
        share = min(1.0, budget / cost) if cost else 1.0
        return _grouped(
            [(k, t if k >= span.last_key else k + round((t - k) * share)) for k, t in slid]
        )

    def _walk(
        self, key: int, stamps: Sequence[int], after: int | None, span: Span, skip: bool
    ) -> list[av.VideoFrame]:
        """Return the first frame at or after each timestamp, decoding on from one keyframe."""
        found: list[av.VideoFrame] = []
        newest: av.VideoFrame | None = None
        waiting = list(stamps)
        for frame in self._decoded_from(key, waiting[0], span, skip):
            stamp = frame.pts
            if after is not None and stamp <= after:
                continue
            newest = frame
            if stamp >= waiting[0]:
                found.append(frame)
                after, newest = stamp, None
                waiting = waiting[1:]
                if not waiting:
                    return found
            if self._late():
                break
        return found + ([newest] if newest is not None else [])

    def _decoded_from(
        self, key: int, wanted: int, span: Span, skip: bool
    ) -> Iterator[av.VideoFrame]:
        """Yield frames from a keyframe on; go back further where the container seeks coarsely."""
        for margin_s in _MARGINS_S:
            self._seek(key - round(margin_s / float(self.stream.time_base or 1)))
            frames = self._decoded(span, skip)
            first = next(frames, None)
            if first is not None and first.pts <= wanted:
                break
        if first is not None:
            yield first
        yield from frames

    def _decoded(self, span: Span, skip: bool) -> Iterator[av.VideoFrame]:
        """Yield whole frames from here on; with `skip` only the last frame and needed ones."""
        codec = self.stream.codec_context
        for packet in self._packets(flush=True):
            needed = not skip or _stamp(packet) >= span.last
            codec.skip_frame = "DEFAULT" if needed else "NONREF"
            try:
                frames = codec.decode(packet)
            except av.error.FFmpegError:
                self.damaged += 1
                continue
            for frame in frames:
                if frame.pts is None:
                    frame.pts = frame.dts
                if frame.is_corrupt or frame.pts is None:
                    self.damaged += 1
                    continue
                check_size((frame.width, frame.height), self.name, self.limits)
                yield frame

    def _keyframe_before(self, stamp: int, span: Span) -> int:
        """Return the last keyframe at or before a timestamp, found without decoding."""
        if stamp >= span.last_key:
            return span.last_key
        self._seek(stamp)
        return min(next(self._keyframes(), span.first), span.last_key)

    def _keyframes(self) -> Iterator[int]:
        for count, packet in enumerate(self._packets()):
            if packet.is_keyframe:
                yield _stamp(packet)
            if count > _PROBE_PACKETS:
                return

    def _shown(self) -> "Iterator[Packet[VideoStream]]":
        """Yield packets whose frames are shown; an edit list may hide the first ones."""
        return (packet for packet in self._packets() if not packet.is_discard)

    def _packets(self, flush: bool = False) -> "Iterator[Packet[VideoStream]]":
        """Yield this stream's packets from here on; a damaged tail ends them."""
        with contextlib.suppress(av.error.InvalidDataError, av.error.EOFError):
            for packet in self.container.demux(self.stream):
                if packet.size or flush:
                    yield packet

    def _seek(self, stamp: int) -> None:
        """Go to the keyframe before a timestamp; to the start where the container cannot."""
        try:
            self.container.seek(stamp, stream=self.stream, backward=True)
        except av.error.FFmpegError:
            with contextlib.suppress(av.error.FFmpegError):
                self.container.seek(0, backward=True)

    def _late(self, share: float = 1.0) -> bool:
        """Return whether this share of the time for sampling is over."""
        return time.monotonic() - self.begun > share * self.limits.seconds * _TIME_SHARE


def _stamp(packet: "Packet[VideoStream]") -> int:
    if packet.pts is not None:
        return int(packet.pts)
    return int(packet.dts) if packet.dts is not None else 0


def _cost(plan: Sequence[tuple[int, int]], span: Span, rate: float) -> float:
    """Return the frames passed on the walks; the last one must be walked anyway."""
    return sum((max(stamps) - key) * rate for key, stamps in _grouped(plan) if key < span.last_key)


def _grouped(plan: Sequence[tuple[int, int]]) -> list[tuple[int, list[int]]]:
    groups: dict[int, list[int]] = {}
    for key, stamp in plan:
        groups.setdefault(key, []).append(stamp)
    return [(key, sorted(stamps)) for key, stamps in sorted(groups.items())]


def _matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs (a, b, c, d) of the display matrix: x' = a x + c y, y' = b x + d y."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            values = memoryview(bytes(data)).cast("i")
            a, b, c, d = (values[i] for i in (0, 1, 3, 4))
            return _sign(a), _sign(b), _sign(c), _sign(d)
    return 1, 0, 0, 1


def _sign(value: int) -> int:
    return 0 if abs(value) < 1 << 15 else (1 if value > 0 else -1)


_TURNS = {
    (1, 0, 0, 1): None,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


def upright_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return width and height as the display matrix turns them."""
    a, b, _, _ = _matrix(frame)
    return (frame.width, frame.height) if a or not b else (frame.height, frame.width)


class UprightPicture:
    """Makes the upright RGB picture of one decoded frame, at the size of the first one.

    scale: of the frame's own sides, at most 1; it is made smaller before it is turned into RGB.
    """

    def __init__(
        self,
        frame: av.VideoFrame,
        size: tuple[int, int],
        reformatter: VideoReformatter,
        scale: float = 1.0,
    ) -> None:
        self.frame = frame
        self.size = size
        self.reformatter = reformatter
        self.scale = scale

    def __call__(self) -> Image.Image:
        components = self.frame.format.components
        mode = "rgba" if any(c.is_alpha for c in components) or len(components) == 4 else "rgb24"
        sides: dict[str, int] = {}
        if self.scale < 1.0:
            sides["width"] = max(1, round(self.frame.width * self.scale))
            sides["height"] = max(1, round(self.frame.height * self.scale))
        frame = self.reformatter.reformat(self.frame, format=mode, threads=1, **sides)
        picture = rgb(Image.fromarray(frame.to_ndarray()))
        turn = _TURNS.get(_matrix(self.frame))
        if turn is not None:
            picture = picture.transpose(turn)
        if picture.size != self.size:
            picture = picture.resize(self.size, Image.Resampling.BICUBIC)
        return picture
