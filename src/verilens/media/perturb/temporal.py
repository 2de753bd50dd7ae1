"""Time: frames lost, repeated, shuffled and mixed. Time stamps stay those of the places.

Each function draws from the generator as it goes and turns a stream of (time stamp, frame) into
another, holding only a few frames at once.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from verilens.media.perturb.draw import Draw, Pixels, to_bytes

Timed = tuple[int, Pixels]
Retime = Callable[[Iterable[Timed]], Iterator[Timed]]


def frame_drop(draw: Draw, share: float) -> Retime:
    """Lose `share` of the frames; the first stays, gaps stay gaps."""

    def dropped(stream: Iterable[Timed]) -> Iterator[Timed]:
        for number, timed in enumerate(stream):
            if draw.rng.random() >= share or number == 0:
                yield timed

    return dropped


def frame_repeat(draw: Draw, share: float) -> Retime:
    """Show the frame before instead, for `share` of the frames: the picture freezes."""

    def repeated(stream: Iterable[Timed]) -> Iterator[Timed]:
        before: Pixels | None = None
        for stamp, frame in stream:
            if before is None or draw.rng.random() >= share:
                before = frame
            yield stamp, before

    return repeated


def frame_rate(draw: Draw, factor: float) -> Retime:
    """Keep one frame of `factor`, as a slower camera."""

    def thinned(stream: Iterable[Timed]) -> Iterator[Timed]:
        for number, timed in enumerate(stream):
            if number % int(factor) == 0:
                yield timed

    return thinned


def frame_shuffle(draw: Draw, window: float) -> Retime:
    """Put the frames of each `window` in a drawn order: they arrive out of order."""

    def shuffled(stream: Iterable[Timed]) -> Iterator[Timed]:
        held: list[Timed] = []
        for timed in stream:
            held.append(timed)
            if len(held) == int(window):
                yield from _mixed(draw, held)
                held = []
        yield from _mixed(draw, held)

    return shuffled


def frame_blend(draw: Draw, count: float) -> Retime:
    """Average every frame with those before it, `count` in all: a slow shutter."""

    def mixed(stream: Iterable[Timed]) -> Iterator[Timed]:
        held: list[Pixels] = []
        for stamp, frame in stream:
            held = [*held, frame][-int(count) :]
            yield stamp, to_bytes(np.mean(held, axis=0, dtype=np.float32))

    return mixed


def _mixed(draw: Draw, held: list[Timed]) -> Iterator[Timed]:
    order = draw.rng.permutation(len(held))
    return ((stamp, held[at][1]) for (stamp, _), at in zip(held, order, strict=True))
