"""Format-matched views: genuine and generated stills go through one random draw.

Scale, crop, JPEG quality and chroma subsampling depend on the file's key only, never on its label, and
every view is `SIDE` pixels square, so size, format and quality tell nothing about the class.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps

SIDE = 256
NATIVE_LIMIT = 1536  # photographs above it are scaled down, as the web does
_FILTERS = (Image.Resampling.BICUBIC, Image.Resampling.LANCZOS, Image.Resampling.BOX)

Pixels = NDArray[np.uint8]


def open_rgb(path: Path) -> Image.Image:
    """Return the upright RGB picture, transparency over white."""
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.mode in ("RGBA", "LA", "P", "PA"):
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def matched_view(picture: Image.Image, rng: np.random.Generator) -> Pixels:
    """Return one view of the draw: scaled, cropped, JPEG-compressed, (SIDE, SIDE, 3) uint8."""
    picture = crop_square(rescale(picture, rng), SIDE, rng)
    return recompress(picture, rng)


def rescale(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the picture at native size, or (half of the draws) at a random smaller one."""
    short = min(picture.size)
    target = float(short)
    if rng.random() < 0.5:
        target = np.exp(rng.uniform(np.log(SIDE), np.log(max(SIDE, min(short, 1024)))))
    elif short > NATIVE_LIMIT:
        target = rng.uniform(512, NATIVE_LIMIT)
    target = max(target, SIDE)
    if round(target) == short:
        return picture
    size = [max(SIDE, round(edge * target / short)) for edge in picture.size]
    pick = _FILTERS[rng.integers(3)] if target < short else Image.Resampling.BICUBIC
    return picture.resize((size[0], size[1]), pick)


def crop_square(picture: Image.Image, side: int, rng: np.random.Generator) -> Image.Image:
    """Return a square crop, its corner uniform over the middle 80 % of the free room."""
    left, top = (round(rng.uniform(0.1, 0.9) * (edge - side)) for edge in picture.size)
    return picture.crop((left, top, left + side, top + side))


def recompress(picture: Image.Image, rng: np.random.Generator) -> Pixels:
    """Return the picture after JPEG at a random quality (70-96) and chroma subsampling."""
    buffer = io.BytesIO()
    subsampling = int(rng.choice([0, 2]))
    picture.save(buffer, "JPEG", quality=int(rng.integers(70, 97)), subsampling=subsampling)
    return np.asarray(Image.open(buffer))
