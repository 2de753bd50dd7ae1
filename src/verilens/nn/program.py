"""A network as a program that needs none of its Python code: traced, then as ONNX."""

import logging
import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from verilens.errors import ExportError, MissingExtra

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnx_ir import Value

INSTALL = "pip install 'verilens[export]'"
INPUT, OUTPUT = "frames", "logits"
LARGEST = 1_900_000_000  # bytes of weights: one ONNX file ends at 2 GiB
SMALL = 64  # numbers of a tensor that is not worth storing in half

Axes = tuple[int, ...]


class Program(NamedTuple):
    """A traced network. free: the axes of its one input that may have any length."""

    exported: ExportedProgram
    free: Axes


@torch.no_grad()
def traced(network: nn.Module, example: Tensor, free: Sequence[Axes]) -> Program:
    """Return the program of a network of one tensor, with the first of these axes that it allows.

    example: its free axes should be 2 or longer, and of different lengths. ExportError.
    """
    reason = ""
    for axes in free:
        dynamic = dict.fromkeys((axis % example.ndim for axis in axes), Dim.DYNAMIC)
        try:
            with quiet():
                exported = torch.export.export(network, (example,), dynamic_shapes=(dynamic,))
            return Program(exported, tuple(sorted(dynamic)))
        except Exception as error:
            reason = reason or said(error)
    raise ExportError(f"its code cannot be traced: {reason}")


def onnx_model(program: Program, facts: Mapping[str, str], is_folded: bool = True) -> "ModelProto":
    """Return the program in ONNX, the facts in its metadata. MissingExtra, ExportError.

    is_folded: constants are worked out, batch norms merged; without it the weights stay as trained.
    """
    _require()
    if sum(t.nbytes for t in program.exported.state_dict.values()) > LARGEST:
        raise ExportError("its weights are larger than one ONNX file can be")
    try:
        with quiet():
            converted = torch.onnx.export(
                program.exported,
                (),
                dynamo=True,
                verbose=False,
                optimize=is_folded,
                custom_translation_table={torch.ops.aten.sort.stable: _stable_sort},
            )
    except Exception as error:
        raise ExportError(f"ONNX has no form for it: {said(error)}") from error
    if converted is None:
        raise ExportError("ONNX has no form for it")
    graph = converted.model.graph
    graph.inputs[0].name, graph.outputs[0].name = INPUT, OUTPUT
    converted.model.metadata_props.update(facts)
    return converted.model_proto


def halved(model: "ModelProto", names: Container[str]) -> None:
    """Store the weights of these names in 16 bits, in place; the model still computes in 32."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        is_small = tensor.data_type != TensorProto.FLOAT or values.size < SMALL
        if is_small or tensor.name not in names:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    later = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*casts, *later])


def _stable_sort(
    x: "Value", stable: bool = True, dim: int = -1, descending: bool = False
) -> "Sequence[Value]":
    """Return sorted values and their places; of equals, TopK promises the lower place first."""
    from onnxscript import opset18 as op

    length = op.Shape(x, start=dim, end=dim + 1 or None)
    values, places = op.TopK(x, length, axis=dim, largest=int(descending), sorted=1)
    return values, places


def _require() -> None:
    try:
        with quiet():
            import onnx  # noqa: F401
            import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"ONNX needs onnx and onnxscript: {INSTALL}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what the exporters say while they work; what matters they raise."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def said(error: Exception) -> str:
    """Return the first cause of an exporter's error, on one line."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
