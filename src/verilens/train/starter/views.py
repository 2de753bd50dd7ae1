"""Format-matched views: genuine and generated stills go through one random draw.

Scale, crop, JPEG quality and chroma subsampling depend on the file's key only, never on its label.
A matched view is `SIDE` pixels square, so size, format and quality tell nothing about the class; a
whole view keeps the picture's shape, as a scan does.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

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
    return recompress(mirror(crop_square(rescale(picture, rng), rng)), rng)


def whole_view(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the file of another draw as a scan would open it: scaled, maybe cropped, JPEG."""
    return Image.open(jpeg(crop_part(rescale(picture, rng), rng), rng)).convert("RGB")


def crop_part(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the whole picture, or (half of the draws) a part of it, 50-100 % of each edge."""
    if rng.random() < 0.5:
        shares = rng.uniform(0.5, 1.0, 2)
        size = [max(64, round(e * s)) for e, s in zip(picture.size, shares, strict=True)]
        width, height = min(size[0], picture.width), min(size[1], picture.height)
        left = round(rng.uniform(0, 1) * (picture.width - width))
        top = round(rng.uniform(0, 1) * (picture.height - height))
        picture = picture.crop((left, top, left + width, top + height))
    return picture


def rescale(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the picture at native size, or (half of the draws) at a random smaller one.

    A picture below SIDE is enlarged to it in half of the draws.
    """
    short = min(picture.size)
    native = rng.random() < 0.5
    if short < SIDE:
        target = float(short if native else SIDE)
    elif native:
        target = short if short <= NATIVE_LIMIT else rng.uniform(512, NATIVE_LIMIT)
    else:
        target = np.exp(rng.uniform(np.log(SIDE), np.log(max(SIDE, min(short, 1024)))))
    if round(target) == short:
        return picture
    size = [max(round(target), round(edge * target / short)) for edge in picture.size]
    pick = _FILTERS[rng.integers(3)] if target < short else Image.Resampling.BICUBIC
    return picture.resize((size[0], size[1]), pick)


def mirror(picture: Image.Image) -> Image.Image:
    """Return the picture mirrored at its right and lower edges until it is SIDE square."""
    pixels = np.asarray(picture)
    room = [SIDE - edge for edge in pixels.shape[:2]]
    if not any(room):
        return picture
    return Image.fromarray(np.pad(pixels, ((0, room[0]), (0, room[1]), (0, 0)), mode="symmetric"))


def crop_square(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a crop of at most SIDE square, placed over the middle 80 % of the free room."""
    width, height = (min(SIDE, edge) for edge in picture.size)
    left = round(rng.uniform(0.1, 0.9) * (picture.width - width))
    top = round(rng.uniform(0.1, 0.9) * (picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def recompress(picture: Image.Image, rng: np.random.Generator) -> Pixels:
    """Return the picture after JPEG at a random quality (70-96) and chroma subsampling."""
    return np.asarray(Image.open(jpeg(picture, rng)))


def jpeg(picture: Image.Image, rng: np.random.Generator) -> io.BytesIO:
    """Return the JPEG file of the draw."""
    buffer = io.BytesIO()
    subsampling = int(rng.choice([0, 2]))
    picture.save(buffer, "JPEG", quality=int(rng.integers(70, 97)), subsampling=subsampling)
    return buffer


def matched_metadata(width: int, height: int, rng: np.random.Generator) -> list[float]:
    """Return what the file of a matched view tells without its pixels: size, tables, sampling."""
    blank = Image.new("RGB", (max(1, width), max(1, height)))
    file = Image.open(jpeg(mirror(crop_square(rescale(blank, rng), rng)), rng))
    if not isinstance(file, JpegImageFile):
        raise TypeError(type(file).__name__)
    tables = [float(sum(table)) for table in file.quantization.values()]
    sampling = float(file.layer[0][1])
    return [*map(float, file.size), tables[0], tables[-1], sampling]
