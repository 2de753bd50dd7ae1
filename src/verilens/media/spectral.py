"""Spectral cubes: pictures with more than three numbers a pixel, as (H, W, bands) uint8, RGB first.

    .npy             one array (H, W, bands)
    .mat             MATLAB 5 to 7; one array (H, W, bands), "var" where there are several
    .tif, .tiff      a page a band

Samples of 8 or 16 bits are scaled, floating ones lie in [0, 1]. A MATLAB file may hold the further
bands alone, with the RGB picture beside it under the same name, as HySpeFAS has it. Sizes are
checked in headers before anything is read, and nothing is unpickled.
"""

import math
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MediaError
from verilens.media import still
from verilens.media.opened import Limits
from verilens.media.sample import boxes, cut
from verilens.records import Clip, View

FORMATS = ("NPY", "MAT")
RGB = 3
MOST_BANDS = 512
VARIABLE = "var"  # of a MATLAB file with several arrays, HySpeFAS's name
SLACK = 0.5  # how far reconstructed bands may lie outside [0, 1]; they are cut off there
KINDS = ("uint8", "uint16", "float16", "float32", "float64")
FITS = ("resize", "contain", "native")
PICTURES = (".png", ".jpg", ".tif")  # of the colours that belong to a MATLAB file


class Cube(NamedTuple):
    """pixels: RGB and further bands, (H, W, bands) uint8. beside: where the colours were found."""

    pixels: NDArray[np.uint8]
    beside: Path | None = None


def read(path: Path, file: BinaryIO, format_name: str, name: str, limits: Limits) -> Cube:
    """Return the cube in a .npy or .mat file. Raises MediaError."""
    if format_name == "NPY":
        return whole(read_npy(file, name, limits), name)
    bands = read_mat(file, name, limits)
    beside = (path.with_suffix(suffix) for suffix in PICTURES)
    colours = next((found for found in beside if found.is_file()), None)
    if path.suffix.lower() != ".mat" or colours is None:
        return whole(bands, name)
    pixels = read_colours(colours, limits)
    if pixels.shape[:2] != bands.shape[:2]:
        (high, wide), (height, width) = pixels.shape[:2], bands.shape[:2]
        what = f"{width} x {height} pixels, but {colours.name} beside it has {wide} x {high}"
        raise MediaError("corrupt", f"{name}: {what}")
    return Cube(np.concatenate([pixels, bands], 2), colours)


def whole(pixels: NDArray[np.uint8], name: str) -> Cube:
    """Return a cube that brings its own colours."""
    if pixels.shape[2] < RGB:
        what = f"{pixels.shape[2]} bands a pixel; at least red, green and blue are needed"
        raise MediaError("unsupported", f"{name}: {what}")
    return Cube(pixels)


def read_npy(file: BinaryIO, name: str, limits: Limits) -> NDArray[np.uint8]:
    """Return the array of a .npy file as (H, W, bands) uint8. Raises MediaError."""
    file.seek(0)
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else _header_2
        shape, _, kind = header(file)
        check(shape, str(kind.newbyteorder("=")), name, limits)
        if os.fstat(file.fileno()).st_size - file.tell() != math.prod(shape) * kind.itemsize:
            raise ValueError("its length is not what its header says")
        file.seek(0)
        values = np.lib.format.read_array(file, allow_pickle=False)
    except still.DAMAGE as error:
        what = f"damaged or cut short ({still.said(error)}); save it again"
        raise MediaError("corrupt", f"{name}: {what}") from error
    return scaled(values, name)


