"""A method's network as a file for another runtime, checked before it is written.

    exported = export(Order(method="npr", to="onnx"))

What is exported is `forward`, or what a detector names instead: RGB in [0, 1] to logits, in 32
bits. It is compared with torch on several batches of noise, and on crops of a picture; where
results differ by more than GAP nothing is written.
"""

import dataclasses
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

import verilens
from verilens import catalog, weights
from verilens.errors import ConfigError, ExportError
from verilens.media.opened import Limits
from verilens.media.read import read
from verilens.nn.program import Program, halved, onnx_model, traced
from verilens.nn.session import Session
from verilens.options import Choice, choices
from verilens.records import View
from verilens.verify.detector import ClipDetector, Detector, tensor
from verilens.verify.runtime import GAP, Workload, example, noise, write

Format = Literal["onnx", "torch-export"]
SUFFIX: Mapping[Format, str] = {"onnx": ".onnx", "torch-export": ".pt2"}
HALF_GAP = 0.05  # of a logit that weights in 16 bits may move; what other processors differ by
CROPS, CROP = 4, 512  # of a picture to compare on, and their side where any size is taken
AXES = {"time": "NTCHW", "still": "NCHW"}
Run = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to export.

    method: a name, or "name=weights" with a weights name or a .safetensors file.
    out: METHOD-WEIGHTS.onnx or .pt2 in the current folder when None.
    half: weights stored in 16 bits, ONNX only; picture: a file whose crops are compared too.
    """

    method: str
    to: Format = "onnx"
    out: Path | None = None
    half: bool = False
    picture: Path | None = None

    def __post_init__(self) -> None:
        if self.to not in SUFFIX:
            raise ConfigError(f"--to must be {' or '.join(SUFFIX)}, not '{self.to}'")
        if self.half and self.to != "onnx":
            raise ConfigError("--half stores weights of ONNX files only")


class Exported(NamedTuple):
    """What was written.

    difference: the greatest of a logit from torch's, `allowed` at most, over `compared` inputs.
    free: the axes of the input that may have any length, of N, T, C, H and W.
    """

    method: str
    file: str
    format: Format
    bytes: int
    weights: int
    weights_sha256: str
    half: bool
    free: str
    compared: int
    difference: float
    allowed: float


def export(order: Order) -> Exported:
    """Write the file and say what it holds. ExportError, MissingExtra, MissingWeights."""
    (choice,) = choices((order.method,))
    detector = catalog.load(choice.card.name, str(choice.weights))
    if not isinstance(detector, Detector):
        raise ExportError(f"{order.method}: only what scores media can be exported")
    try:
        program = traced(_network(detector), *example(detector))
        content, run = _built(order, program, _facts(choice, detector))
        return _checked(order, choice, detector, program, content, run)
    except ExportError as error:
        raise ExportError(f"{choice.card.name}: {error}; nothing was written") from error


def _checked(
    order: Order,
    choice: Choice,
    detector: Detector,
    program: Program,
    content: bytes,
    run: Run,
) -> Exported:
    """Compare, then write; ExportError with the difference where it is too large."""
    allowed = HALF_GAP if order.half else GAP
    inputs = list(_inputs(order, detector, program))
    difference = max(_gap(run, detector, each) for each in inputs)
    if not difference <= allowed:
        raise ExportError(f"its logits differ from torch's by {difference:.2e} (at most {allowed})")
    out = order.out or Path(f"{choice.card.name}-{choice.weights.stem}{SUFFIX[order.to]}")
    write(out, content)
    return Exported(
        method=choice.card.name,
        file=str(out),
        format=order.to,
        bytes=len(content),
        weights=sum(p.numel() for p in detector.parameters()),
        weights_sha256=weights.sha256(choice.weights),
        half=order.half,
        free="".join(_letters(detector)[axis] for axis in program.free),
        compared=sum(len(each) for each in inputs),
        difference=difference,
        allowed=allowed,
    )


def _network(detector: Detector) -> nn.Module:
    is_whole = detector.exported == "forward"
    return detector if is_whole else Workload(detector, detector.exported)


def _letters(detector: Detector) -> str:
    return AXES["time" if isinstance(detector, ClipDetector) else "still"]


def _facts(choice: Choice, detector: Detector) -> dict[str, str]:
    """Return what the file says of itself."""
    config = dataclasses.asdict(detector.config)  # type: ignore[call-overload]
    return {
        **weights.metadata(choice.card.name, config),
        "method": choice.card.name,
        "weights_sha256": weights.sha256(choice.weights),
        "licence": choice.card.licence,
        "verilens_version": verilens.__version__,
        "input": f"RGB in [0, 1], float32, {_letters(detector)}",
        "output": detector.exported_gives,
    }


def _built(order: Order, program: Program, facts: Mapping[str, str]) -> tuple[bytes, Run]:
    """Return the file's content, and what runs exactly that."""
    if order.to == "onnx":
        model = onnx_model(program, facts, is_folded=not order.half)
        if order.half:
            halved(model, program.exported.graph_signature.parameters)
        content: bytes = model.SerializeToString()
        return content, Session(content)
    buffer = io.BytesIO()
    torch.export.save(program.exported, buffer, extra_files={"verilens.json": json.dumps(facts)})
    read = torch.export.load(io.BytesIO(buffer.getvalue()))
    return buffer.getvalue(), read.module()


def _inputs(order: Order, detector: Detector, program: Program) -> Iterator[Tensor]:
    """Yield batches of one, two and three; of another size too where any is allowed."""
    yield from (noise(detector, count) for count in (1, 3))
    if _takes_any_size(program):
        height, width = noise(detector, 1).shape[-2:]
        more = 25 if order.to == "onnx" else 32  # what torch traces may ask for even sides
        yield noise(detector, 2, (height + 32, width + more))
    if order.picture is not None:
        size = detector.config.view.size
        crops = _crops(order.picture, min(size, CROP) if _takes_any_size(program) else size)
        if isinstance(detector, ClipDetector):  # a still shot
            crops = crops[:, None].expand(-1, detector.config.view.frames, -1, -1, -1)
        yield from (crops[:1], crops)


def _takes_any_size(program: Program) -> bool:
    return len(program.free) > 1


def _crops(picture: Path, size: int) -> Tensor:
    """Return crops of a picture, (N, 3, size, size). MediaError."""
    view = View(size=size, frames=1, crops=CROPS)
    return tensor(read(picture, [view], Limits()).clips[view].frames)


@torch.inference_mode()
def _gap(run: Run, detector: Detector, frames: Tensor) -> float:
    return float((run(frames) - _network(detector)(frames)).abs().max())
