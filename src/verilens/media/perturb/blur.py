"""Blur: what lenses, motion and screens do between neighbouring pixels.

Each function draws what it needs once and returns a filter of one frame, RGB (H, W, 3) uint8.
Lengths are pixels of the frame as it is, whatever its size.
"""

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, Reals


def gaussian_blur(draw: Draw, kernel: float) -> Filter:
    """Convolve with a Gaussian of `kernel` pixels, sigma = kernel / 6 (as DeeperForensics-1.0)."""
    size = int(kernel)
    return lambda frame: np.asarray(cv2.GaussianBlur(frame, (size, size), size / 6), np.uint8)


def box_blur(draw: Draw, kernel: float) -> Filter:
    """Average over a square of `kernel` pixels."""
    size = int(kernel)
    return lambda frame: np.asarray(cv2.blur(frame, (size, size)), np.uint8)


def median_blur(draw: Draw, kernel: float) -> Filter:
    """Take the median of a square of `kernel` pixels."""
    return lambda frame: np.asarray(cv2.medianBlur(frame, int(kernel)), np.uint8)


def motion_blur(draw: Draw, length: float) -> Filter:
    """Smear along a line of `length` pixels in a drawn direction."""
    return _convolved(_line(int(length), draw.within(0, np.pi)))


def defocus_blur(draw: Draw, radius: float) -> Filter:
    """Convolve with a disc, as a lens out of focus."""
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return _convolved((x * x + y * y <= radius * radius).astype(np.float32))


def glass_blur(draw: Draw, reach: float) -> Filter:
    """Take every pixel from a place at most `reach` pixels away, between two light blurs."""
    shape = (draw.height, draw.width)
    rows, columns = np.mgrid[: draw.height, : draw.width].astype(np.float32)
    away = int(reach)
    rows = rows + draw.rng.integers(-away, away + 1, shape).astype(np.float32)
    columns = columns + draw.rng.integers(-away, away + 1, shape).astype(np.float32)

    def scattered(frame: Pixels) -> Pixels:
        soft = cv2.GaussianBlur(frame, (0, 0), 0.7)
        moved = cv2.remap(soft, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(cv2.GaussianBlur(moved, (0, 0), 0.7), np.uint8)

    return scattered


def _line(length: int, angle: float) -> Reals:
    """Return a kernel that holds a line through its centre; angle in radians."""
    kernel = np.zeros((length, length), np.float32)
    centre = (length - 1) / 2
    for step in np.linspace(-centre, centre, 4 * length):
        row, column = centre + step * np.sin(angle), centre + step * np.cos(angle)
        kernel[round(row), round(column)] = 1
    return kernel


def _convolved(kernel: Reals) -> Filter:
    weights = kernel / kernel.sum()
    return lambda frame: np.asarray(
        cv2.filter2D(frame, -1, weights, borderType=cv2.BORDER_REFLECT), np.uint8
    )
