"""Which frames of a film are looked at: one of each clip of fixed length."""

from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Frame = TypeVar("Frame")
Pick = Literal["first", "last"]


def kept(count: int, every: int, pick: Pick = "first") -> NDArray[np.int64]:
    """Return the numbers of the frames that are looked at, of `count`.

    One for each whole clip of `every` frames; what is left over at the end has none. A film shorter
    than one clip gives its first frame.
    """
    if count < 1:
        return np.empty(0, np.int64)
    clips = np.arange(count // every) * every + (every - 1 if pick == "last" else 0)
    return clips if len(clips) else np.zeros(1, np.int64)


def skipped(frames: Iterable[Frame], every: int, pick: Pick = "first") -> Iterator[Frame]:
    """Yield the frames that `kept` names, while they arrive; no length is needed.

    With "first" the frame of the last clip comes before it is known whether the clip is whole.
    """
    found, first = 0, None
    for number, frame in enumerate(frames):
        first = frame if first is None else first
        if number % every == (every - 1 if pick == "last" else 0):
            found += 1
            yield frame
    if not found and first is not None:
        yield first
