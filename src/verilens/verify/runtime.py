"""A detector whose workload ONNX Runtime does: the same scores, from another engine.

What runs is exported once and kept in the cache folder, under a name that says which weights and
which code it was made of. It is checked against torch when it is made. A detector that cannot be
exported stays as it is, and the reason is kept there.
"""

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from verilens import weights
from verilens.errors import ExportError
from verilens.nn.program import Axes, onnx_model, traced
from verilens.nn.session import Session
from verilens.options import cache_folder, code
from verilens.verify.detector import ClipDetector, Detector

logger = logging.getLogger(__name__)

GAP = 1e-4  # most that a result may differ from torch's
MOST = 64  # pictures of a batch that is compared
LEAST_SIDE = 256  # pixels of the example where a detector reads any size
ANY_SIZE = ("crop", "native", "contain")  # fits of a view whose pictures differ in size


class Workload(nn.Module):
    """One method of a detector, alone: the part that takes nearly all its time, or another."""

    def __init__(self, detector: Detector, name: str = "") -> None:
        super().__init__()
        self.detector = detector
        self.part = getattr(type(detector), name or detector.workload)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.part(self.detector, x)
        return result


class Example(NamedTuple):
    """An input, and the sets of axes that may be free in it, the best first."""

    tensor: Tensor
    free: tuple[Axes, ...]


def taken_over(detector: Detector, file: Path) -> Detector:
    """Return the detector, changed in place so that ONNX Runtime does its work.

    file: its weights. Where gradients are asked for, torch still answers. MissingExtra.
    """
    Session.require()
    try:
        session = _kept(detector, _place(detector.name, file))
    except ExportError as error:
        logger.warning("%s runs in torch: %s", detector.name, error)
        return detector
    hand_over(detector, session)
    return detector


def hand_over(detector: Detector, session: Session) -> None:
    """Make the session do the detector's work from now on."""
    inside = Workload(detector)

    def answer(x: Tensor) -> Tensor:
        result: Tensor = inside(x) if torch.is_grad_enabled() else session(x)
        return result

    # Found before the class's own method; a plain function, so no part of the module's state.
    object.__setattr__(detector, detector.workload, answer)


def noise(detector: Detector, count: int, size: tuple[int, int] | None = None) -> Tensor:
    """Return what `forward` of a detector reads: noise with dark and bright areas."""
    view = detector.config.view
    if size is None and view.fit in ANY_SIZE:
        side = min(view.size, LEAST_SIDE)
        size = (side, side + side // 4)
    height, width = size or (view.size, view.size)
    lead = (count, view.frames) if isinstance(detector, ClipDetector) else (count,)
    generator = torch.Generator().manual_seed(count)
    return torch.rand(*lead, view.bands, height, width, generator=generator) ** 2


def example(detector: Detector) -> Example:
    """Return an input of the detector's `forward`."""
    frames = noise(detector, 2)
    any_size = ((0, -2, -1),) if detector.config.view.fit in ANY_SIZE else ()
    return Example(frames, (*any_size, (0,)))


def _place(name: str, file: Path) -> Path:
    """Return where the model of these weights lies once it was made."""
    made_of = (weights.sha256(file), code(), torch.__version__)
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return cache_folder() / "onnx" / f"{name}-{key[:24]}.onnx"


def _kept(detector: Detector, path: Path) -> Session:
    """Return the session of the model at `path`, made first when there is no sound one."""
    if path.is_file():
        try:
            return Session(path)
        except ExportError:  # damaged: made anew
            logger.info("%s is damaged", path)
    refusal = path.with_suffix(".txt")  # trying takes long, and would end alike
    if refusal.is_file():
        raise ExportError(refusal.read_text(errors="replace").strip())
    try:
        model = made(detector)
    except ExportError as error:
        with contextlib.suppress(OSError):
            write(refusal, str(error).encode())
        raise
    try:
        write(path, model)
    except OSError as error:  # it serves this process all the same
        logger.warning("%s cannot be kept: %s", path, error)
    return Session(model)


@torch.no_grad()
def made(detector: Detector) -> bytes:
    """Return the detector's workload in ONNX, checked against torch on two batches."""
    work = Workload(detector)
    frames, free = example(detector)
    seen = _given(detector, frames)
    program = traced(work, seen, free if seen.ndim == 4 else free[-1:])
    if len(program.free) == 1 and len(free) == 2 and seen.shape[-2:] == frames.shape[-2:]:
        raise ExportError("it takes pictures of one size only, and its view has several")
    model: bytes = onnx_model(program, {"method": detector.name}).SerializeToString()
    session = Session(model)
    for each in (seen[:1], _given(detector, noise(detector, 3))[:MOST]):
        gap = float((session(each) - work(each)).abs().max())
        if not gap <= GAP:
            raise ExportError(f"ONNX Runtime differs from torch by {gap:.1e} (at most {GAP:.0e})")
    return model


@torch.no_grad()
def _given(detector: Detector, frames: Tensor) -> Tensor:
    """Return what reaches the workload when the detector reads these frames."""
    given: list[Tensor] = []
    inside = Workload(detector)

    def noting(x: Tensor) -> Tensor:
        given.append(x)
        result: Tensor = inside(x)
        return result

    object.__setattr__(detector, detector.workload, noting)
    try:
        detector(frames)
    finally:
        object.__delattr__(detector, detector.workload)
    return given[0]


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
