"""Geometry: frames flipped, cut, turned and warped, all of a clip alike; the size stays.

Each function draws what it needs once and returns a filter of one frame, RGB (H, W, 3) uint8.
"""

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, Reals


def horizontal_flip(draw: Draw) -> Filter:
    """Mirror left and right; exact."""
    return lambda frame: np.ascontiguousarray(frame[:, ::-1])


def vertical_flip(draw: Draw) -> Filter:
    """Mirror top and bottom; exact."""
    return lambda frame: np.ascontiguousarray(frame[::-1])


def flip(draw: Draw) -> Filter:
    """Mirror one way or the other; exact."""
    return horizontal_flip(draw) if draw.sign() > 0 else vertical_flip(draw)


def crop(draw: Draw, share: float) -> Filter:
    """Keep `share` of both sides at a drawn place and scale it back up."""
    width, height = (max(1, round(side * share)) for side in (draw.width, draw.height))
    left = int(draw.rng.integers(draw.width - width + 1))
    top = int(draw.rng.integers(draw.height - height + 1))
    return lambda frame: resized(
        frame[top : top + height, left : left + width], draw.width, draw.height
    )


def downscale(draw: Draw, factor: float) -> Filter:
    """Scale down by `factor` and up again."""
    width, height = (max(1, round(side / factor)) for side in (draw.width, draw.height))
    return lambda frame: resized(resized(frame, width, height), draw.width, draw.height)


def rotate(draw: Draw, degrees: float) -> Filter:
    """Turn about the centre by `degrees` one way or the other, edges mirrored."""
    centre = ((draw.width - 1) / 2, (draw.height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, draw.sign() * degrees, 1.0)
    return lambda frame: np.asarray(
        cv2.warpAffine(frame, matrix, (draw.width, draw.height), borderMode=cv2.BORDER_REFLECT),
        np.uint8,
    )


def perspective(draw: Draw, share: float) -> Filter:
    """Move each corner inwards by at most `share` of the sides, as if seen from aside."""
    matrix = tilt(draw, share)
    return lambda frame: np.asarray(
        cv2.warpPerspective(frame, matrix, (draw.width, draw.height)), np.uint8
    )


def tilt(draw: Draw, share: float) -> Reals:
    """Return the (3, 3) map that draws a quadrangle inside the frame out to the whole frame."""
    sides = np.array([draw.width - 1, draw.height - 1], np.float32).clip(1)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    inwards = draw.rng.uniform(0, share, (4, 2)).astype(np.float32)
    source = np.abs(corners - inwards) * sides
    return np.asarray(cv2.getPerspectiveTransform(source, corners * sides), np.float32)


def optical_distortion(draw: Draw, k: float) -> Filter:
    """Bend lines as a lens does: r' = r (1 + k r^2), r = 1 at the end of the shorter side."""
    k = draw.sign() * k
    rows, columns = _grid(draw)
    half = max(1.0, draw.short / 2)
    y, x = (rows - (draw.height - 1) / 2) / half, (columns - (draw.width - 1) / 2) / half
    scale = 1 + k * (x * x + y * y)
    away = half * (scale - 1)
    return _moved(np.asarray(y * away, np.float32), np.asarray(x * away, np.float32), draw)


def grid_distortion(draw: Draw, share: float) -> Filter:
    """Stretch and squeeze the cells of a 5 x 5 grid by at most `share`."""
    rows, columns = _grid(draw)
    return _moved(
        _uneven(draw, share, draw.height)[:, None] - rows,
        _uneven(draw, share, draw.width)[None] - columns,
        draw,
    )


def elastic(draw: Draw, share: float) -> Filter:
    """Move pixels along a smooth random field, by about `share` of the shorter side."""
    away = np.float32(share * draw.short)
    return _moved(away * _smooth(draw), away * _smooth(draw), draw)


def camera_shake(draw: Draw, share: float) -> Filter:
    """Shift every frame anew, by at most `share` of the shorter side."""

    def shaken(frame: Pixels) -> Pixels:
        x, y = draw.rng.uniform(-share, share, 2) * draw.short
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
        size = (draw.width, draw.height)
        moved = cv2.warpAffine(frame, matrix, size, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)

    return shaken


def resized(frame: Pixels, width: int, height: int) -> Pixels:
    """Return a frame at another size: areas averaged going down, cubic going up."""
    smaller = width * height < frame.shape[0] * frame.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame, (width, height), interpolation=method), np.uint8)


def _grid(draw: Draw) -> tuple[Reals, Reals]:
    rows, columns = np.mgrid[: draw.height, : draw.width].astype(np.float32)
    return rows, columns


def _moved(down: Reals, right: Reals, draw: Draw) -> Filter:
    """Return a filter that takes each pixel from (down, right) pixels away; cubic, mirrored."""
    rows, columns = _grid(draw)
    # BORDER_REFLECT_101 never returns on a side of one pixel (OpenCV 5.0).
    # Fixed-point maps are a third faster and as exact as cubic weights need.
    first, second = cv2.convertMaps(
        np.asarray(columns + right, np.float32), np.asarray(rows + down, np.float32), cv2.CV_16SC2
    )
    return lambda frame: np.asarray(
        cv2.remap(frame, first, second, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT),
        np.uint8,
    )


def _uneven(draw: Draw, share: float, length: int) -> Reals:
    """Return where each of `length` positions is taken from; the ends stay."""
    cells = draw.rng.uniform(1 - share, 1 + share, 5)
    knots = np.r_[0, np.cumsum(cells)] / cells.sum() * (length - 1)
    even = np.linspace(0, length - 1, len(knots))
    return np.asarray(np.interp(np.arange(length), even, knots), np.float32)


def _smooth(draw: Draw) -> Reals:
    """Return a smooth random field of unit deviation, (H, W)."""
    coarse = draw.rng.standard_normal((9, 9)).astype(np.float32)
    field = cv2.resize(coarse, (draw.width, draw.height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field / max(1e-6, float(field.std())), np.float32)
