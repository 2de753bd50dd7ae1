"""What a JPEG file tells about its compression: quality, an earlier compression, its thumbnail."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media.containers import read_blocks
from verilens.media.double_jpeg import double_compression
from verilens.media.jpeg_tables import estimate_quality

MOST_PIXELS = 4_000_000  # of a thumbnail
SMALL = 48  # side to which picture and thumbnail are brought
SAME_ASPECT = 1.04
UNLIKE = 0.75  # correlation below which the thumbnail shows something else
ODD_CELL = 40.0  # grey levels by which one of 8 x 8 cells may differ
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True, kw_only=True)
class JpegFacts:
    """quality: IJG scale 1-100. double: sign of an earlier JPEG compression in [0, 1]."""

    quality: int | None = None
    double: float | None = None


def examine_jpeg(path: Path, luma: NDArray[np.uint8] | None) -> JpegFacts:
    """Read the tables of a JPEG file and look for an earlier compression.

    luma: a part of the picture, its block grid starting at the first pixel, (H, W). An unreadable
    file gives empty facts.
    """
    try:
        tables = read_blocks(path).tables
    except OSError:
        return JpegFacts()
    if 0 not in tables:
        return JpegFacts()
    quality, _ = estimate_quality(tables[0])
    double = None if luma is None else double_compression(luma, tables[0])
    return JpegFacts(quality=quality, double=None if double is None else round(double, 3))


def table_words(table: tuple[int, ...]) -> str:
    """Say in a few words which luma table a file uses, in zig-zag order."""
    quality, is_standard = estimate_quality(table)
    if is_standard:
        return f"standard tables, quality {quality}"
    return f"tables of its own (cameras and Photoshop have such), about quality {quality}"


def thumbnail_mismatch(image: Image.Image, thumbnail: bytes) -> list[str]:
    """Compare the EXIF thumbnail with the picture; a sentence when they differ, else nothing.

    A thumbnail is often left as it was when only the picture is edited, cropped or replaced.
    Frames of black that cameras add, turns by 90 degrees and changes of tone are forgiven.
    """
    small = _decoded(thumbnail)
    if small is None:
        return []
    small = _without_bars(small)
    shrink = max(1, min(image.size) // (4 * SMALL))
    picture = np.asarray(image.reduce(shrink).convert("L"), np.float32)
    if min(*small.shape, *picture.shape) < 16 or small.std() < 2 or picture.std() < 2:
        return []
    turned = np.rot90(small)
    fits = [turn for turn in (small, np.rot90(small, 2)) if _same_aspect(turn, picture)]
    fits += [turn for turn in (turned, np.rot90(small, 3)) if _same_aspect(turn, picture)]
    if not fits:
        return ["The embedded thumbnail has another shape than the picture, which may be cropped."]
    best = max((_compare(turn, picture) for turn in fits), key=lambda pair: pair[0])
    if best[0] < UNLIKE:
        return ["The embedded thumbnail shows something else than the picture."]
    if best[1] > ODD_CELL:
        return ["Part of the embedded thumbnail differs from the picture, which may be edited."]
    return []


def _decoded(thumbnail: bytes) -> NDArray[np.float32] | None:
    """Decode a thumbnail in grey at roughly 200 pixels a side."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(thumbnail), formats=("JPEG",)) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return None
                picture.draft("L", (200, 200))
                return np.asarray(picture.convert("L"), np.float32)
    except DAMAGED:
        return None


def _without_bars(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut the black bars off that cameras put around a thumbnail of another aspect."""
    rows = np.flatnonzero(grey.max(axis=1) > 40)
    columns = np.flatnonzero(grey.max(axis=0) > 40)
    if len(rows) < 16 or len(columns) < 16:
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _same_aspect(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    ratio = (first.shape[0] / first.shape[1]) / (second.shape[0] / second.shape[1])
    return bool(1 / SAME_ASPECT < ratio < SAME_ASPECT)


def _compare(first: NDArray[np.float32], second: NDArray[np.float32]) -> tuple[float, float]:
    """Correlation, and the largest difference of a cell after fitting the tone."""
    one, two = (_shrunk(grey) for grey in (first, second))
    correlation = float(np.corrcoef(one.ravel(), two.ravel())[0, 1])
    slope, offset = np.polyfit(one.ravel(), two.ravel(), 1)
    cells = (two - (slope * one + offset)).reshape(8, SMALL // 8, 8, SMALL // 8).mean(axis=(1, 3))
    return correlation, float(np.abs(cells).max())


def _shrunk(grey: NDArray[np.float32]) -> NDArray[np.float64]:
    small = Image.fromarray(grey).resize((SMALL, SMALL), Image.Resampling.BOX)
    return np.asarray(small, np.float64)
