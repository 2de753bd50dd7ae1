"""What each frozen network makes of every file, under two format-matched draws.

The first draw is a square crop at the pixels' own scale, which the trace readers need. The second
is the whole picture, which the probe reads as a scan does; it learns from both. Features lie in one
folder a weights file, one small file an item, so an interrupted run loses nothing and a corpus can
grow.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from verilens.errors import MediaError
from verilens.media.sample import cut
from verilens.train.starter.clips import matched_clip, whole_clip
from verilens.train.starter.corpus import Item
from verilens.train.starter.fakes import to_tensor
from verilens.train.starter.views import Pixels, matched_view, open_rgb, whole_view
from verilens.verify.detector import Detector
from verilens.verify.npr.model import NPR, residual
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.probe.model import Probe

CLIP_FRAMES = slice(1, None, 3)  # 4 of the 12 frames of a clip are read
Features = NDArray[np.float32]
logger = logging.getLogger(__name__)


class Drawn(NamedTuple):
    """One file under both draws: crops (T, 256, 256, 3), and as many whole frames."""

    crops: Pixels
    wholes: list[Image.Image]


def drawn(item: Item) -> Drawn:
    """Return both draws of a file; the errors of its decoder when it cannot be read."""
    rng, other = (np.random.default_rng([item.key, 0, *more]) for more in ((), (7,)))
    if item.kind == "video":
        crops, wholes = matched_clip(item.path, rng), whole_clip(item.path, other)
        return Drawn(crops[CLIP_FRAMES], wholes[CLIP_FRAMES])
    picture = open_rgb(item.path)
    return Drawn(matched_view(picture, rng)[None], [whole_view(picture, other)])


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


@torch.inference_mode()
def features_of(detector: Detector, found: Drawn) -> Features:
    """Return the mean features of a file's frames, (draws, D): the probe's 2, else the crops'."""
    read = reader(detector)
    with torch.autocast("cpu", torch.bfloat16):
        rows = [read(to_tensor(found.crops)).float().mean(0)]
        if isinstance(detector, Probe):
            view = replace(detector.config.view, frames=1)
            frames = [pixels for whole in found.wholes for _, pixels in cut(view, whole)]
            rows.append(torch.cat([read(to_tensor(f[None])).float() for f in frames]).mean(0))
    return torch.stack(rows).numpy()


class Shelf:
    """Where the features of one weights file lie."""

    def __init__(self, folder: Path, detector: Detector) -> None:
        state = detector.state_dict()
        total = hashlib.sha256()
        for name in sorted(state):
            if not any(part in name for part in HEADS):
                total.update(state[name].numpy().tobytes())
        self.folder = folder / f"{detector.name}-{total.hexdigest()[:12]}"

    def file(self, item: Item) -> Path:
        key = hashlib.sha256(str(item.path.resolve()).encode()).hexdigest()[:20]
        return self.folder / f"{item.kind}-{key}.npy"


HEADS = ("still.", "clip.", "head.", "classifier.")  # refitted later; features do not see them


def read_features(
    items: Sequence[Item], detectors: Mapping[str, Detector], work: Path, workers: int
) -> Iterator[dict[str, Features] | None]:
    """Yield every item's features by method, (draws, D) each; None when it cannot be read."""
    shelves = {name: Shelf(work, detector) for name, detector in detectors.items()}
    for shelf in shelves.values():
        shelf.folder.mkdir(parents=True, exist_ok=True)
    start = get_context("spawn")
    with ProcessPoolExecutor(workers, start, _prepare, (dict(detectors), shelves)) as pool:
        yield from pool.map(_read, items, chunksize=8)


_own: dict[str, tuple[Detector, Shelf]] = {}  # of a worker process


def _prepare(detectors: Mapping[str, Detector], shelves: Mapping[str, Shelf]) -> None:
    torch.set_num_threads(1)
    for name, detector in detectors.items():
        fast = detector.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        _own[name] = (fast, shelves[name])


def _read(item: Item) -> dict[str, Features] | None:
    missing = [name for name, (_, shelf) in _own.items() if not shelf.file(item).exists()]
    if missing:
        try:
            found = drawn(item)
        except (OSError, ValueError, SyntaxError, MediaError) as error:
            logger.warning("%s left out: %s", item.path, error)
            return None
        for name in missing:
            detector, shelf = _own[name]
            partial = shelf.file(item).with_suffix(".part.npy")
            np.save(partial, features_of(detector, found).astype(np.float16))
            partial.replace(shelf.file(item))
    return {n: np.load(shelf.file(item)).astype(np.float32) for n, (_, shelf) in _own.items()}
