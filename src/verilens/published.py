"""Published checkpoints: read without running code, checked tensor by tensor, kept as our weights.

A method that takes one has a `convert.py` beside its model with a `CONVERTER`, found by name. Every
tensor of the checkpoint must have a place in the method or a stated reason to be left out, and
every tensor of the method must be filled; anything else is refused with the names. Imports no torch
until a file is read.
"""

import importlib
import importlib.util
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from verilens import catalog, weights
from verilens.card import Card, WeightsCard
from verilens.errors import ConfigError, MissingWeights

if TYPE_CHECKING:
    from torch import Tensor

MAX_BYTES = 8 << 30  # of a checkpoint, packed or unpacked
SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors")
NESTS = ("state_dict", "model_state_dict", "model_state", "model", "net", "weights")
WRAPPED = "module."  # what torch's DataParallel puts before each name
COUNTER = "num_batches_tracked"  # of batch norms; old files lack it, and scoring never reads it
SHOWN = 40  # names of one complaint


class Backbone(NamedTuple):
    """What a checkpoint does not hold, a frozen encoder or a tokenizer, read from a local folder.

    config: fields of the method's Config that describe it. tensors: by the method's own names.
    notes: in words, what of the folder was left out.
    """

    config: Mapping[str, Any]
    tensors: "Mapping[str, Tensor]"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Converter:
    """How one published layout becomes a method's own.

    source: where such files are published. licence: of the published weights.
    renamed: pattern of a whole published name -> our name, with \\1 for its first group; the first
        pattern that fits counts.
    unused: pattern of published names that have no place -> why they are not needed.
    prepared: cuts or renames tensors so that each has one place, before the rest reads them.
    config: gives the fields of Config that follow from the checkpoint's tensors.
    beside: gives those that stand in files beside the checkpoint, such as its vocabulary.
    backbone: reads the folder with what the checkpoint was trained on and does not hold.
    lacks: in a word, what that is.
    """

    source: str
    licence: str
    renamed: Mapping[str, str]
    unused: Mapping[str, str] = field(default_factory=dict)
    prepared: "Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]" = lambda tensors: tensors
    config: "Callable[[Mapping[str, Tensor]], Mapping[str, Any]]" = lambda tensors: {}
    beside: Callable[[Path], Mapping[str, Any]] = lambda path: {}
    backbone: Callable[[Path], Backbone] | None = None
    lacks: str = "encoder"

    def place(self, name: str) -> str | None:
        """Return our name of a published tensor, None when it has none."""
        for pattern, ours in self.renamed.items():
            match = re.fullmatch(pattern, name)
            if match:
                return match.expand(ours)
        return None

    def reason(self, name: str) -> str | None:
        """Return why a published tensor is left out, None when nothing is said of it."""
        fitting = (why for pattern, why in self.unused.items() if re.fullmatch(pattern, name))
        return next(fitting, None)


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A file's tensors by published name, and what else lay beside them."""

    path: Path
    tensors: "Mapping[str, Tensor]"
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A checkpoint in a method's own names, complete and of the right shapes.

    notes: in words, what was left out or filled in.
    """

    method: str
    path: Path
    tensors: "Mapping[str, Tensor]"
    config: Mapping[str, Any]
    notes: tuple[str, ...]
    backbone: Path | None = None


def converter(card: Card) -> Converter | None:
    """Return the method's converter, None when it takes no published checkpoint."""
    if importlib.util.find_spec(f"{card.package}.convert") is None:
        return None
    found: Converter = importlib.import_module(f"{card.package}.convert").CONVERTER
    return found


