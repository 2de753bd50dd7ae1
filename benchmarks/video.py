"""Sampling a minute of 720p video against decoding all of it, as a ratio from one run.

    python benchmarks/video.py [--seconds 60] [--file clip.mp4] [--keep clip.mp4]

The clip is made here: moving texture, H.264 by x264 with its default keyframe distance of 250. Both
sides run on one thread in this process and take turns; the better of three counts.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.records import View

WIDTH, HEIGHT, RATE = 1280, 720, 25


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or arguments.keep or Path(folder) / "clip.mp4"
        if not arguments.file:
            make(path, arguments.seconds)
        every, frames = best(lambda: decode_all(path))
        sys.stdout.write(f"{frames} frames, decoding every one: {every:.2f} s CPU\n")
        sys.stdout.write("| moments | sampled | CPU s | times faster | largest gap / even step |\n")
        sys.stdout.write("|---|---|---|---|---|\n")
        for moments in (4, 8, 12, 16, 32):
            seconds, times_s = best(lambda n=moments: sample(path, n))
            gap = np.diff(times_s).max() * (len(times_s) - 1) / (times_s[-1] - times_s[0])
            row = (moments, len(times_s), f"{seconds:.2f}", f"{every / seconds:.1f}", f"{gap:.2f}")
            sys.stdout.write(f"| {' | '.join(map(str, row))} |\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--file", type=Path, help="measure on this video instead")
    parser.add_argument("--keep", type=Path, help="write the clip here and leave it there")
    return parser.parse_args()


def make(path: Path, seconds: int) -> None:
    """Write the test clip: a texture that moves, under a bar that grows."""
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8 + 200, 3), dtype=np.uint8)
    texture = tile.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(seconds * RATE):
            left = i * 3 % (texture.shape[1] - WIDTH)
            pixels = texture[:, left : left + WIDTH].copy()
            pixels[:40, : WIDTH * i // (seconds * RATE) + 1] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def decode_all(path: Path) -> int:
    """Decode every frame, keep none; return how many there were."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))


def sample(path: Path, moments: int) -> np.ndarray:
    """Return the times of the moments; hashing, provenance, quality and cropping are included."""
    view = View(size=224, frames=moments)
    return read(path, [view], Limits()).clips[view].times_s


def best(job: Callable[[], object], rounds: int = 3) -> tuple[float, object]:
    """Return the least CPU seconds of some rounds, and the last result."""
    spent, result = [], None
    for _ in range(rounds):
        begun = time.process_time()
        result = job()
        spent.append(time.process_time() - begun)
    return min(spent), result


if __name__ == "__main__":
    main()
