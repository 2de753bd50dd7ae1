"""What training costs beyond its network and its decoder, as ratios of one run.

    python benchmarks/training.py [--data DIR] [--pictures 240] [--steps 8] [--batch 16]

loader    batches without a network, against the decode limit: the same threads and decoders,
          asked for the same cuts, with nothing else to do. Both take turns, medians count. Then
          from the cache.
step      NPR at full size on the same pictures: the share of all CPU-seconds that is neither
          forward and backward passes nor decoding, each measured alone; and the same by the clock
          of the steps themselves, waiting counted as decoding
Processor time is what counts on a machine that is not idle; "cores it got" says how idle it was.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

import material
import processes
from verilens import catalog
from verilens.allocator import keep_freed_memory
from verilens.media.sandbox import Decoder
from verilens.options import cores
from verilens.records import Sample, View
from verilens.train.augment import cut_view, stored_view
from verilens.train.cache import PixelCache
from verilens.train.data import Training, Wanted
from verilens.train.loop import fit
from verilens.train.pixels import Reader
from verilens.train.recipe import Data, Plan
from verilens.verify.detector import Detector

ROUNDS = 15
SIZE = (768, 576)
DATA = Data(flip=True, jpeg_p=0.1, jpeg_quality=(70, 100), blur_p=0.1, blur_sigma=(0.0, 2.0))


class Row(NamedTuple):
    """One figure; is_met: None where no target is set."""

    name: str
    value: float
    unit: str
    target: str = ""
    is_met: bool | None = None


class Spent(NamedTuple):
    """Seconds of the clock, and of all processors by this process and its children."""

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> "Spent":
        children = [p for p in processes.tree(os.getpid()) if p != os.getpid()]
        others = sum(map(processes.processor_s, children))
        return cls(time.perf_counter(), time.process_time() + others)

    def since(self, begun: "Spent") -> "Spent":
        return Spent(self.wall_s - begun.wall_s, self.cpu_s - begun.cpu_s)


def decode_s(samples: Sequence[Sample], view: View) -> float:
    """Return CPU-seconds a picture of the sandboxed decoder, alone on one thread."""
    with Decoder() as decoder:
        decoder.open(Path(samples[0].uri), [view], examined=False)
        begun = Spent.now()
        for sample in samples:
            decoder.open(Path(sample.uri), [view], examined=False)
        return Spent.now().since(begun).cpu_s / len(samples)


def pillow_s(samples: Sequence[Sample]) -> float:
    """Return CPU-seconds a picture of Pillow, for comparison."""
    begun = time.process_time()
    for sample in samples:
        with Image.open(sample.uri) as picture:
            np.asarray(picture.convert("RGB"))
    return (time.process_time() - begun) / len(samples)


def warm(reader: Reader, sample: Sample, view: View) -> None:
    """Let every thread of the reader start its decoder process."""
    together = threading.Barrier(reader.workers)

    def start() -> None:
        together.wait()
        reader._decoded(sample.uri, view)

    for started in [reader.submit(start) for _ in range(reader.workers)]:
        started.result()


def decoded(reader: Reader, samples: Sequence[Sample], view: View) -> Spent:
    """Return what decoding alone costs, on the reader's own threads."""
    begun = Spent.now()
    for _ in reader.ahead(partial(reader._decoded, s.uri, view) for s in samples):
        pass
    return Spent.now().since(begun)


def batched(batches: Training, epoch: int) -> Spent:
    """Return what the batches of an epoch cost."""
    begun = Spent.now()
    for _ in batches.epoch(epoch):
        pass
    return Spent.now().since(begun)


