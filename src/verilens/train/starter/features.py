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
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from verilens.errors import MediaError
from verilens.media.perturb import generator, perturb
from verilens.media.sample import cut
from verilens.media.sandbox import Decoder
from verilens.train.starter.clips import (
    MOMENTS,
    matched_clip,
    spread_clip,
    timed_frames,
    whole_clip,
)
from verilens.train.starter.corpus import Item, Kind
from verilens.train.starter.fakes import to_tensor
from verilens.train.starter.views import SIDE, Pixels, matched_view, open_rgb, whole_view
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


class Drawn:
    """One file under its draws, each made when somebody first asks for it.

    change: degrades every draw. Asking raises what a decoder raises for a file it cannot read.
    """

    def __init__(self, item: Item, decoder: Decoder, change: Change | None = None) -> None:
        self.item, self.decoder, self.change = item, decoder, change

    @cached_property
    def crops(self) -> Pixels:
        """Square crops at the pixels' own scale, (T, 256, 256, 3)."""
        if self.item.kind == "video":
            crops = matched_clip(self._frames, self._rng(0))[CLIP_FRAMES]
        else:
            crops = matched_view(self._picture, self._rng(0))[None]
        return _squares(self._changed(crops))

    @cached_property
    def wholes(self) -> list[Image.Image]:
        """Whole frames, as many as there are crops."""
        if self.item.kind == "video":
            wholes = whole_clip(self._frames, self._rng(0, 7))[CLIP_FRAMES]
        else:
            wholes = [whole_view(self._picture, self._rng(0, 7))]
        if self.change is None:
            return wholes
        changed = self._changed(np.stack([np.asarray(whole) for whole in wholes]))
        return [Image.fromarray(whole) for whole in changed]

    @cached_property
    def moments(self) -> list[Pixels]:
        """Two clips of a film, (8, 256, 256, 3) each."""
        clip = self.decoder.open(self.item.path, (MOMENTS,), examined=False).clips[MOMENTS]
        opened = [Image.fromarray(frame) for frame in clip.frames]
        clips = [spread_clip(opened, self._rng(5, n)) for n in range(2)]
        return [_squares(self._changed(clip)) for clip in clips]

    @cached_property
    def _frames(self) -> list[Image.Image]:
        return timed_frames(self.item.path)

    @cached_property
    def _picture(self) -> Image.Image:
        return open_rgb(self.item.path)

    def _rng(self, *draw: int) -> np.random.Generator:
        return np.random.default_rng([self.item.key, *draw])

    def _changed(self, frames: Pixels) -> Pixels:
        if self.change is None:
            return frames
        return perturb(frames, *self.change, generator(0, self.item.origin, *self.change))


def _squares(frames: Pixels) -> Pixels:
    """Return frames at SIDE pixels square, which some perturbations leave smaller."""
    if frames.shape[1:3] == (SIDE, SIDE):
        return frames
    pictures = [Image.fromarray(f).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for f in frames]
    return np.stack([np.asarray(picture) for picture in pictures])


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


# Refitted later; features do not see them.
HEADS = ("still.", "clip.", "head.", "classifier.", "centre", "spread")


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
        found = Drawn(item, _decoder, change)
        try:
            fresh = {name: features_of(_own[name][0], found) for name in missing}
        except (OSError, ValueError, SyntaxError, MediaError) as error:
            logger.warning("%s left out: %s", item.path, error)
            return None
        for name, values in fresh.items():
            file = asked[name].file(item)
            part = file.with_suffix(".part.npy")
            np.save(part, values.astype(np.float16))
            part.replace(file)
    return {n: np.load(shelf.file(item)).astype(np.float32) for n, shelf in asked.items()}
