"""A data set in a folder: fields of noise, genuine, and the same up-sampled, fake."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens import manifest
from verilens.records import Sample, Split

SIDE = 48
# NPR small enough to train in seconds.
TINY = ("config.width=8", "config.depths=[1,1]", "config.view.size=32", "config.view.frames=2")


def field(is_fake: bool, rng: np.random.Generator, side: int = SIDE) -> NDArray[np.uint8]:
    """Return noise, (side, side, 3); a fake is half as large and enlarged by repeating pixels."""
    small = rng.integers(0, 256, (side // 2, side // 2, 3) if is_fake else (side, side, 3))
    large = small.repeat(2, 0).repeat(2, 1) if is_fake else small
    return np.asarray(large, np.uint8)


def sample(path: Path, is_fake: bool, split: Split, n: int) -> Sample:
    """Return the sample of a picture."""
    maker = f"maker{n % 2}" if is_fake else ""
    return Sample(
        id=path.name, uri=str(path), kind="image", label=int(is_fake), generator=maker,
        source=path.stem, split=split,
    )  # fmt: skip


def pictures(folder: Path, counts: dict[Split, int], seed: int = 0) -> list[Sample]:
    """Write `counts` pictures of each class and split; return their samples."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    found = []
    for split, count in counts.items():
        for n in range(2 * count):
            is_fake = bool(n % 2)
            path = folder / f"{split or 'none'}-{n:03}.png"
            Image.fromarray(field(is_fake, rng)).save(path)
            found.append(sample(path, is_fake, split, n // 2))
    return found


def written(path: Path, samples: Sequence[Sample]) -> Path:
    """Write the manifest and return its path."""
    manifest.write(path, samples, "toy", path.parent)
    return path


def video(path: Path, frames: int, side: int = 64) -> Path:
    """Write a video whose n-th frame has brightness 8 n."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=8, options={"crf": "10", "g": "4"})
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for n in range(frames):
            pixels = np.full((side, side, 3), 8 * n, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode())
    return path
