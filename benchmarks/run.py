"""Speed and memory, printed as ratios from one run (`make bench`).

    python benchmarks/run.py [--data DIR] [--files 1000] [--memory 500 5000] [--only NAME]

startup   verilens --help; importing no torch
cold      verilens scan one.jpg from nothing, heat map included
video     a minute of 720p: sampling it against decoding every frame, CPU-seconds on one thread
folder    throughput of a folder against the machine's limit: cores / (decode + forward CPU-seconds
          a picture, each measured alone on one thread)
memory    peak of the process tree, and its growth from a folder to one ten times as long
Wall-clock figures mean something only on a machine that does nothing else.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import material
import processes
import video as clips
from verilens.allocator import keep_freed_memory
from verilens.media.sandbox import Decoder
from verilens.options import Options
from verilens.verify.panel import assemble, single_threaded

VERILENS = [sys.executable, "-m", "verilens"]
SIZE = (768, 576)
SMALL = (224, 224)


class Row(NamedTuple):
    """One figure. target: what it should reach, in words. is_met: None where none is set."""

    name: str
    value: float
    unit: str
    target: str = ""
    is_met: bool | None = None


class Bench:
    """The folder, methods and sizes of one run."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self.arguments = arguments
        self.folder = folder
        self.methods = material.methods(arguments.methods)
        self.sources = material.sources(arguments.data)

    def command(self, *arguments: object) -> list[str]:
        chosen = ["--methods", ",".join(self.methods)] if self.methods else []
        return [*VERILENS, "scan", *chosen, *map(str, arguments)]

    def pictures(self, name: str, count: int, size: tuple[int, int]) -> Path:
        path = self.folder / name
        return path if path.exists() else material.fill(path, count, size, self.sources)


def startup(bench: Bench) -> Iterator[Row]:
    """Time `verilens --help`."""
    costs = [processes.measure([*VERILENS, "--help"]) for _ in range(7)]
    wall = statistics.median(cost.wall_s for cost in costs)
    yield Row("verilens --help", wall, "s", "< 0.35 s", wall < 0.35)
    yield Row("verilens --help, CPU", statistics.median(c.cpu_s for c in costs), "s")


def cold(bench: Bench) -> Iterator[Row]:
    """Time the scan of one picture from nothing."""
    path = bench.pictures("one", 1, (1600, 1200)) / "00000.jpg"
    costs = [processes.measure(bench.command(path)) for _ in range(3)]
    wall = statistics.median(cost.wall_s for cost in costs)
    yield Row("scan one 1600 x 1200 JPEG, cold", wall, "s", "< 6 s", wall < 6)
    yield Row("scan one, CPU", statistics.median(c.cpu_s for c in costs), "s")


def folder(bench: Bench) -> Iterator[Row]:
    """Compare a folder's throughput with what the machine allows."""
    count = bench.arguments.files
    pictures = bench.pictures("folder", count, SIZE)
    decode_s, forward_s = alone(bench, sorted(pictures.iterdir())[:60])
    cores = len(os.sched_getaffinity(0))
    limit = cores / (decode_s + forward_s)
    cost = processes.measure(
        bench.command(pictures, "--quiet", "--json", bench.folder / "o.jsonl"),
        {"XDG_CACHE_HOME": str(bench.folder / "cache")},
    )
    yield Row("decode alone", 1e3 * decode_s, "CPU-ms a picture")
    yield Row("forward alone", 1e3 * forward_s, "CPU-ms a picture")
    yield Row("limit", limit, f"pictures/s on {cores} cores")
    ratio = count / cost.wall_s / limit
    yield Row(f"folder of {count}", count / cost.wall_s, "pictures/s")
    yield Row("throughput / limit", ratio, "", ">= 0.85", ratio >= 0.85)
    share = count * (decode_s + forward_s) / cost.cpu_s
    yield Row("(decode + forward) / all CPU-seconds spent", share, "", ">= 0.85", share >= 0.85)
    used = cost.cpu_s / cost.wall_s / cores
    yield Row("cores it got", used, "(1 when the machine does nothing else)")
    peak = cost.peak_mib
    yield Row("peak memory of the tree", peak, "MiB", "<= 1536", peak <= 1536)


