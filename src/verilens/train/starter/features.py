"""What each frozen network makes of every file, under two format-matched draws.

The first draw is a square crop at the pixels' own scale, which the trace readers need. The second
is the whole picture, which the probe reads as a scan does; it learns from both. Of films there are
two more, of moments spread over the whole film, for what reads them in order. Features lie in one
folder a weights file, one small file an item, so an interrupted run loses nothing and a corpus can
grow.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from verilens.errors import MediaError
from verilens.media.perturb import generator, perturb
from verilens.media.sample import cut
from verilens.media.sandbox import Decoder
from verilens.train.starter.clips import MOMENTS, matched_clip, spread_clip, whole_clip
from verilens.train.starter.corpus import Item, Kind
from verilens.train.starter.fakes import to_tensor
from verilens.train.starter.views import Pixels, matched_view, open_rgb, whole_view
from verilens.verify.demamba.encoders import Lite
from verilens.verify.demamba.model import DeMamba
from verilens.verify.detector import ClipDetector, Detector
from verilens.verify.npr.model import NPR, residual
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.probe.model import Probe

CLIP_FRAMES = slice(1, None, 3)  # 4 of the 12 frames of a clip are read
Features = NDArray[np.float32]
Change = tuple[str, int]  # a kind of perturbation and its severity
logger = logging.getLogger(__name__)


class Drawn(NamedTuple):
    """One file under its draws.

    crops: (T, 256, 256, 3). wholes: as many frames. moments: clips (8, 256, 256, 3) of a film.
    """

    crops: Pixels
    wholes: list[Image.Image]
    moments: tuple[Pixels, ...] = ()


def drawn(item: Item, decoder: Decoder) -> Drawn:
    """Return the draws of a file; the errors of its decoder when it cannot be read."""
    rng, other = (np.random.default_rng([item.key, 0, *more]) for more in ((), (7,)))
    if item.kind == "video":
        crops, wholes = matched_clip(item.path, rng), whole_clip(item.path, other)
        clip = decoder.open(item.path, (MOMENTS,), examined=False).clips[MOMENTS]
        opened = [Image.fromarray(frame) for frame in clip.frames]
        rngs = [np.random.default_rng([item.key, 5, n]) for n in range(2)]
        moments = tuple(spread_clip(opened, rng) for rng in rngs)
        return Drawn(crops[CLIP_FRAMES], wholes[CLIP_FRAMES], moments)
    picture = open_rgb(item.path)
    return Drawn(matched_view(picture, rng)[None], [whole_view(picture, other)])


def degraded(found: Drawn, item: Item, change: Change) -> Drawn:
    """Return the draws of a file after a perturbation, of all of them alike."""

    def changed(frames: Pixels) -> Pixels:
        rng = generator(0, item.origin, *change)
        return perturb(frames, *change, rng)

    wholes = changed(np.stack([np.asarray(whole) for whole in found.wholes]))
    return Drawn(
        changed(found.crops),
        [Image.fromarray(whole) for whole in wholes],
        tuple(changed(clip) for clip in found.moments),
    )


def reader(detector: Detector) -> Callable[[Tensor], Tensor]:
    """Return what gives a detector's last features, (N, D), before its linear head."""
    match detector:
        case NPR():
            return lambda x: detector.trunk(residual(x) * detector.scale).mean((2, 3))
        case Probe():
            return detector.features
        case PatchCraft():
            return lambda x: detector.classifier[:-1](
                detector.fingerprint(detector.reconstructed(x))
            )
        case _:
            raise TypeError(f"no features known for {type(detector).__name__}")


def reads(detector: Detector, kind: Kind) -> bool:
    """Return whether a detector has something to say of stills, or of films."""
    return kind == "video" or not isinstance(detector, ClipDetector)


@torch.inference_mode()
def features_of(detector: Detector, found: Drawn) -> Features:
    """Return the mean features of a file's frames, (draws, D): the probe's 2, else the crops'.

    Of DeMamba's encoder the tokens of both clips, (2, T, P, C).
    """
    if isinstance(detector, DeMamba) and isinstance(detector.encoder, Lite):
        with torch.autocast("cpu", torch.bfloat16):
            clips = [detector.encoder.seen(to_tensor(c)[None]) for c in found.moments]
        return torch.cat(clips).float().numpy()
    read = reader(detector)
    with torch.autocast("cpu", torch.bfloat16):
        rows = [read(to_tensor(found.crops)).float().mean(0)]
        if isinstance(detector, Probe):
            view = replace(detector.config.view, frames=1)
            frames = [pixels for whole in found.wholes for _, pixels in cut(view, whole)]
            rows.append(torch.cat([read(to_tensor(f[None])).float() for f in frames]).mean(0))
    return torch.stack(rows).numpy()


class Shelf:
    """Where the features of one weights file lie, of files as they were drawn or degraded."""

    def __init__(self, folder: Path, detector: Detector, change: Change | None = None) -> None:
        state = detector.state_dict()
        total = hashlib.sha256()
        for name in sorted(state):
            if not any(part in name for part in HEADS):
                total.update(state[name].numpy().tobytes())
        degraded = f"-{change[0]}-{change[1]}" if change else ""
        self.folder = folder / f"{detector.name}-{total.hexdigest()[:12]}{degraded}"

    def file(self, item: Item) -> Path:
        key = hashlib.sha256(str(item.path.resolve()).encode()).hexdigest()[:20]
        return self.folder / f"{item.kind}-{key}.npy"


HEADS = (
    "still.",
    "clip.",
    "head.",
    "classifier.",
    "centre",
    "spread",
)  # refitted later; features do not see them


def read_features(
    items: Sequence[Item],
    detectors: Mapping[str, Detector],
    work: Path,
    workers: int,
    change: Change | None = None,
) -> Iterator[dict[str, Features] | None]:
    """Yield every item's features by method; None when it cannot be read.

    (draws, D) each, or (draws, T, P, C); methods that read films in order say nothing of stills.
    change: degrades the draws first.
    """
    shelves = {name: Shelf(work, detector, change) for name, detector in detectors.items()}
    for shelf in shelves.values():
        shelf.folder.mkdir(parents=True, exist_ok=True)
    start = get_context("spawn")
    with ProcessPoolExecutor(workers, start, _prepare, (dict(detectors), shelves)) as pool:
        yield from pool.map(partial(_read, change=change), items, chunksize=8)


_own: dict[str, tuple[Detector, Shelf]] = {}  # of a worker process
_decoder = Decoder()


def _prepare(detectors: Mapping[str, Detector], shelves: Mapping[str, Shelf]) -> None:
    torch.set_num_threads(1)
    for name, detector in detectors.items():
        fast = detector.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        _own[name] = (fast, shelves[name])


def _read(item: Item, change: Change | None) -> dict[str, Features] | None:
    asked = {name: shelf for name, (d, shelf) in _own.items() if reads(d, item.kind)}
    missing = [name for name, shelf in asked.items() if not shelf.file(item).exists()]
    if missing:
        try:
            found = drawn(item, _decoder)
            found = degraded(found, item, change) if change else found
        except (OSError, ValueError, SyntaxError, MediaError) as error:
            logger.warning("%s left out: %s", item.path, error)
            return None
        for name in missing:
            detector, shelf = _own[name]
            part = shelf.file(item).with_suffix(".part.npy")
            np.save(part, features_of(detector, found).astype(np.float16))
            part.replace(shelf.file(item))
    return {n: np.load(shelf.file(item)).astype(np.float32) for n, shelf in asked.items()}
