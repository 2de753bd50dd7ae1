"""Genuine films, and draws of them with forged stretches: what trains and bounds bmn.

    corpus -> films that are long enough, by source -> centre of up to 8 s -> scaled -> stretches
           -> one encode over all -> what the fixed encoder says of 64 moments

Of a draw only the description of its moments is kept: nothing of the encoder is learned.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MediaError
from verilens.media.cuts import cut_after
from verilens.media.demux import demuxed
from verilens.media.sample import cut, subset
from verilens.media.sniff import HEAD_BYTES, sniff
from verilens.media.video import chosen
from verilens.train.starter.clips import encoded
from verilens.train.starter.corpus import Item, capped, read_corpus, source_folds
from verilens.train.starter.face_crops import HELD_OUT
from verilens.train.starter.splices import spliced
from verilens.train.starter.views import Pixels
from verilens.verify.bmn.model import BMN
from verilens.verify.detector import tensor

MOST_S, LEAST_S, FASTEST, SLOWEST = 8.0, 2.0, 30.0, 8.0
SIDE, LONGEST, SMALLEST = 320, 1280, 160  # of what is drawn, of a film that is read, of its sides
SCALES = (1.0, 0.75, 0.5)
PRESETS = ("veryfast", "fast", "medium")
OF_SOURCE, FOLDS, TESTED = 8, 4, 0
DRAWS, FEWEST, MOST = 36, 5, 12  # of a source, and of a film
Floats = NDArray[np.float32]
logger = logging.getLogger(__name__)


class Film(NamedTuple):
    """frames: RGB, (N, H, W, 3), evenly spaced."""

    frames: Pixels
    fps: float


class Draws(NamedTuple):
    """Draws of films. steps: what tells the steps of each apart, (N, C, T) float16.

    forged: which steps lie in a forged stretch, (N, T). kinds: how the first one was made, "" in
    genuine ones, (N,). films, folds: of which film and fold each is, (N,).
    """

    steps: NDArray[np.float16]
    forged: Floats
    kinds: NDArray[np.str_]
    films: NDArray[np.int64]
    folds: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Draws:
        steps, forged, kinds, films, folds = self
        return Draws(steps[rows], forged[rows], kinds[rows], films[rows], folds[rows])

    @property
    def is_genuine(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.forged.max(1) == 0
        return found


def films(data: Path, extra: Sequence[Path]) -> list[tuple[Item, int]]:
    """Return the genuine films that are long enough, each with the fold of its source."""
    items = [i for i in read_corpus(data, extra, "video") if i.label == "real"]
    free = [i for i in items if i.source not in HELD_OUT and i.path.exists() and is_usable(i.path)]
    kept = capped(free, OF_SOURCE)
    folds = source_folds(kept, FOLDS)
    return [(item, folds[item.source]) for item in kept]


def is_usable(path: Path) -> bool:
    """Return whether a film is long, large and fast enough, by its header; a broken one is not."""
    try:
        with path.open("rb") as file:
            form = sniff(file.read(HEAD_BYTES), path.name)
            file.seek(0)
            with demuxed(file, form.demuxer or form.name.lower()) as container:
                stream = chosen(container, path.name)
                length_s = (container.duration or 0) / av.time_base
                codec = stream.codec_context
                is_large = min(codec.width, codec.height) >= SMALLEST
                is_fast = float(stream.average_rate or 0) >= SLOWEST
                return is_large and is_fast and length_s >= LEAST_S
    except (MediaError, av.FFmpegError) as error:
        logger.warning("%s left out: %s", path, error)
        return False


def opened(path: Path, longest: int = LONGEST) -> Film:
    """Return the first seconds of a film, at most 30 frames each, scaled down to `longest`."""
    with path.open("rb") as file:
        form = sniff(file.read(HEAD_BYTES), path.name)
        file.seek(0)
        with demuxed(file, form.demuxer or form.name.lower()) as container:
            stream = chosen(container, path.name)
            fps = float(stream.average_rate or 25)
            every = max(1, round(fps / FASTEST))
            frames = []
            for number, frame in enumerate(container.decode(stream)):
                if number >= MOST_S * fps:
                    break
                if number % every == 0:
                    frames.append(_shown(frame, longest))
    return Film(np.stack(frames), fps / every)


def _shown(frame: av.VideoFrame, longest: int) -> Pixels:
    """Return a frame with even sides, at most `longest`; of it what a draw can reach."""
    scale = min(1.0, longest / max(frame.width, frame.height))
    width, height = (round(edge * scale) // 2 * 2 for edge in (frame.width, frame.height))
    pixels = frame.to_ndarray(format="rgb24", width=width, height=height)
    if longest < LONGEST:
        return pixels
    return np.ascontiguousarray(centre(pixels[None], round(SIDE / min(SCALES)))[0])


def centre(frames: Pixels, side: int) -> Pixels:
    """Return the middle of all frames, at most side x side. frames: (N, H, W, 3)."""
    height, width = frames.shape[1:3]
    high, wide = min(side, height), min(side, width)
    top, left = (height - high) // 2, (width - wide) // 2
    return frames[:, top : top + high, left : left + wide]


def scaled(frames: Pixels, scale: float, least: int) -> Pixels:
    """Return the middle, scaled down unless a side would fall below `least`; sides are even."""
    if min(frames.shape[1:3]) * scale < least:
        scale = 1.0
    part = centre(frames, round(SIDE / scale))
    height, width = (round(edge * scale) // 2 * 2 for edge in part.shape[1:3])
    size = (width, height)
    return np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in part])


def drawn(
    film: Film, count: int, rng: np.random.Generator, method: BMN
) -> tuple[NDArray[np.float16], Floats, str]:
    """Return one draw with `count` forged stretches: steps (C, T), forged (T,), its first kind."""
    view = method.config.view
    part = scaled(film.frames, float(rng.choice(SCALES)), view.size)
    longest_s = min(3.0, len(part) / film.fps / 2)
    made = spliced(part, film.fps, rng, lengths_s=tuple(rng.uniform(0.6, longest_s, count)))
    preset = str(rng.choice(PRESETS))
    pixels = encoded(made.frames, int(rng.integers(16, 29)), round(film.fps), preset)
    places = np.array(subset(len(pixels), view.frames))
    at = np.linspace(0, len(places) - 1, method.config.steps)
    times = places[at.round().astype(int)] / film.fps
    forged = np.zeros(len(times), np.float32)
    for start, end in made.spans:
        forged[(times >= start) & (times < end)] = 1.0
    steps = seen(pixels[places], method)
    return steps, forged, made.kinds[0] if made.kinds else ""


@torch.inference_mode()
def seen(pixels: Pixels, method: BMN) -> NDArray[np.float16]:
    """Return what tells the steps of a film apart, (C, T), as a scan reads it."""
    view, steps = method.config.view, method.config.steps
    crops = np.stack([cut(view, Image.fromarray(frame))[0][1] for frame in pixels])
    described = [method.described(tensor(crops[n : n + 2])) for n in range(0, len(crops), 2)]
    runs = np.diff(np.flatnonzero(np.r_[True, cut_after(crops, np.arange(len(crops))), True]))
    places = torch.linspace(0, len(crops) - 1, steps)
    found = method.compared(torch.cat(described)[None], places, runs.tolist())[0]
    return found.numpy().astype(np.float16)


def draws_of(items: Sequence[tuple[Item, int]], method: BMN, seed: int) -> Iterator[Draws]:
    """Yield the draws of each film: more of films of rare sources, a quarter genuine."""
    counts = Counter(item.source for item, _ in items)
    for item, fold in items:
        try:
            film = opened(item.path)
        except (MediaError, av.FFmpegError) as error:
            logger.warning("%s left out: %s", item.path, error)
            continue
        times = int(np.clip(round(DRAWS / counts[item.source]), FEWEST, MOST))
        found = []
        for n in range(times):
            rng = np.random.default_rng([seed, item.key, n])
            count = 0 if n % 4 == 0 else int(rng.choice([1, 1, 1, 2]))
            found.append(drawn(film, count, rng, method))
        steps, forged, kinds = zip(*found, strict=True)
        logger.info("%s: %d draws", item.path.name, times)
        yield Draws(
            np.stack(steps),
            np.stack(forged),
            np.array(kinds, "U16"),
            np.full(times, item.key),
            np.full(times, fold),
        )


def joined(parts: Sequence[Draws]) -> Draws:
    """Return all draws as one."""
    return Draws(*(np.concatenate(part) for part in zip(*parts, strict=True)))