def alone(bench: Bench, paths: list[Path]) -> tuple[float, float]:
    """Return CPU-seconds a picture of decoding and of the forward passes, each on one thread."""
    panel = assemble(bench.methods)
    views = panel.views(where=False)
    with Decoder(Options().limits) as decoder, ThreadPoolExecutor(1, "", single_threaded) as pool:
        opened = [decoder.open(path, views) for path in paths[:5]]
        pool.submit(time.thread_time).result()
        list(panel.inspect(opened[0], float("inf"), pool))
        child = processes.tree(os.getpid())[1]
        before = processes.processor_s(child) + time.thread_time()
        opened = [decoder.open(path, views) for path in paths]
        decode_s = processes.processor_s(child) + time.thread_time() - before
        before = pool.submit(time.thread_time).result()
        for each in opened:
            panel.inspect(each, float("inf"), pool)
        forward_s = pool.submit(time.thread_time).result() - before
    return decode_s / len(paths), forward_s / len(paths)


def memory(bench: Bench) -> Iterator[Row]:
    """Compare peak memory of two folders of small pictures."""
    peaks = []
    for count in bench.arguments.memory:
        pictures = bench.pictures(f"small-{count}", count, SMALL)
        cache = {"XDG_CACHE_HOME": str(bench.folder / f"cache-{count}")}
        cost = processes.measure(bench.command(pictures, "--quiet"), cache)
        peaks.append(cost.peak_mib)
        yield Row(f"peak memory, {count} pictures of 224 px", cost.peak_mib, "MiB")
    growth = peaks[1] / peaks[0]
    yield Row("growth", growth, "", "0.9 to 1.1", 0.9 <= growth <= 1.1)


def video(bench: Bench) -> Iterator[Row]:
    """Compare sampling a minute of video with decoding all of it."""
    path = bench.folder / "clip.mp4"
    clips.make(path, 60)
    moments = max(view.frames for view in assemble(bench.methods).views(where=False))
    every_s, _ = clips.best(lambda: clips.decode_all(path))
    sampled_s, _ = clips.best(lambda: clips.sample(path, moments))
    ratio = every_s / sampled_s
    yield Row("decoding every frame of a minute of 720p", every_s, "CPU-s")
    yield Row(f"sampling {moments} moments of it", sampled_s, "CPU-s")
    yield Row("times faster than every frame", ratio, "", ">= 4", ratio >= 4)


BENCHES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    each.__name__: each for each in (startup, cold, video, folder, memory)
}


def main() -> None:
    arguments = _arguments()
    keep_freed_memory()  # as a scan does, so that the limit is measured alike
    rows: list[Row] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="verilens-bench-") as place:
        bench = Bench(arguments, Path(place))
        asked = ", ".join(bench.methods or ("all, starter weights",))
        sys.stdout.write(f"methods: {asked}; load {os.getloadavg()[0]:.1f}\n\n")
        sys.stdout.write("| figure | value | unit | target | met |\n|---|---|---|---|---|\n")
        for name in arguments.only or BENCHES:
            for row in BENCHES[name](bench):
                rows.append(row)
                met = {True: "yes", False: "NO", None: ""}[row.is_met]
                cells = (row.name, f"{row.value:.4g}", row.unit, row.target, met)
                sys.stdout.write(f"| {' | '.join(cells)} |\n")
                sys.stdout.flush()
    sys.stdout.write(f"\n{time.monotonic() - begun:.0f} s in all\n")
    if arguments.json:
        arguments.json.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")
    sys.exit(any(row.is_met is False for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("../shared/data/images")
    parser.add_argument("--data", type=Path, default=default, help="real pictures to cut from")
    parser.add_argument("--files", type=int, default=1000, help="pictures of the folder")
    parser.add_argument("--memory", type=int, nargs=2, default=(500, 5000), metavar="N")
    parser.add_argument("--methods", help="as of verilens scan; default: all")
    parser.add_argument("--only", nargs="*", choices=BENCHES)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
