"""What is asked of a decoder and what it gives back; imports neither a decoder nor torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from verilens.records import Clip, Faces, Media, Pose, View

PEOPLE = 5  # judged in one file: those who fill most of the picture over time
LEAST_FACE_PX = 32  # longer side of a face from which it is judged


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost before it is refused.

    max_bytes: size of the file on disk. max_pixels: of one frame, read from its header.
    max_side: longer side of one frame in pixels.
    memory_bytes: private memory of the decoder process (Linux; elsewhere it is not enforced).
    seconds: wall-clock time of one file; after half of it a video stops being sampled and keeps
        the moments it has.
    max_moments: moments of one video held at once.
    """

    max_bytes: int = 4 << 30
    max_pixels: int = 200_000_000
    max_side: int = 65_500
    memory_bytes: int = 3 << 30
    seconds: float = 60.0
    max_moments: int = 256


@dataclass(frozen=True, kw_only=True)
class Opened:
    """One readable file: its facts, and its pixels as every view asked for them.

    faces: None when no view asked for faces. bands: of a pixel, more than 3 in a spectral cube.
    poses: how its persons move, where a file of joints says so.
    """

    media: Media
    clips: Mapping[View, Clip]
    faces: Faces | None = None
    bands: int = 3
    poses: tuple[Pose, ...] = ()
