"""What lies between the scene and the viewer: weather, things in the way, watermarks.

Each function draws what it needs once and returns a filter of one frame, RGB (H, W, 3) uint8.
"""

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, Reals, to_bytes

_OPACITY = 0.6
_BLOCK = 8  # pixels, as DeeperForensics-1.0
_LETTERS = np.array(list("ABCDEFGHKLMNPRSTUVWXYZ23456789"))
_FONT = cv2.FONT_HERSHEY_DUPLEX


def cutout(draw: Draw, share: float) -> Filter:
    """Cover `share` of the area by eight black rectangles (overlaps counted once too often)."""
    side = (share / 8) ** 0.5
    mask = np.zeros((draw.height, draw.width), bool)
    for _ in range(8):
        width, height = max(1, round(side * draw.width)), max(1, round(side * draw.height))
        top, left = _place(draw, height, width)
        mask[top : top + height, left : left + width] = True
    return lambda frame: np.where(mask[..., None], np.uint8(0), frame)


def blocks(draw: Draw, count: float) -> Filter:
    """Cover `count` blocks of 8 x 8 pixels per 256 pixels of the shorter side by grey."""
    side = min(_BLOCK, draw.width, draw.height)
    mask = np.zeros((draw.height, draw.width), bool)
    for _ in range(max(1, round(count * draw.short / 256))):
        top, left = _place(draw, side, side)
        mask[top : top + side, left : left + side] = True
    return lambda frame: np.where(mask[..., None], np.uint8(128), frame)


def fog(draw: Draw, density: float) -> Filter:
    """Mix a light veil in, up to `density` thick and uneven."""
    veil = density * (0.75 + 0.25 * _cloud(draw))
    return lambda frame: to_bytes(frame * (1 - veil) + 235 * veil)


def shadow(draw: Draw, depth: float) -> Filter:
    """Darken a quadrangle by `depth`, its edge soft."""
    corners = draw.rng.random((4, 2)) * (draw.width, draw.height)
    hull = cv2.convexHull(corners.astype(np.int32))
    mask = np.zeros((draw.height, draw.width), np.float32)
    cv2.fillConvexPoly(mask, hull, 1.0)
    soft = 1 - depth * cv2.GaussianBlur(mask, (0, 0), max(0.5, draw.short / 100))[..., None]
    return lambda frame: to_bytes(frame * soft)


def rain(draw: Draw, share: float) -> Filter:
    """Draw slanted streaks over about `share` of the pixels, other ones on every frame."""
    length = max(3.0, draw.short / 20)
    across = length * draw.within(-0.4, 0.4)
    count = max(1, round(share * draw.width * draw.height / length))

    def rained(frame: Pixels) -> Pixels:
        starts = draw.rng.random((count, 2)) * (draw.width, draw.height)
        lines = np.stack([starts, starts + np.array([across, length])], 1).astype(np.int32)
        streaks = np.zeros(frame.shape[:2], np.uint8)
        cv2.polylines(streaks, list(lines), False, 255)
        veil = cv2.blur(streaks, (3, 3))[..., None].astype(np.float32) / 255 * 0.7
        return to_bytes(frame * (1 - veil) + 200 * veil)

    return rained


def snow(draw: Draw, share: float) -> Filter:
    """Let flakes cover about `share` of the pixels, other ones on every frame."""
    radius = max(1, draw.short // 150)
    count = max(1, round(share * draw.width * draw.height / (3.2 * radius * radius)))

    def snowed(frame: Pixels) -> Pixels:
        places = (draw.rng.random((count, 2)) * (draw.width, draw.height)).astype(np.int32)
        flakes = np.zeros(frame.shape[:2], np.uint8)
        for x, y in places.tolist():
            cv2.circle(flakes, (x, y), radius, 255, -1)
        veil = cv2.blur(flakes, (3, 3))[..., None].astype(np.float32) / 255
        return to_bytes(frame * (1 - veil) + 250 * veil)

    return snowed


def text_watermark(draw: Draw, share: float) -> Filter:
    """Write drawn letters, `share` of the shorter side high, 60 % opaque white."""
    height = max(4, round(share * draw.short))
    text = "".join(draw.rng.choice(_LETTERS, 8))
    (width, _), _ = cv2.getTextSize(text, _FONT, 1.0, 1)
    scale = height / 22  # Hershey letters are 22 units high
    stamp = np.zeros((height + 2, max(1, round(width * scale)) + 2), np.uint8)
    thickness = max(1, height // 12)
    cv2.putText(stamp, text, (1, height), _FONT, scale, 255, thickness, cv2.LINE_AA)
    return _stamped(draw, np.float32(1 / 255) * stamp, (255, 255, 255))


def image_watermark(draw: Draw, share: float) -> Filter:
    """Put a logo (ring and triangle) of `share` of the shorter side, 60 % opaque."""
    side = max(5, round(share * draw.short))
    stamp = np.zeros((side, side), np.uint8)
    middle, thick = side // 2, max(1, side // 10)
    cv2.circle(stamp, (middle, middle), max(1, middle - thick), 255, thick, cv2.LINE_AA)
    points = np.array([[0.38, 0.3], [0.38, 0.7], [0.75, 0.5]]) * side
    cv2.fillConvexPoly(stamp, points.astype(np.int32), 255, cv2.LINE_AA)
    colour = tuple(int(c) for c in draw.rng.integers(0, 256, 3))
    return _stamped(draw, np.float32(1 / 255) * stamp, colour)


def _stamped(draw: Draw, stamp: Reals, colour: tuple[int, ...]) -> Filter:
    """Return a filter that lays a stamp, as far as it fits, at a drawn place."""
    stamp = stamp[: draw.height, : draw.width, None] * _OPACITY
    top, left = _place(draw, *stamp.shape[:2])
    rows, columns = slice(top, top + stamp.shape[0]), slice(left, left + stamp.shape[1])
    ink = np.array(colour, np.float32)

    def stamped(frame: Pixels) -> Pixels:
        out = frame.copy()
        out[rows, columns] = to_bytes(out[rows, columns] * (1 - stamp) + ink * stamp)
        return out

    return stamped


def _place(draw: Draw, height: int, width: int) -> tuple[int, int]:
    """Return top and left of a rectangle somewhere inside the frame."""
    top = int(draw.rng.integers(max(0, draw.height - height) + 1))
    return top, int(draw.rng.integers(max(0, draw.width - width) + 1))


def _cloud(draw: Draw) -> Reals:
    """Return a smooth field in [0, 1], (H, W, 1)."""
    coarse = draw.rng.random((6, 6)).astype(np.float32)
    field = cv2.resize(coarse, (draw.width, draw.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(field[..., None], np.float32)
