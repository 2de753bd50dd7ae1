"""Print how fast each perturbation is on one core: pictures and frames a second.

In memory, a 512 x 512 picture (for kinds of video, 16 frames of 256 x 256) with texture; "drawn" is
the first frame of a clip, which builds masks and maps, "next" each further one; processor time, so
that other programs do not count. On disk, whole files through the sandbox; time on the wall.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from verilens.media.perturb import KINDS, Perturber, generator, perturb
from verilens.media.perturb.codecs import VideoCodec


def texture(height: int, width: int, count: int) -> NDArray[np.uint8]:
    """Return frames that compress like photographs: smooth noise, edges, slow motion."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    base = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.normal(0, 6, (height, width, 3))
    base = np.clip(base + fine, 0, 255).astype(np.uint8)
    return np.stack([np.roll(base, 2 * n, 1) for n in range(count)])


def per_second(work: Callable[[], object], count: int, seconds: float) -> float:
    """Return how many of `count` things a call does are done a second, the best of some calls."""
    best, begun = float("inf"), time.process_time()
    while time.process_time() - begun < seconds:
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return count / best


def in_memory(name: str, severity: int, seconds: float) -> tuple[float, float]:
    """Return pictures a second alone, and frames a second of a clip."""
    found = KINDS[name]
    is_video = found.applies == ("video",) or isinstance(found.compression(1), VideoCodec)
    frames = texture(256, 256, 16) if is_video else texture(512, 512, 9)

    def run(clip: NDArray[np.uint8]) -> Callable[[], object]:
        return lambda: perturb(clip, name, severity, generator(0, "a", name, severity))

    rate = per_second(run(frames), len(frames), seconds)
    if is_video:
        return float("nan"), rate
    alone = per_second(run(frames[:1]), 1, seconds)
    return alone, (len(frames) - 1) / max(1e-9, len(frames) / rate - 1 / alone)


def on_disk(name: str, severity: int, count: int) -> float:
    """Return files a second: JPEG pictures of 512 x 512 in, perturbed files out, one process."""
    with tempfile.TemporaryDirectory() as room, Perturber() as perturber:
        source = Path(room) / "a.jpg"
        Image.fromarray(texture(512, 512, 1)[0]).save(source, quality=90)
        perturber.write(source, Path(room) / "first", name, severity, seed=0, sample="first")
        begun = time.perf_counter()
        for number in range(count):
            target = Path(room) / str(number)
            perturber.write(source, target, name, severity, seed=0, sample=str(number))
        return count / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--severity", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--files", type=int, default=20, help="0 leaves files out")
    parser.add_argument("--kind", action="append", help="only these")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    table = Table("kind", "drawn 1/s", "next 1/s", "files 1/s", box=None)
    for name in given.kind or KINDS:
        alone, after = in_memory(name, given.severity, given.seconds)
        files = float("nan")
        if given.files and "image" in KINDS[name].applies:
            files = on_disk(name, given.severity, given.files)
        cells = ("" if rate != rate else f"{rate:,.0f}" for rate in (alone, after, files))
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
