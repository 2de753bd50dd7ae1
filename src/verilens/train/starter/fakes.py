"""Aligned fakes: genuine photographs re-made by decoders, so that only the decoder's trace differs.

A base is a genuine 192 px square. Two thirds of the bases are scaled down far enough to erase older
JPEG traces; the others are cut on the JPEG grid at native size, and their fakes are saved once with
the photograph's own quantisation tables, so that an older compression tells nothing either (Rajan
et al. 2024, arXiv:2410.11835, align size and format in the same spirit).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from verilens.train.starter.autoencoders import Autoencoder, Draw, train_autoencoder
from verilens.train.starter.corpus import Item
from verilens.train.starter.views import Pixels, open_rgb

BASE = 192
Tables = dict[int, list[int]]
Maker = Callable[[Tensor, np.random.Generator], Tensor]  # (B, 3, BASE, BASE) in [0, 1] -> same


@dataclass(frozen=True)
class Base:
    pixels: Pixels  # (BASE, BASE, 3)
    tables: Tables | None  # the photograph's quantisation tables, when its JPEG traces remain


def cut_bases(item: Item, n: int) -> list[Base]:
    """Return up to `n` genuine squares of one photograph."""
    with Image.open(item.path) as file:
        tables = getattr(file, "quantization", None)
    picture = open_rgb(item.path)
    if min(picture.size) < BASE:
        return []
    rng = np.random.default_rng([item.key, 7])
    return [_cut(picture, tables, rng) for _ in range(n)]


def _cut(picture: Image.Image, tables: Tables | None, rng: np.random.Generator) -> Base:
    short = min(picture.size)
    if short >= BASE * 1.6 and rng.random() < 0.66:
        low = max(BASE / short, 0.2)
        scale = rng.uniform(low, max(low, min(0.62, 900 / short)))
        size = [max(BASE, round(edge * scale)) for edge in picture.size]
        pick = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BOX)
        picture = picture.resize((size[0], size[1]), pick[rng.integers(3)])
        tables = None
    left, top = (int(rng.integers(0, (edge - BASE) // 8 + 1)) * 8 for edge in picture.size)
    return Base(np.asarray(picture.crop((left, top, left + BASE, top + BASE))), tables)


def resave(pixels: Pixels, tables: Tables | None) -> Pixels:
    """Return the pixels after one JPEG with the given tables; unchanged without tables."""
    if not tables:
        return pixels
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=2)
    return np.asarray(Image.open(buffer))


def match_spectrum(fake: Pixels, real: Pixels) -> Pixels:
    """Return the fake with the radial power spectrum of the real: no blur left as a cue.

    Only the mean over each ring of frequencies is matched; periodic peaks of an up-sampler stay.
    """
    spectra = [np.fft.rfft2(p.astype(np.float32), axes=(0, 1)) for p in (fake, real)]
    ring = _rings()
    power = [np.bincount(ring.ravel(), (np.abs(s) ** 2).sum(-1).ravel()) for s in spectra]
    gain = np.sqrt(np.clip(power[1] / np.maximum(power[0], 1e-3), 0.2, 25.0))
    gain[:2] = 1.0
    out = np.fft.irfft2(spectra[0] * gain[ring][..., None], s=(BASE, BASE), axes=(0, 1))
    return np.clip(out + 0.5, 0, 255).astype(np.uint8)


def _rings() -> NDArray[np.int64]:
    y, x = np.fft.fftfreq(BASE)[:, None], np.fft.rfftfreq(BASE)[None]
    rings: NDArray[np.int64] = np.minimum(np.hypot(y, x) * 128, 63).astype(np.int64)
    return rings


def crop_stream(bases: Sequence[Base], batch: int, seed: int) -> Iterator[Tensor]:
    """Yield endless batches of 96 px crops, (B, 3, 96, 96) in [0, 1]."""
    rng = np.random.default_rng(seed)
    while True:
        picks = rng.integers(0, len(bases), batch)
        corners = rng.integers(0, BASE - 96, (batch, 2))
        crops = [
            bases[n].pixels[y : y + 96, x : x + 96]
            for n, (y, x) in zip(picks, corners, strict=True)
        ]
        yield to_tensor(np.stack(crops))


def to_tensor(pixels: Pixels) -> Tensor:
    """Return (B, 3, H, W) float32 in [0, 1], channels last in memory."""
    x = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div(255)
    return x.contiguous(memory_format=torch.channels_last)


def own_maker(seed: int, bases: Sequence[Base], steps: int) -> Maker:
    """Return a freshly trained random autoencoder as a maker."""
    torch.manual_seed(seed)
    model = Autoencoder(Draw.from_seed(seed)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    train_autoencoder(model, crop_stream(bases, 8, seed), steps)
    return network_maker(model.eval())


def network_maker(model: nn.Module) -> Maker:
    def make(x: Tensor, rng: np.random.Generator) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            pixels: Tensor = model(x).float().clamp(0, 1)
        return pixels

    return make


def latent_maker(encoder: nn.Module, decoder: nn.Module) -> Maker:
    """Return a public autoencoder as a maker; half of its batches get noise in the latents."""

    def make(x: Tensor, rng: np.random.Generator) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            latent = encoder(x).float()
            level = float(rng.choice([0.0, rng.uniform(0.05, 0.35)]))
            noise = torch.from_numpy(rng.standard_normal(tuple(latent.shape), np.float32))
            noisy = latent + level * noise * latent.std()
            pixels: Tensor = decoder(noisy).float().clamp(0, 1)
        return pixels

    return make


def upscaler_maker(model: Path, factor: int) -> Maker:
    """Return a super-resolution network (ncnn files `model`.param and .bin) as a maker."""
    import ncnn  # type: ignore[import-untyped]

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.load_param(f"{model}.param")
    net.load_model(f"{model}.bin")
    blob = "data"

    def make(x: Tensor, rng: np.random.Generator) -> Tensor:
        small = nn.functional.interpolate(
            x, scale_factor=1 / factor, mode="bicubic", antialias=True
        )
        out = []
        for picture in small.clamp(0, 1).contiguous().numpy():
            run = net.create_extractor()
            run.input(blob, ncnn.Mat(np.ascontiguousarray(picture)))
            out.append(torch.from_numpy(np.array(run.extract("output")[1])))
        return torch.stack(out).clamp(0, 1)

    return make