def convert(name: str, path: Path, backbone: Path | None = None) -> Conversion:
    """Return the checkpoint at `path` as weights of method `name`.

    backbone: local Hugging Face folder with the encoder, for methods that need one. MissingWeights
    lists every name that has no place, is missing or has another shape.
    """
    rules = converter(catalog.card(name))
    if rules is None:
        able = ", ".join(n for n, card in catalog.cards().items() if converter(card))
        raise ConfigError(f"{name} has no converter for published checkpoints; these have: {able}")
    encoder = _encoder(name, rules, backbone)
    checkpoint = read(path)
    held = rules.prepared(checkpoint.tensors)
    config = {**encoder.config, **rules.config(held), **rules.beside(path)}
    tensors = dict(encoder.tensors)
    unknown: list[str] = []
    notes = [*encoder.notes, *(f"{x}: not part of the network" for x in checkpoint.beside)]
    left: dict[str, list[str]] = {}
    for published, tensor in held.items():
        ours, why = rules.place(published), rules.reason(published)
        if why is not None:
            left.setdefault(why, []).append(published)
        elif ours is None or ours in tensors:
            unknown.append(published)
        else:
            tensors[ours] = tensor
    notes += [f"{_listed(names)}: {why}" for why, names in left.items()]
    fitted, filled = _fitted(name, path, tensors, config, unknown)
    if filled:
        notes.append(f"{filled} counters of batch norms were absent and start at 0")
    return Conversion(
        method=name,
        path=path,
        tensors=fitted,
        config=config,
        notes=tuple(notes),
        backbone=backbone,
    )


def read(path: Path, max_bytes: int = MAX_BYTES) -> Checkpoint:
    """Return the tensors of a .safetensors or torch file; only tensors are ever unpickled.

    A dictionary around the tensors is opened, and a prefix "module." common to all is dropped. Of a
    folder all files are read, and each name begins with its file's: "FILE/name".
    """
    if path.is_dir():
        return _together(path, max_bytes)
    if not path.is_file():
        raise MissingWeights(f"{path}: no such file")
    unpacked = _unpacked(path)
    if unpacked > max_bytes:
        raise MissingWeights(f"{path}: {unpacked} bytes, above the limit of {max_bytes}")
    content = _content(path)
    nest = next((key for key in NESTS if _is_state(content.get(key))), None)
    state = content[nest] if nest else content
    if not _is_state(state):
        odd = [key for key, value in content.items() if not _is_tensor(value)]
        raise MissingWeights(f"{path}: holds more than tensors by name: {_listed(odd)}")
    beside = tuple(str(key) for key in content if key != nest) if nest else ()
    if all(name.startswith(WRAPPED) for name in state):
        state = {name.removeprefix(WRAPPED): tensor for name, tensor in state.items()}
    return Checkpoint(path=path, tensors=state, beside=beside)


def _together(folder: Path, max_bytes: int) -> Checkpoint:
    tensors: dict[str, Tensor] = {}
    beside: list[str] = []
    for path in files(folder):
        one = read(path, max_bytes)
        tensors |= {f"{path.stem}/{name}": tensor for name, tensor in one.tensors.items()}
        beside += [f"{path.stem}/{name}" for name in one.beside]
    if not tensors:
        raise MissingWeights(f"{folder}: holds no checkpoint ({', '.join(SUFFIXES)})")
    return Checkpoint(path=folder, tensors=tensors, beside=tuple(beside))


