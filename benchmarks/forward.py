"""Which form of a network scores fastest on one thread of this processor, as a table.

    python benchmarks/forward.py [--seconds 2] [--compile]

plain            as trained
folded           batch norms merged into convolutions
channels-last    pixels' channels together in memory
both             what a scan uses
32 at once       both, with 32 crops a pass instead of what PASS_PIXELS allows
onnxruntime      both exported to ONNX, where onnx and onnxruntime are installed
torch.compile    both, with --compile: needs a C++ compiler, and a minute a method

Milliseconds of processor time a crop, system time included; the best of several runs, the variants
taking turns. `gap` is the largest difference of a logit from the plain one's.
"""

import argparse
import copy
import io
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from verilens import catalog
from verilens.nn.fold import fold_batch_norms
from verilens.verify.detector import PASS_PIXELS, Detector, tensor

Pass = Callable[[Tensor], Tensor]


def variants(plain: Detector, example: Tensor, compiles: bool) -> dict[str, tuple[Pass, int]]:
    """Return (forward pass, crops a pass) by name; what this machine lacks is left out."""
    size = max(1, PASS_PIXELS // (example.shape[2] * example.shape[3]))
    folded = copy.deepcopy(plain)
    fold_batch_norms(folded)
    both = copy.deepcopy(folded).to(memory_format=torch.channels_last)
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    found: dict[str, tuple[Pass, int]] = {
        "plain": (plain, size),
        "folded": (folded, size),
        "channels-last": (last, size),
        "both": (both, size),
        "32 at once": (both, 32),
    }
    if (exported := onnx(folded, example[:size])) is not None:
        found["onnxruntime"] = (exported, size)
    if compiles:
        found["torch.compile"] = (torch.compile(both), size)
    return found


def onnx(detector: Detector, example: Tensor) -> Pass | None:
    """Return the detector in ONNX Runtime on one thread; None where that cannot be had."""
    try:
        import onnxruntime
    except ImportError:
        return None
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            axes = {"x": {0: "n"}}
            torch.onnx.export(
                detector, (example,), buffer, input_names=["x"], dynamic_axes=axes, dynamo=False
            )
    except Exception as error:
        sys.stdout.write(f"{detector.name}: no ONNX ({str(error).splitlines()[0][:80]})\n")
        return None
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(buffer.getvalue(), settings)
    return lambda x: torch.from_numpy(session.run(None, {"x": x.contiguous().numpy()})[0])


@torch.inference_mode()
def table(detector: Detector, seconds: float, compiles: bool) -> None:
    """Print one row a variant."""
    view = detector.config.view
    count = 32 if view.size <= 256 else 8
    noise = np.random.default_rng(0).integers(0, 256, (count, view.size, view.size, 3))
    crops = tensor(noise.astype(np.uint8))
    forms = variants(detector, crops, compiles)
    gaps, best = {}, dict.fromkeys(forms, float("inf"))
    reference = run(*forms["plain"], crops)
    for name, form in forms.items():
        gaps[name] = float((run(*form, crops) - reference).abs().max())
    begun = time.monotonic()
    while time.monotonic() - begun < seconds * len(forms):
        for name, form in forms.items():
            before = time.process_time()
            run(*form, crops)
            best[name] = min(best[name], 1e3 * (time.process_time() - before) / count)
    for name, each in best.items():
        ratio = best["plain"] / each
        cells = (detector.name, name, f"{each:.1f}", f"{ratio:.2f}", f"{gaps[name]:.1e}")
        sys.stdout.write(f"| {' | '.join(cells)} |\n")


def run(form: Pass, size: int, crops: Tensor) -> Tensor:
    return torch.cat([form(crops[n : n + size]).reshape(-1) for n in range(0, len(crops), size)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="spent on each variant")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sys.stdout.write(
        "| method | form | CPU-ms a crop | times plain | gap |\n|---|---|---|---|---|\n"
    )
    for name in catalog.cards():
        method = catalog.load(name, weights=None)
        assert isinstance(method, Detector)
        table(method, arguments.seconds, arguments.compile)


if __name__ == "__main__":
    main()
