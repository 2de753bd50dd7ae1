"""Checkpoints that a kill cannot spoil.

    last/<step>.safetensors   the weights
    last/<step>.pt            optimiser, moving average, difficulties, what was best so far

The second file is written after the first and both by renaming, so a checkpoint counts when its
`.pt` is there. Earlier ones are deleted afterwards. Nothing is unpickled: `.pt` files are read with
`weights_only=True`.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from verilens.errors import StoreError

Facts = dict[str, Any]  # tensors, numbers and strings, nested


def save(folder: Path, snapshot: Mapping[str, Any], facts: Facts) -> None:
    """Write a step's snapshot (see `loop.Step`) and what else the run must remember."""
    folder.mkdir(parents=True, exist_ok=True)
    before = _numbers(folder)
    n = int(snapshot["n"])
    save_weights(folder / f"{n}.safetensors", snapshot["method"])
    rest = {name: value for name, value in snapshot.items() if name != "method"}
    _atomically(folder / f"{n}.pt", lambda path: torch.save({"step": rest, "run": facts}, path))
    for old in before:
        if old != n:
            (folder / f"{old}.pt").unlink(missing_ok=True)
            (folder / f"{old}.safetensors").unlink(missing_ok=True)


def load(folder: Path) -> tuple[dict[str, Any], Facts] | None:
    """Return the latest snapshot and the run's facts, None when there is none.

    Raises StoreError when it is damaged.
    """
    found = _numbers(folder)
    if not found:
        return None
    path = folder / f"{max(found)}.pt"
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        weights = load_file(path.with_suffix(".safetensors"))
        return {**stored["step"], "method": weights}, stored["run"]
    except (OSError, RuntimeError, EOFError, KeyError, UnpicklingError, SafetensorError) as error:
        raise StoreError(f"{path}: damaged ({error}); remove it and start again") from error


def save_weights(
    path: Path, state: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write tensors as safetensors, whole or not at all."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    _atomically(path, lambda partial: save_file(plain, partial, metadata))


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    _atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def _atomically(path: Path, write: Callable[[Path], object]) -> None:
    partial = path.with_name(f".{path.name}.part")
    write(partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)


def _numbers(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.pt") if path.stem.isdigit()]
