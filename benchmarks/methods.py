"""Every method's weights, work and speed, as a table.

    python benchmarks/methods.py [METHOD ...] [--onnx npr,xception] [--most 60] [--json FILE]

weights       as shipped; of a method without weights, of its full-size configuration
GFLOP         of one picture, or one clip, at the method's own view: two for each multiplication
              with addition of convolutions and matrix products, as torch counts them, without
              numbers where the code allows; a selective scan is none of these
CPU-ms        of processor time for one on one thread, in the form that a scan uses
onnxruntime   the same through ONNX Runtime, for the methods of --onnx that can be exported; the two
              take turns, and `gap` is the largest difference of a logit

The best of several rounds. What takes more than --most GFLOP is counted, not timed. --json writes
the rows; where such a file is there already, its other methods' rows are kept.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from verilens import catalog, weights
from verilens.card import Card
from verilens.errors import VerilensError
from verilens.nn.session import Session
from verilens.verify import runtime
from verilens.verify.detector import ClipDetector, Detector

HEAD = (
    "| method | reads | weights, M | GFLOP | CPU-ms | a second | onnxruntime CPU-ms | ratio | gap |"
)


@dataclass
class Row:
    """One method. onnx: milliseconds, or why there are none."""

    method: str
    reads: str
    weights: int
    flop: float | None = None
    torch_ms: float | None = None
    onnx: float | str | None = None
    gap: float | None = None
    load: float = 0.0


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    path: Path | None = arguments.json
    kept = json.loads(path.read_text()) if path and path.exists() else []
    rows = {each["method"]: Row(**each) for each in kept}
    exports = arguments.onnx.split(",")
    for name in arguments.methods or catalog.cards():
        rows[name] = measured(catalog.card(name), arguments.most, name in exports)
        sys.stderr.write(f"{line(rows[name])}\n")
        if path:
            path.write_text(json.dumps([asdict(row) for row in rows.values()], indent=1))
    sys.stdout.write(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|\n")
    for name in sorted(rows):
        sys.stdout.write(f"{line(rows[name])}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", help="all by default")
    parser.add_argument("--onnx", default="npr,patchcraft,probe,xception,efficientnet_b4")
    parser.add_argument("--most", type=float, default=60.0, help="GFLOP of what is timed")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def measured(card: Card, most: float, is_exported: bool) -> Row:
    """Return the row of one method."""
    device = "cpu" if "starter" in weights.available(card) else "meta"
    with torch.device(device):
        empty = build(card)
    view = empty.config.view
    reads = f"{view.frames} x " if isinstance(empty, ClipDetector) else ""
    row = Row(card.name, f"{reads}{view.size}²", sum(p.numel() for p in empty.parameters()))
    row.load = os.getloadavg()[0]
    row.flop = work(empty, device)
    if row.flop is None and device == "meta" and most > 0:
        row.flop = work(build(card), "cpu")
    if row.flop is not None and row.flop <= 1e9 * most:
        detector = build(card).optimised()
        forms: dict[str, Callable[[Tensor], Tensor]] = {"torch": detector}
        if is_exported:
            other = build(card).optimised()
            try:
                runtime.hand_over(other, Session(runtime.made(other)))
                forms["onnx"] = other
            except VerilensError as error:
                row.onnx = str(error)
        timed(row, forms, one(detector))
    return row


def build(card: Card) -> Detector:
    """Return the full-size method with its starter weights, or untrained where it has none."""
    torch.manual_seed(0)
    has_weights = "starter" in weights.available(card) and torch.get_default_device().type == "cpu"
    detector = catalog.load(card.name, "starter" if has_weights else None)
    assert isinstance(detector, Detector)
    return detector


def one(detector: Detector, device: str = "cpu") -> Tensor:
    """Return one picture or clip of the method's own view."""
    view = detector.config.view
    lead = (1, view.frames) if isinstance(detector, ClipDetector) else (1,)
    return torch.rand(*lead, 3, view.size, view.size, device=device) ** 2


@torch.no_grad()
def work(detector: Detector, device: str) -> float | None:
    """Return the operations of one forward pass; None where that fails on this device."""
    counter = FlopCounterMode(display=False)
    try:
        with counter, torch.device(device):
            detector(one(detector, device))
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        sys.stderr.write(f"{detector.name}: not counted on {device} ({reason[0][:90]})\n")
        return None
    return float(counter.get_total_flops())


@torch.inference_mode()
def timed(row: Row, forms: dict[str, Callable[[Tensor], Tensor]], x: Tensor) -> None:
    """Fill in the best milliseconds of each form, which take turns."""
    best = dict.fromkeys(forms, float("inf"))
    results = {}
    begun = time.process_time()
    while time.process_time() - begun < 4 or len(results) < len(forms):
        for name, form in forms.items():
            before = time.process_time()
            results[name] = form(x)
            best[name] = min(best[name], 1e3 * (time.process_time() - before))
    row.torch_ms = best["torch"]
    if "onnx" in forms:
        row.onnx = best["onnx"]
        row.gap = float((results["onnx"] - results["torch"]).abs().max())


def line(row: Row) -> str:
    ms, other = row.torch_ms, row.onnx
    cells = [row.method, row.reads, f"{row.weights / 1e6:.1f}"]
    cells.append("-" if row.flop is None else f"{row.flop / 1e9:.1f}")
    cells += ["-", "-"] if ms is None else [f"{ms:.0f}", f"{1e3 / ms:.1f}"]
    if isinstance(other, float) and ms is not None:
        cells += [f"{other:.0f}", f"{ms / other:.2f}", f"{row.gap:.0e}"]
    else:
        cells += ["none" if other else "-", "-", "-"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
