"""A network in ONNX as a module, run by ONNX Runtime on the calling thread."""

from pathlib import Path

import torch
from torch import Tensor, nn

from verilens.errors import ExportError, MissingExtra
from verilens.nn.program import INSTALL


class Session(nn.Module):
    """Runs a model of one input and one output, on one core. Any thread may call it."""

    @staticmethod
    def require() -> None:
        """Raise MissingExtra where ONNX Runtime is not installed."""
        try:
            import onnxruntime  # noqa: F401
        except ImportError as error:
            raise MissingExtra(f"the backend onnxruntime is not installed: {INSTALL}") from error

    def __init__(self, model: bytes | Path) -> None:
        self.require()
        import onnxruntime

        super().__init__()
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 3  # of the graph it says nothing a reader could act on
        source = model if isinstance(model, bytes) else str(model)
        try:
            self._session = onnxruntime.InferenceSession(
                source, settings, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ExportError(f"ONNX Runtime does not take it: {error}") from error
        (self._input,) = (each.name for each in self._session.get_inputs())

    @property
    def facts(self) -> dict[str, str]:
        """Return the metadata of the model."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def forward(self, x: Tensor) -> Tensor:
        (result,) = self._session.run(None, {self._input: x.detach().contiguous().numpy()})
        return torch.from_numpy(result)
