"""Produced movements by sentence name, in the files that the SLRTP challenge takes, and a check.

A file holds a dictionary: names to (T, J, 3), or to dictionaries with poses_3d, as the reference
has them beside text and gloss. Read are .pt (tensors only, never code), .pkl (plain data only),
.json, .skels with .files, .text and .gloss beside it, and folders of .pose files.
"""

import json
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verilens.errors import DatasetError, MediaError
from verilens.poses.convert import convert
from verilens.poses.read import read
from verilens.poses.skels import read_sentences
from verilens.poses.unpickle import unpickle

MAX_BYTES = 1 << 32
POSES = "poses_3d"
REDUCED, CHALLENGE = "pose178", "holistic178"  # the same points in another order
LONGEST = 20.0  # times the reference, above which a length is called a mistake
REACH = 100.0  # of coordinates in units of the body, above which they are called pixels


@dataclass(frozen=True, kw_only=True)
class Signed:
    """A movement, (T, J, 3), and what it says; text and gloss are "" where nobody says.

    more: other representations of the same frames side by side, (T, K), where a method needs them.
    """

    joints: NDArray[np.float32]
    text: str = ""
    gloss: str = ""
    more: NDArray[np.float32] | None = None


def read_submission(path: Path) -> dict[str, Signed]:
    """Return the movements of a file or folder by name; DatasetError says what is wrong with it."""
    if not path.exists():
        raise DatasetError(f"{path}: no such file")
    if path.is_dir():
        return dict(_folder(path))
    if path.stat().st_size > MAX_BYTES:
        raise DatasetError(f"{path}: more than {MAX_BYTES:,} bytes")
    if path.suffix == ".skels":
        found = list(read_sentences(path))
        return {
            s.name or str(n): Signed(joints=s.pose.joints, text=s.text, gloss=s.gloss)
            for n, s in enumerate(found)
        }
    readers = {".pt": _torch, ".pkl": _pickle, ".pickle": _pickle, ".json": _json}
    if path.suffix not in readers:
        known = ", ".join([*readers, ".skels"])
        raise DatasetError(f"{path}: predictions are {known} or a folder of .pose files")
    held = readers[path.suffix](path)
    if not isinstance(held, Mapping) or not held:
        raise DatasetError(f"{path}: holds no dictionary of sentence names")
    return {str(name): _signed(path, str(name), value) for name, value in held.items()}


def _folder(path: Path) -> Iterator[tuple[str, Signed]]:
    files = sorted(path.rglob("*.pose"))
    if not files:
        raise DatasetError(f"{path}: no .pose file in it")
    for file in files:
        name = file.relative_to(path).with_suffix("").as_posix()
        pose = read(file)[0]
        if pose.skeleton.name == REDUCED:
            pose = convert(pose, CHALLENGE)
        yield name, Signed(joints=pose.joints)


def _torch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError, OSError) as error:
        told = str(error).splitlines()[0]
        raise DatasetError(
            f"{path}: not a file of tensors that can be read safely: {told}"
        ) from error


def _pickle(path: Path) -> Any:
    try:
        return unpickle(path.read_bytes())
    except MediaError as error:
        hint = "pickle arrays or lists of numbers, or save tensors with torch.save to .pt"
        raise DatasetError(f"{path}: {error}; {hint}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: no readable JSON: {error}") from error


def _signed(path: Path, name: str, value: Any) -> Signed:
    about = value if isinstance(value, Mapping) else {POSES: value}
    if POSES not in about:
        raise DatasetError(f"{path}: {name} has no '{POSES}'")
    try:
        joints = np.asarray(about[POSES], dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path}: {name} is no array of numbers: {error}") from error
    return Signed(joints=joints, text=str(about.get("text", "")), gloss=str(about.get("gloss", "")))


def problems(
    found: Mapping[str, Signed],
    joints: int = 178,
    names: Sequence[str] = (),
    lengths: Mapping[str, int] | None = None,
) -> list[str]:
    """Return what is wrong with predictions, a sentence each; empty when they can be scored.

    names: that must be there, and no others; empty when nobody says. lengths: frames of the
        reference.
    """
    told = []
    if names:
        absent, surplus = sorted(set(names) - set(found)), sorted(set(found) - set(names))
        told += [f"{len(absent)} sentences are missing, such as {absent[0]}"] if absent else []
        told += [f"{len(surplus)} names are not asked for, such as {surplus[0]}"] if surplus else []
    for name, signed in found.items():
        told += [f"{name}: {fault}" for fault in _faults(signed.joints, joints)]
        wanted = (lengths or {}).get(name)
        if wanted and len(signed.joints) > LONGEST * wanted:
            told.append(f"{name}: {len(signed.joints)} frames, where the reference has {wanted}")
    return told


def _faults(movement: NDArray[np.float32], joints: int) -> Iterator[str]:
    if movement.ndim != 3 or movement.shape[1:] != (joints, 3):
        yield f"of shape {movement.shape}, not (frames, {joints}, 3)"
    elif not len(movement):
        yield "no frames"
    elif not np.isfinite(movement).all():
        yield f"{int((~np.isfinite(movement)).sum())} values are no numbers"
    elif not movement.any():
        yield "every joint is at the origin"
    elif np.abs(movement).max() > REACH:
        largest = np.abs(movement).max()
        yield f"coordinates up to {largest:.0f}: pixels instead of units of the body?"
