"""How much a file lets anyone see: size, length, compression, blur.

The figures come from the file's facts and one native frame. They carry no opinion on whether the
file is genuine; fusion widens its interval or abstains when they are poor.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.media.jpeg import JpegFacts, examine_jpeg
from verilens.media.still import rgb
from verilens.records import Media, Quality

LARGEST_SIDE = 768  # pixels of the frame that are looked at, centred; bounds the time
SMALL_SIDE = 200
LOW_JPEG_QUALITY = 60
SHORT_S = 1.0
LOW_BITS_VIDEO = 0.02
LOW_BITS_STILL = 0.4
BLURRED = 15.0
BLOCKY = 1.6


def quality(path: Path, media: Media, frame: Image.Image) -> Quality:
    """Measure the quality of a file from its facts and its first frame.

    path: the file itself, read again for JPEG tables. media: the facts known so far.
    frame: the first one at native resolution, of a still as the file holds it.
    """
    luma = centre_luma(frame)
    jpeg = JpegFacts()
    if media.format == "JPEG":
        jpeg = examine_jpeg(path, luma if frame.mode in ("RGB", "L") else None)
    blocks = blockiness(luma)
    blur = sharpness(luma)
    bits = bits_per_pixel(media)
    return Quality(
        jpeg_quality=jpeg.quality,
        double_jpeg=jpeg.double,
        blockiness=round(blocks, 3),
        sharpness=round(blur, 2),
        bits_per_pixel=round(bits, 4),
        notes=quality_notes(media, jpeg.quality, blocks, blur, bits),
    )


def centre_luma(frame: Image.Image) -> NDArray[np.uint8]:
    """Give back the luma of a frame's centre, cut along its 8 x 8 grid, (h, w)."""
    width, height = (min(edge, LARGEST_SIDE) for edge in frame.size)
    left, top = (max(0, edge - LARGEST_SIDE) // 16 * 8 for edge in frame.size)
    return np.asarray(rgb(frame.crop((left, top, left + width, top + height))).convert("L"))


def blockiness(luma: NDArray[np.uint8]) -> float:
    """Measure an 8 x 8 grid: the step across the strongest grid line over the median step.

    The grid may start anywhere, because the frame can be a crop or turned. 1 is no grid; a
    picture of fewer than 33 pixels a side gives 1.
    """
    if min(luma.shape) < 33:
        return 1.0
    wide = luma.astype(np.int16)
    return float(np.mean([_grid_strength(wide, axis) for axis in (0, 1)]))


def _grid_strength(luma: NDArray[np.int16], axis: int) -> float:
    steps = np.abs(np.diff(luma, axis=axis)).mean(axis=1 - axis)
    steps = steps[: len(steps) // 8 * 8].reshape(-1, 8).mean(axis=0)
    rest = float(np.median(steps))
    return float(steps.max()) / rest if rest > 1e-3 else 1.0


def sharpness(luma: NDArray[np.uint8]) -> float:
    """Give back the variance of the 4-neighbour Laplacian; 0 for less than 3 x 3 pixels."""
    if min(luma.shape) < 3:
        return 0.0
    wide = luma.astype(np.int16)
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    return float(np.var(around - 4 * wide[1:-1, 1:-1]))


def bits_per_pixel(media: Media) -> float:
    """Bits the file spends on a pixel of a frame, sound and metadata included."""
    pixels = media.width * media.height * max(1, media.frames or 1)
    return media.size_bytes * 8 / pixels if pixels else 0.0


def quality_notes(
    media: Media, jpeg_quality: int | None, blocks: float, blur: float, bits: float
) -> tuple[str, ...]:
    """Say in plain words what limits the examination of this file."""
    low_bits = LOW_BITS_VIDEO if media.kind == "video" else LOW_BITS_STILL
    found = (
        (
            min(media.width, media.height) < SMALL_SIDE,
            f"only {media.width} x {media.height} pixels",
        ),
        (
            jpeg_quality is not None and jpeg_quality < LOW_JPEG_QUALITY,
            f"JPEG quality about {jpeg_quality}",
        ),
        (
            media.duration_s is not None and media.duration_s < SHORT_S,
            f"{media.duration_s or 0:.1f} s long",
        ),
        (bits < low_bits, f"strongly compressed: {bits:.2g} bits a pixel"),
        (blur < BLURRED, "little fine detail: blurred, smooth or flat"),
        (blocks > BLOCKY, "visible 8 x 8 compression blocks"),
    )
    return tuple(note for applies, note in found if applies)
