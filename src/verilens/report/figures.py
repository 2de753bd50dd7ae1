"""Pictures for the report: coloured heat maps and the classical views for the eye.

Pure functions of an RGB array, (H, W, 3) uint8. The classical views (error level analysis, noise
residual, spectrum, JPEG ghosts) help a person look; nothing here is evidence and nothing is fed to
a method. Gains are fixed, so that two files can be compared.

Krawetz 2007, "A Picture's Worth" (error level analysis); Farid 2009, "Exposing Digital Forgeries
from JPEG Ghosts".
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
"""(H, W, 3) uint8."""
Scores = NDArray[np.float32]

ELA_GAIN = 15.0
NOISE_GAIN = 8.0
TILE = 256
QUALITIES = (50, 60, 70, 80, 90)


@dataclass(frozen=True, kw_only=True)
class Aid:
    """A view for the eye. note: what to look for, and what also looks like that."""

    title: str
    note: str
    picture: RGB


def aids(rgb: RGB, qualities: Sequence[int] = QUALITIES) -> tuple[Aid, ...]:
    """Return the classical views of a picture at native resolution, ghosts last."""
    views = [
        Aid(
            title="Error level analysis",
            note="What one more JPEG compression (quality 90) changes. A pasted area can stand out "
            "from similar areas around it; edges and fine texture are always bright.",
            picture=error_levels(rgb),
        ),
        Aid(
            title="Noise residual",
            note="The picture minus its median-filtered self. Camera noise is even; a smooth or "
            "differently grained patch may be pasted, retouched, or simply out of focus.",
            picture=noise_residual(rgb),
        ),
        Aid(
            title="Spectrum",
            note="Log-magnitude of spatial frequencies, low in the centre. Isolated bright dots or "
            "a grid can come from up-sampling in a generator, and also from resizing or screens.",
            picture=spectrum(rgb),
        ),
    ]
    for quality, ghost in zip(qualities, ghosts(rgb, qualities), strict=True):
        views.append(
            Aid(
                title=f"JPEG ghost, quality {quality}",
                note="Dark areas fit an earlier compression at this quality.",
                picture=ghost,
            )
        )
    return tuple(views)


def error_levels(rgb: RGB, quality: int = 90, gain: float = ELA_GAIN) -> RGB:
    """Return the difference to a recompressed copy, times `gain`; black is no difference."""
    change = cv2.absdiff(np.ascontiguousarray(rgb), _recompressed(rgb, quality))
    return np.asarray(cv2.convertScaleAbs(change, alpha=gain), dtype=np.uint8)


def noise_residual(rgb: RGB, gain: float = NOISE_GAIN) -> RGB:
    """Return the difference to a 3 x 3 median, times `gain`, around mid-grey."""
    exact = np.ascontiguousarray(rgb)
    smooth = cv2.medianBlur(exact, 3)
    return np.asarray(cv2.addWeighted(exact, gain, smooth, -gain, 128.0), dtype=np.uint8)


def spectrum(rgb: RGB, tile: int = TILE) -> RGB:
    """Return the log-magnitude spectrum of luma, zero frequency in the centre.

    The power of Hann-windowed, half-overlapping square tiles is averaged, so the picture is at
    most tile x tile; bright is the strongest frequency, black lies 60 dB below it.
    """
    luma = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY).astype(np.float64)
    side = min(tile, *luma.shape)
    window = np.outer(*[np.hanning(side + 2)[1:-1]] * 2)
    power = np.zeros((side, side))
    for top in _starts(luma.shape[0], side):
        for left in _starts(luma.shape[1], side):
            patch = luma[top : top + side, left : left + side]
            power += np.abs(np.fft.fft2((patch - patch.mean()) * window)) ** 2
    peak = power.max()
    if peak < 1e-9:  # a uniform picture has no frequencies
        return np.zeros((side, side, 3), dtype=np.uint8)
    decibels = 10.0 * np.log10(np.maximum(power / peak, 1e-6))
    grey = _bytes(np.fft.fftshift(decibels + 60.0) * (255.0 / 60.0))
    return np.repeat(grey[..., None], 3, axis=2)


def ghosts(rgb: RGB, qualities: Sequence[int] = QUALITIES, block: int = 16) -> list[RGB]:
    """Return one ghost a quality: dark where recompression at that quality changes least.

    The squared difference is averaged over block x block pixels and normalised over the qualities
    at every pixel, as in Farid 2009.
    """
    changes = [_change(rgb, quality, block) for quality in qualities]
    low, high = np.minimum.reduce(changes), np.maximum.reduce(changes)
    span = np.maximum(high - low, 1e-6)
    scaled = [(change - low) / span for change in changes]
    return [np.repeat(_bytes(ghost * 255.0)[..., None], 3, axis=2) for ghost in scaled]


def _change(rgb: RGB, quality: int, block: int) -> Scores:
    difference = cv2.absdiff(np.ascontiguousarray(rgb), _recompressed(rgb, quality))
    squares = np.square(difference, dtype=np.uint16).astype(np.float32)
    mean = cv2.transform(squares, np.full((1, 3), 1 / 3, dtype=np.float32))
    return np.asarray(cv2.blur(mean, (block, block)), dtype=np.float32)


def overlay(grid: Scores, longer: int = 256) -> NDArray[np.uint8]:
    """Return scores in [0, 1] as a smooth coloured layer to lay over a picture, (H, W, 4) uint8.

    Colours run from dark blue (0) to yellow (1), which colour-blind readers can order too; low
    scores are nearly transparent. The scale is absolute: nothing is stretched.
    """
    rows, columns = grid.shape
    factor = max(1, longer // max(rows, columns))
    filled = np.nan_to_num(grid.astype(np.float32), nan=0.0)
    smooth = cv2.resize(filled, (columns * factor, rows * factor), interpolation=cv2.INTER_CUBIC)
    smooth = np.clip(smooth, 0.0, 1.0)
    alpha = _bytes(255.0 * (0.05 + 0.95 * smooth))
    return np.dstack([colours(smooth), alpha])


def colours(scores: Scores) -> RGB:
    """Return the colour of each score in [0, 1], (..., 3) uint8."""
    ramp = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_PLASMA)
    table: RGB = ramp[:, 0, ::-1]
    return table[_bytes(np.asarray(scores) * 255.0)]


def fit(rgb: RGB, longer: int) -> RGB:
    """Return the picture scaled down, never up, until its longer side is at most `longer`."""
    height, width = rgb.shape[:2]
    scale = longer / max(height, width)
    if scale >= 1:
        return rgb
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(np.ascontiguousarray(rgb), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


def jpeg_uri(rgb: RGB, quality: int = 85) -> str:
    """Return the picture as a data: address."""
    return _uri(".jpg", "image/jpeg", rgb[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an RGB or RGBA picture as a data: address."""
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return _uri(".png", "image/png", pixels[..., order], (cv2.IMWRITE_PNG_COMPRESSION, 6))


def _uri(suffix: str, kind: str, bgr: NDArray[np.uint8], settings: tuple[int, int]) -> str:
    _, data = cv2.imencode(suffix, np.ascontiguousarray(bgr), settings)
    return f"data:{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"


def _recompressed(rgb: RGB, quality: int) -> RGB:
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    _, data = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, quality))
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _starts(length: int, side: int) -> range:
    return range(0, length - side + 1, max(1, side // 2))


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    result: NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return result