def loader(samples: Sequence[Sample], view: View, plan: Plan, folder: Path) -> Iterator[Row]:
    """Compare batches without a network with decoding alone, in turns."""
    stored = stored_view(view, DATA, DATA.moments)
    stored = cut_view(stored, view.size, np.random.default_rng(0))
    samples = samples[: plan.batch * (len(samples) // plan.batch)]
    count = len(samples)
    yield Row("Pillow alone, one thread", 1e3 * pillow_s(samples), "CPU-ms a picture")
    with Reader() as reader:
        batches = Training(samples, reader, Wanted(view), DATA, plan)
        warm(reader, samples[0], stored)
        turns = [
            (decoded(reader, samples, stored), batched(batches, turn)) for turn in range(ROUNDS)
        ]
    limit = statistics.median(count / alone.wall_s for alone, _ in turns)
    ratio = statistics.median(alone.wall_s / whole.wall_s for alone, whole in turns)
    share = statistics.median(alone.cpu_s / whole.cpu_s for alone, whole in turns)
    per_picture = statistics.median(alone.cpu_s / count for alone, _ in turns)
    used = statistics.median(whole.cpu_s / whole.wall_s / cores() for _, whole in turns)
    yield Row("decoder alone", 1e3 * per_picture, "CPU-ms a picture")
    yield Row("decode limit", limit, f"pictures/s on {cores()} cores")
    yield Row("loader / decode limit", ratio, "", ">= 0.9", ratio >= 0.9)
    yield Row("CPU-seconds of decoding / all of the loader's", share, "")
    yield Row("cores it got", used, "(1 when it had them all)")
    with Reader(cache=PixelCache(folder / "cache", 4 << 30)) as reader:
        batches = Training(samples, reader, Wanted(view), DATA, plan)
        batched(batches, 0)
        cached = statistics.median(batched(batches, n + 1).wall_s for n in range(ROUNDS))
    yield Row("loader from the cache / decode limit", count / cached / limit, "")


def step(samples: Sequence[Sample], view: View, plan: Plan) -> Iterator[Row]:
    """Compare a training step with its network and its decoding."""
    torch.set_num_threads(1)
    samples = samples[: plan.steps * plan.batch]  # one epoch, so that nothing is read in vain
    stored = stored_view(view, DATA, DATA.moments)
    stored = cut_view(stored, view.size, np.random.default_rng(0))
    alone = decode_s(samples, stored)
    with Reader() as reader:
        batches = Training(samples, reader, Wanted(view), DATA, plan)
        (batch,) = Training(samples[: plan.batch], reader, Wanted(view), DATA, plan).epoch(0)
        batch = batch.to(torch.device("cpu"))
        warm(reader, samples[0], stored)
        method = catalog.build("npr")
        assert isinstance(method, Detector)
        method.train().to(memory_format=torch.channels_last)
        passes = []
        for _ in range(4):
            begun = time.process_time()
            method.training_step(batch).total.backward()
            passes.append(time.process_time() - begun)
        passes_s = statistics.median(passes[1:])
        begun = Spent.now()
        steps = list(fit(method, batches, plan))
        spent = Spent.now().since(begun)
    decoded_s = alone * plan.batch * len(steps)
    outside = 1 - (passes_s * len(steps) + decoded_s) / spent.cpu_s
    yield Row("forward and backward alone", 1e3 * passes_s, f"CPU-ms a batch of {plan.batch}")
    yield Row("step", 1e3 * spent.cpu_s / len(steps), "CPU-ms, everything")
    yield Row("outside passes and decoding, of CPU-seconds", outside, "(noisy: two cores share)")
    clock = statistics.median(1 - (s.waited_s + s.worked_s) / s.seconds for s in steps[1:])
    yield Row("outside passes and waiting, by the clock", clock, "", "<= 0.1", clock <= 0.1)
    waited = sum(s.waited_s for s in steps[1:]) / sum(s.seconds for s in steps[1:])
    yield Row("waiting for batches, by the clock", waited, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path("../shared/data/images")
    parser.add_argument("--data", type=Path, default=default, help="real pictures to cut from")
    parser.add_argument("--pictures", type=int, default=240)
    parser.add_argument("--steps", type=int, default=8, help="at least 2: the first warms up")
    parser.add_argument("--batch", type=int, default=16)
    arguments = parser.parse_args()
    if arguments.steps < 2:
        parser.error("--steps must be at least 2: the first one warms up")
    keep_freed_memory()
    plan = Plan(batch=arguments.batch, steps=arguments.steps, epochs=1000)
    view = View(size=224)
    sys.stdout.write(f"load {os.getloadavg()[0]:.1f}\n\n")
    sys.stdout.write("| figure | value | unit | target | met |\n|---|---|---|---|---|\n")
    missed = False
    with tempfile.TemporaryDirectory(prefix="verilens-bench-") as place:
        found = material.sources(arguments.data)
        folder = material.fill(Path(place) / "set", arguments.pictures, SIZE, found)
        samples = [
            Sample(id=path.name, uri=str(path), kind="image", label=n % 2)
            for n, path in enumerate(sorted(folder.iterdir()))
        ]
        for rows in (loader(samples, view, plan, Path(place)), step(samples, view, plan)):
            for row in rows:
                met = {True: "yes", False: "NO", None: ""}[row.is_met]
                cells = (row.name, f"{row.value:.4g}", row.unit, row.target, met)
                sys.stdout.write(f"| {' | '.join(cells)} |\n")
                sys.stdout.flush()
                missed |= row.is_met is False
    sys.exit(missed)


if __name__ == "__main__":
    main()