def _header_2(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    return np.lib.format.read_array_header_2_0(file)


def read_mat(file: BinaryIO, name: str, limits: Limits) -> NDArray[np.uint8]:
    """Return the array of a MATLAB file as (H, W, bands) uint8. Raises MediaError."""
    try:
        from scipy import io
    except ImportError as error:
        what = "MATLAB files need scipy: pip install 'verilens[train]'"
        raise MediaError("unsupported", f"{name}: {what}") from error
    try:
        file.seek(0)
        arrays = {key: shape for key, shape, _ in io.whosmat(file) if len(shape) == 3}
        chosen = VARIABLE if VARIABLE in arrays else next(iter(arrays), "")
        if not chosen or (len(arrays) > 1 and chosen != VARIABLE):
            held = ", ".join(sorted(arrays)) or "none"
            what = f"one array (H, W, bands) called '{VARIABLE}' is expected; it holds {held}"
            raise MediaError("unsupported", f"{name}: {what}")
        check(arrays[chosen], "float64", name, limits)
        file.seek(0)
        values = io.loadmat(file, variable_names=[chosen])[chosen]
    except (NotImplementedError, zlib.error, io.matlab.MatReadError, *still.DAMAGE) as error:
        what = f"no MATLAB file of version 5 to 7 that can be read ({still.said(error)})"
        raise MediaError("corrupt", f"{name}: {what}; save it again with -v7") from error
    check(values.shape, str(values.dtype), name, limits)
    return scaled(values, name)


def read_pages(image: Image.Image, name: str, limits: Limits) -> Cube:
    """Return the cube of a TIFF file whose pages are bands. Raises MediaError."""
    size, pages = image.size, getattr(image, "n_frames", 1)
    check((size[1], size[0], pages), "float32", name, limits)
    bands = []
    try:
        for page in range(pages):
            image.seek(page)
            if image.size != size or image.mode not in ("L", "I;16", "I;16B", "F"):
                what = f"page {page + 1} is no band of {size[0]} x {size[1]} numbers like the first"
                raise MediaError("unsupported", f"{name}: {what}")
            values = np.asarray(image)
            bands.append(scaled(values.astype(values.dtype.newbyteorder("="))[..., None], name))
    except still.DAMAGE as error:
        what = f"damaged or cut short ({still.said(error)}); get another copy"
        raise MediaError("corrupt", f"{name}: {what}") from error
    return whole(np.concatenate(bands, 2), name)


def read_colours(path: Path, limits: Limits) -> NDArray[np.uint8]:
    """Return the RGB picture that belongs to a MATLAB file. Raises MediaError."""
    from verilens.media.read import open_regular
    from verilens.media.sniff import HEAD_BYTES, sniff

    with open_regular(path, path.name, limits) as file:
        form = sniff(file.read(HEAD_BYTES), path.name)
        if form.demuxer or form.name in FORMATS:
            raise MediaError("unsupported", f"{path.name}: no picture of the colours")
        image = still.open_header(file, form.name, path.name, limits)
        return np.asarray(still.decode(image, path.name).picture)


def check(shape: tuple[int, ...], kind: str, name: str, limits: Limits) -> None:
    """Raise MediaError when an array of this shape and type is no cube, or too large a one."""
    if len(shape) != 3 or kind not in KINDS or not min(shape):
        what = f"an array {shape} of {kind}; (H, W, bands) of {', '.join(KINDS)} is expected"
        raise MediaError("unsupported", f"{name}: {what}")
    height, width, bands = shape
    still.check_size((width, height), name, limits)
    if bands > MOST_BANDS or width * height * bands > limits.max_pixels:
        what = f"{width} x {height} pixels of {bands} bands, over the limit of {MOST_BANDS} bands"
        numbers = f"{limits.max_pixels / 1e6:g} million numbers"
        raise MediaError("too-large", f"{name}: {what} and {numbers}; cut out the face")


def scaled(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Return samples as 8 bits: 16-bit ones divided, floating ones of [0, 1] multiplied."""
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if not (low >= -SLACK and high <= 1 + SLACK):  # also when one is no number
        what = f"values from {low:g} to {high:g}; scale them to [0, 1]"
        raise MediaError("unsupported", f"{name}: {what}")
    pixels: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return pixels


def clip(view: View, cube: Cube) -> Clip:
    """Return what a view of all bands cuts from a cube; each band is cut like a picture."""
    if view.fit not in FITS or view.crops != 1:
        raise ValueError(f"a view of a cube is one of {FITS}, with one crop")
    height, width, bands = cube.pixels.shape
    pages = [Image.fromarray(np.ascontiguousarray(cube.pixels[..., n])) for n in range(bands)]
    pixels = np.stack([cut(view, page)[0][1] for page in pages], 2)
    return Clip(
        frames=pixels[None],
        times_s=np.zeros(1, np.float64),
        boxes=np.array(boxes(view, (width, height)), np.int32),
        size=(width, height),
        view=view,
    )