def files(path: Path) -> list[Path]:
    """Return the checkpoints of a folder by name, or the file itself."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)


def write(conversion: Conversion, out: Path) -> WeightsCard:
    """Write the .safetensors file at `out` and its card beside it; return the card.

    ConfigError when one of them exists.
    """
    from safetensors.torch import save_file

    beside = out.with_suffix(".json")
    if out.suffix != ".safetensors":
        raise ConfigError(f"{out}: must end in .safetensors")
    for path in (out, beside):
        if path.exists():
            raise ConfigError(f"{path} exists; choose another with -o")
    out.parent.mkdir(parents=True, exist_ok=True)
    facts = weights.metadata(conversion.method, conversion.config)
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        save_file(dict(conversion.tensors), partial, facts)
        digest = weights.sha256(partial)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    text = json.dumps(_card(conversion, digest), indent=2) + "\n"
    beside.write_text(text, encoding="utf-8")
    return WeightsCard.read(beside)


def _encoder(name: str, rules: Converter, folder: Path | None) -> Backbone:
    if rules.backbone is None:
        if folder is not None:
            raise ConfigError(f"{name}: its checkpoints are complete; leave --backbone out")
        return Backbone({}, {})
    if folder is None:
        raise ConfigError(
            f"{name}: its checkpoints hold no {rules.lacks}; give the local Hugging Face folder "
            "it was trained on with --backbone FOLDER"
        )
    if not folder.is_dir():
        raise MissingWeights(f"{folder}: no such folder")
    return rules.backbone(folder)


def _unpacked(path: Path) -> int:
    """Return how many bytes a file becomes: an archive may be small and unpack to anything."""
    size = path.stat().st_size
    if not zipfile.is_zipfile(path):
        return size
    try:
        with zipfile.ZipFile(path) as archive:
            return max(size, sum(entry.file_size for entry in archive.infolist()))
    except zipfile.BadZipFile as error:
        raise MissingWeights(f"{path}: a damaged archive ({error})") from error


def _content(path: Path) -> Mapping[str, Any]:
    import torch
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with torch.serialization.safe_globals(_numbers()):
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingWeights(
            f"{path}: not a file of tensors that can be read without running its code ({said})"
        ) from error
    if not isinstance(content, Mapping):
        raise MissingWeights(f"{path}: holds {type(content).__name__}, not tensors by name")
    return content


def _numbers() -> list[Any]:
    """Return what a single number of numpy's is made of: scores are often kept as such."""
    import numpy as np

    scalar, kinds = np.float64(0).__reduce__()[0], ("f8", "f4", "i8")
    named = [(scalar, f"numpy.{home}.multiarray.scalar") for home in ("core", "_core")]
    return [*named, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _is_state(value: object) -> bool:
    """Return whether this is a non-empty mapping from names to tensors."""
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(key, str) and _is_tensor(item) for key, item in value.items())


def _fitted(
    name: str,
    path: Path,
    tensors: "dict[str, Tensor]",
    config: Mapping[str, Any],
    unknown: list[str],
) -> "tuple[dict[str, Tensor], int]":
    """Return the tensors in the method's types, and how many counters were filled in."""
    import torch

    with torch.device("meta"):
        own = catalog.build(name, config).state_dict()
    absent = [key for key in own if key not in tensors]
    counters = [key for key in absent if key.endswith(COUNTER)]
    tensors = {**tensors, **{key: torch.zeros((), dtype=torch.int64) for key in counters}}
    foreign = [key for key in tensors if key not in own]
    both = [key for key in own if key in tensors]
    shapes = [
        f"{key} is {tuple(tensors[key].shape)}, must be {tuple(own[key].shape)}"
        for key in both
        if tensors[key].shape != own[key].shape
    ]
    damaged = [key for key in both if not tensors[key].isfinite().all()]
    complaints = {
        "without a place": [*unknown, *foreign],
        "missing": [key for key in absent if key not in counters],
        "of another shape": shapes,
        "not finite": damaged,
    }
    lines = [
        f"  {len(names)} {what}: {_listed(names)}" for what, names in complaints.items() if names
    ]
    if lines:
        raise MissingWeights("\n".join([f"{path}: not weights of {name}; nothing written", *lines]))
    return {key: tensors[key].to(own[key].dtype).contiguous().clone() for key in own}, len(counters)


def _card(conversion: Conversion, digest: str) -> dict[str, Any]:
    rules = converter(catalog.card(conversion.method))
    if rules is None:
        raise ConfigError(f"{conversion.method} has no converter for published checkpoints")
    origins = [f"{path.name} (sha256 {weights.sha256(path)})" for path in files(conversion.path)]
    recipe = f"converted from {' and '.join(origins)}, every tensor by name and shape"
    extra = f" --backbone {conversion.backbone}" if conversion.backbone else ""
    return {
        "sha256": digest,
        "licence": rules.licence,
        "corpus": f"as published: {rules.source}",
        "recipe": "; ".join([recipe, *conversion.notes]),
        "command": f"verilens weights import {conversion.method} {conversion.path.name}{extra}",
        "seed": 0,
        "measured": {},
        "limits": [
            "published by others and converted as it was: nothing has been measured here",
            "the seed of its training is not in the file",
        ],
    }


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
