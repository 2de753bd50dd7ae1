"""What the benchmarks scan: pictures cut from real ones, and weights when none are installed."""

import io
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from verilens import catalog
from verilens.errors import MissingWeights
from verilens.options import choices

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def sources(data: Path | None) -> list[Path]:
    """Return pictures to cut from: those under `data`, else scikit-image's."""
    if data is not None and data.is_dir():
        found = sorted(p for p in data.rglob("*") if p.suffix.lower() in SUFFIXES)
        return random.Random(0).sample(found, min(200, len(found)))
    from skimage import data as skimage

    folder = Path(skimage.__file__).parent
    return [folder / name for name in ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg")]


def fill(folder: Path, count: int, size: tuple[int, int], found: Sequence[Path]) -> Path:
    """Write `count` different JPEGs of about `size` (width, height) and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    pictures = []
    for path in found[:60]:
        with Image.open(path) as picture:
            pictures.append(picture.convert("RGB"))
    for n in range(count):
        picture = pictures[n % len(pictures)]
        scale = max(1.0, *(1.1 * size[axis] / picture.size[axis] for axis in (0, 1)))
        if scale > 1:
            picture = picture.resize([round(edge * scale) for edge in picture.size])
        left, top = (rng.randrange(picture.size[axis] - size[axis] + 1) for axis in (0, 1))
        crop = picture.crop((left, top, left + size[0], top + size[1]))
        buffer = io.BytesIO()
        crop.save(buffer, "JPEG", quality=rng.randrange(80, 96))
        # A comment keeps two equal crops from being one content.
        (folder / f"{n:05}.jpg").write_bytes(buffer.getvalue() + n.to_bytes(4, "big"))
    return folder


def methods(asked: str | None = None) -> tuple[str, ...] | None:
    """Return the methods to scan with, by default all: with untrained weights where none are."""
    wanted = tuple(asked.split(",")) if asked else None
    try:
        choices(wanted)
    except MissingWeights:
        folder = Path(tempfile.mkdtemp(prefix="verilens-bench-"))
        return tuple(f"{name}={_untrained(name, folder)}" for name in wanted or catalog.cards())
    return wanted


def _untrained(name: str, folder: Path) -> Path:
    torch.manual_seed(0)
    path = folder / f"{name}.safetensors"
    state = catalog.load(name, weights=None).state_dict()
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    return path
