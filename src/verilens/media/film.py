"""What reading a video gives, whichever decoder did it."""

from typing import NamedTuple

from verilens.media.sample import Moment


class Film(NamedTuple):
    """A video's facts and its sampled moments, in order of time, none twice.

    size: upright (width, height). duration_s: what the frames show, not what the header says.
    """

    moments: tuple[Moment, ...]
    size: tuple[int, int]
    duration_s: float | None
    fps: float | None
    frames: int | None
    has_audio: bool
    codec: str | None
    notes: tuple[str, ...]
