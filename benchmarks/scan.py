"""The selective scan against other ways to compute it, each in a process of its own.

    python benchmarks/scan.py [--official FOLDER] [--shape B,L,D,N] [--rounds 3] [--threads 1]

verilens       `nn.selective_scan`: chunks in the cache, gradients from states made again
steps          the recurrence, one step after the other, decays and inputs made at once before
cumulative     sums of logarithms in chunks of 16: needs exp(+sum), so it is inexact where decay is
               strong, and overflows
official       the associative scan of chenhaoxing/DeMamba; FOLDER holds its `pscan.py`

Forward, then backward of the sum of the outputs; medians over the rounds, in which the forms take
turns. `peak` is the most memory a process had beyond what it had before the scan, `error` the
largest difference of an output from the recurrence in float64. Seconds are the processor's, which
a busy machine disturbs least; with more threads than one, `clock` is what counts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from verilens.nn.selective_scan import selective_scan, stepwise

SHAPE = (2, 1568, 1536, 16)  # eight frames of 14 x 14 tokens in one zone, 768 channels doubled
Inputs = tuple[Tensor, ...]
Recurrence = Callable[[Tensor, Tensor], Tensor]


class Measured(NamedTuple):
    """Seconds of processor and of the clock, mebibytes, and the largest difference."""

    forward_s: float
    backward_s: float
    clock_s: float
    peak_mb: float
    error: float


def inputs(shape: tuple[int, ...]) -> Inputs:
    """Return x, delta, a, b, c and d of (B, L, D, N), distributed as in an untrained block."""
    batch, length, width, size = shape
    torch.manual_seed(0)
    x, delta = torch.randn(2, batch, length, width)
    a = -torch.arange(1.0, size + 1).repeat(width, 1)
    b, c = torch.randn(2, batch, length, size)
    return x, softplus(delta - 4), a, b, c, torch.ones(width)


def materialised(recurrence: Recurrence) -> Callable[..., Tensor]:
    """Return a scan that makes all (B, L, D, N) decays and inputs, then runs `recurrence`."""

    def scan(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
        decay = torch.exp(delta[..., None] * a)
        driven = (delta * x)[..., None] * b[:, :, None]
        return (recurrence(decay, driven) @ c[..., None]).squeeze(-1) + d * x

    return scan


def one_by_one(decay: Tensor, driven: Tensor) -> Tensor:
    state, states = torch.zeros_like(driven[:, 0]), []
    for kept, entering in zip(decay.unbind(1), driven.unbind(1), strict=True):
        state = kept * state + entering
        states.append(state)
    return torch.stack(states, 1)


def cumulative(x: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    state, read = x.new_zeros(x.shape[0], 1, *a.shape), []
    for part in torch.arange(x.shape[1]).split(16):
        total = (delta[:, part].cumsum(1))[..., None] * a
        driven = (delta * x)[:, part, :, None] * b[:, part, None]
        states = total.exp() * (state + (driven * (-total).exp()).cumsum(1))
        read.append((states @ c[:, part, :, None]).squeeze(-1))
        state = states[:, -1:]
    return torch.cat(read, 1) + d * x


def official(folder: Path) -> Callable[..., Tensor]:
    sys.path.insert(0, str(folder))
    return materialised(import_module("pscan").pscan)


FORMS: dict[str, Callable[..., Tensor]] = {
    "verilens": selective_scan,
    "steps": materialised(one_by_one),
    "cumulative": cumulative,
}


def measure(form: str, shape: tuple[int, ...], folder: Path | None) -> Measured:
    """Run one form once in this process."""
    scan = FORMS[form] if folder is None or form != "official" else official(folder)
    given = [tensor.requires_grad_() for tensor in inputs(shape)]
    scan(*(tensor[:, :8] if n in (0, 1, 3, 4) else tensor for n, tensor in enumerate(given)))
    before = status_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets the highest memory back to the present
    clock, began = time.perf_counter(), time.process_time()
    y = scan(*given)
    between = time.process_time()
    y.sum().backward()
    ended, clock = time.process_time(), time.perf_counter() - clock
    peak = status_kb("VmHWM") - before
    with torch.no_grad():
        error = float((stepwise(*(tensor.double() for tensor in given)) - y).abs().max())
    return Measured(between - began, ended - between, clock, peak / 1024, error)


def status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def in_child(form: str, arguments: argparse.Namespace) -> Measured:
    command = [sys.executable, __file__, "--form", form, "--shape", arguments.shape]
    command += ["--threads", str(arguments.threads)]
    if arguments.official:
        command += ["--official", str(arguments.official)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(*json.loads(run.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--official", type=Path, help="folder with the official pscan.py")
    parser.add_argument("--shape", default=",".join(map(str, SHAPE)), help="B,L,D,N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--form", help="measure this one here and print it as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.form:
        shape = tuple(int(size) for size in arguments.shape.split(","))
        sys.stdout.write(json.dumps(measure(arguments.form, shape, arguments.official)))
        return
    forms = [*FORMS, *(["official"] if arguments.official else [])]
    found: dict[str, list[Measured]] = {form: [] for form in forms}
    for _ in range(arguments.rounds):
        for form in forms:
            found[form].append(in_child(form, arguments))
    show(
        {form: Measured(*map(statistics.median, zip(*m, strict=True))) for form, m in found.items()}
    )


def show(found: dict[str, Measured]) -> None:
    ours = found["verilens"]
    sys.stdout.write("| form | forward s | backward s | clock s | peak MB | error |")
    sys.stdout.write(" forward x | both x | memory x |\n" + "|---" * 9 + "|\n")
    for form, m in found.items():
        both = (m.forward_s + m.backward_s) / (ours.forward_s + ours.backward_s)
        ratios = (m.forward_s / ours.forward_s, both, m.peak_mb / ours.peak_mb)
        cells = [form, *(f"{v:.2f}" for v in m[:3]), f"{m.peak_mb:.0f}", f"{m.error:.1e}"]
        sys.stdout.write(f"| {' | '.join([*cells, *(f'{r:.2f}' for r in ratios)])} |\n")


if __name__ == "__main__":
    main()
