"""Sampling a minute of 720p video against decoding all of it, as a ratio from one run.

    python benchmarks/video.py [--seconds 60] [--file clip.mp4] [--keep clip.mp4]
    python benchmarks/video.py --scan [--seconds 10] [--file clip.mp4]

The clip is made here: moving texture, H.264 by x264 with its default keyframe distance of 250. Both
sides run on one thread in this process and take turns; the better of three counts.

--scan instead times `verilens scan clip.mp4`, from nothing, with every detector that comes with
weights: on torch, on torch without places and timelines, and on ONNX Runtime with its models kept.
The three take turns; the best of the rounds counts.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

import processes
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.records import View

WIDTH, HEIGHT, RATE = 1280, 720, 25


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file or arguments.keep or Path(folder) / "clip.mp4"
        if not arguments.file:
            make(path, arguments.seconds or (10 if arguments.scan else 60))
        if arguments.scan:
            scans(path, {"XDG_CACHE_HOME": folder}, arguments.rounds)
            return
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
    parser.add_argument("--seconds", type=int, help="of the clip: 60, or 10 with --scan")
    parser.add_argument("--rounds", type=int, default=3, help="of --scan")
    parser.add_argument("--scan", action="store_true", help="time whole scans of the clip")
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


def scans(path: Path, environment: dict[str, str], rounds: int) -> None:
    """Print what a scan of the clip costs as a command of its own."""
    scan = [sys.executable, "-m", "verilens", "scan", str(path), "--quiet", "--json", os.devnull]
    forms = {
        "torch": [],
        "torch, --no-where": ["--no-where"],
        "onnxruntime": ["--backend", "onnxruntime"],
    }
    processes.measure([*scan, *forms["onnxruntime"]], environment)  # exports, once
    costs: dict[str, list[processes.Cost]] = {name: [] for name in forms}
    for _ in range(rounds):
        for name, options in forms.items():
            costs[name].append(processes.measure([*scan, *options], environment))
    sys.stdout.write(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}\n")
    sys.stdout.write(
        "| scan | wall s | CPU s | CPU s / cores | peak MiB |\n|---|---|---|---|---|\n"
    )
    for name, found in costs.items():
        cpu = min(cost.cpu_s for cost in found)
        shared = cpu / len(os.sched_getaffinity(0))
        cells = (name, *(f"{n:.1f}" for n in (min(c.wall_s for c in found), cpu, shared)))
        peak = max(cost.peak_mib for cost in found)
        assert all(cost.returncode == 0 for cost in found)
        sys.stdout.write(f"| {' | '.join(cells)} | {peak:.0f} |\n")


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
