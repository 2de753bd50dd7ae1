"""Cache format-matched pixels and what each frozen network makes of them.

Both caches lie in one folder, keyed by file names, and survive an interrupted run: an item that is
there is not made again, and features belong to one weights file by its hash.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from verilens.errors import MediaError
from verilens.train.starter.clips import matched_clip
from verilens.train.starter.corpus import Item
from verilens.train.starter.fakes import to_tensor
from verilens.train.starter.views import Pixels, matched_view, open_rgb
from verilens.verify.detector import Detector
from verilens.verify.npr.model import NPR, residual
from verilens.verify.patchcraft.model import PatchCraft
from verilens.verify.probe.model import Probe

CLIP_FRAMES = slice(1, None, 3)  # 4 of the 12 frames of a clip are read
logger = logging.getLogger(__name__)


def matched_frames(item: Item) -> Pixels | None:
    """Return what the networks read of one file, (T, 256, 256, 3); None if it cannot be read."""
    rng = np.random.default_rng([item.key, 0])
    try:
        if item.kind == "video":
            return matched_clip(item.path, rng)[CLIP_FRAMES]
        return matched_view(open_rgb(item.path), rng)[None]
    except (OSError, ValueError, SyntaxError, MediaError) as error:
        logger.warning("%s left out: %s", item.path, error)
        return None


def frames_of(items: Sequence[Item], folder: Path, workers: int) -> Iterator[Pixels | None]:
    """Yield the matched frames of every item, from the cache where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_cached, items, [folder] * len(items), chunksize=8)


def _cached(item: Item, folder: Path) -> Pixels | None:
    file = folder / f"{item.kind}-{hashlib.sha256(str(item.path).encode()).hexdigest()[:16]}.npy"
    if file.exists():
        known: Pixels = np.load(file)
        return known
    frames = matched_frames(item)
    if frames is not None:
        partial = file.with_suffix(".part.npy")
        np.save(partial, frames)
        partial.replace(file)
    return frames


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


def features_of(
    detector: Detector, frames: Sequence[Pixels], tick: Callable[[int], None]
) -> NDArray[np.float32]:
    """Return the mean feature of each item's frames, (N, D). tick: told how many items are done."""
    read = reader(detector.eval().to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    rows: list[Tensor] = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(frames), 8):
            chunk = frames[start : start + 8]
            sizes = [len(f) for f in chunk]
            parts = torch.split(read(to_tensor(np.concatenate(chunk))).float(), sizes)
            rows += [part.mean(0) for part in parts]
            tick(start + len(chunk))
    return torch.stack(rows).numpy()
