"""One perturbation on frames in memory: retime, filter, compress."""

from collections.abc import Iterable, Iterator

import numpy as np

from verilens.errors import ConfigError
from verilens.media.perturb.draw import Draw, Pixels
from verilens.media.perturb.kinds import SEVERITIES, Kind, kind
from verilens.media.perturb.temporal import Timed


def perturb(frames: Pixels, name: str, severity: int, rng: np.random.Generator) -> Pixels:
    """Return the frames of one clip, or of one still, under a perturbation.

    frames: RGB, (N, H, W, 3) uint8; N is 1 for a still. Kinds of group "time" may give fewer
        frames, kinds that `resizes` smaller ones. Severity 0 gives the frames themselves.
    rng: from `generator(seed, sample, name, severity)` for results that can be repeated.

    Raises UnknownName, and ConfigError for a severity outside 0-5 or frames of another form.
    """
    found = kind(name)
    check_severity(severity)
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise ConfigError(f"frames must be (N, H, W, 3) uint8, not {frames.shape} {frames.dtype}")
    if severity == 0:
        return frames
    draw = Draw(rng, frames.shape[2], frames.shape[1])
    stream = steps(found, severity, draw, enumerate(frames))
    out = [frame for _, frame in stream]
    codec = found.compression(severity)
    return np.stack(codec.through(out) if codec else out)


def steps(found: Kind, severity: int, draw: Draw, stream: Iterable[Timed]) -> Iterator[Timed]:
    """Yield what a kind makes of a stream of frames, before compression."""
    level = found.level(severity)
    if found.retime:
        stream = found.retime(draw, *level)(stream)
    one = found.filter(draw, *level) if found.filter else _same
    return ((stamp, one(frame)) for stamp, frame in stream)


def check_severity(severity: int) -> None:
    """Raise ConfigError for a severity that no kind has."""
    if severity not in (0, *SEVERITIES):
        raise ConfigError(f"severity {severity}: choose 1 (slight) to 5 (severe), or 0 for none")


def _same(frame: Pixels) -> Pixels:
    return frame
