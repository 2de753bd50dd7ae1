"""Faces blended with themselves: fakes with a seam, made from genuine faces alone.

A copy of the face is recoloured, softened or sharpened, shifted a little and laid back through a
feathered mask, as in Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR
2022, arXiv:2204.08376. Which copy is altered is a coin toss, so that only the seam tells fake from
genuine. In a clip one draw holds for all frames and drifts slowly: nothing flickers.

    frames, five points of each face -> one draw -> altered copies, masks -> fakes

Convention: points are (x, y) in pixels, in the order left eye, right eye, nose, left and right
corner of the mouth as one sees them. The face has a side: its box is side x side.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Part = Literal["whole", "face", "inner", "lower"]

# Where a detector's five points lie in the box it draws, (x, y) in [0, 1].
POINTS = np.array([[0.31, 0.41], [0.69, 0.41], [0.5, 0.61], [0.34, 0.78], [0.66, 0.78]])
MARGIN = 1.3  # the published sizes are of crops that hold this many boxes a side
SMALLEST_SIDE = 12.0  # pixels; a smaller face has no room for a seam


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """What a draw chooses from; the defaults are those of the authors' code.

    Lengths are shares of a crop of 1.3 times the face's side.

    parts: outlines of the mask, equally likely: "whole" head, "face" up to the brows, "inner"
        from brows to mouth, "lower" from the nose down. Ours: the code takes hulls of 81 points.
    shift: of a colour, of 255, with chance shift_p. brightness, contrast: relative, both ways.
    coarser: factors one copy is made coarser by, half the time; else it is sharpened by sharpen.
    move_x, move_y, scale: of the copy laid on top. bend: deviation of the mask's displacement;
        bend_reach: over which distance it changes.
    shrink, feather: from which to which radius the mask is eroded, then softened.
    ratios: opacity of the copy, equally likely. drift: share of each range that a clip wanders.
    """

    parts: tuple[Part, ...] = ("whole", "face", "inner", "lower")
    shift: float = 20.0
    shift_p: float = 0.3
    brightness: float = 0.1
    contrast: float = 0.1
    coarser: tuple[int, ...] = (2, 4)
    sharpen: tuple[float, float] = (0.2, 0.5)
    move_x: float = 0.03
    move_y: float = 0.015
    scale: float = 0.05
    bend: float = 0.0045
    bend_reach: float = 0.027
    shrink: tuple[float, float] = (0.009, 0.054)
    feather: tuple[float, float] = (0.009, 0.054)
    ratios: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
    drift: float = 0.15


class Blended(NamedTuple):
    """Fakes, what they are to be told from, and how much of each pixel is laid on.

    fakes, genuine: RGB, (T, H, W, 3) uint8. Outside the masks they are equal.
    masks: in [0, 1], (T, H, W) float32.
    """

    fakes: Pixels
    genuine: Pixels
    masks: NDArray[np.float32]


class _Place(NamedTuple):
    """Where a face lies: z in its box, as x + iy, is at turn z + offset in the frame."""

    turn: complex
    offset: complex

    def at(self, shape: Floats) -> Floats:
        """Return points of the box in pixels of the frame, (K, 2)."""
        z = self.turn * (shape[:, 0] + 1j * shape[:, 1]) + self.offset
        return np.column_stack([z.real, z.imag])


class _Draw:
    """Everything random about one clip; values wander around a centre over its `count` frames."""

    def __init__(self, rng: np.random.Generator, ranges: Ranges, count: int) -> None:
        self.rng, self.ranges = rng, ranges
        self.passed = np.linspace(0, 1, count)  # share of the clip
        self.on_top = bool(rng.random() < 0.5)  # which copy is altered
        shifted = rng.random() < ranges.shift_p
        self.shift = self._wander(ranges.shift * shifted, 3)
        self.brightness = self._wander(ranges.brightness)
        self.contrast = self._wander(ranges.contrast)
        self.coarser = int(rng.choice(ranges.coarser)) if rng.random() < 0.5 else 0
        self.sharpen = float(rng.uniform(*ranges.sharpen))
        self.move = np.hstack([self._wander(ranges.move_x), self._wander(ranges.move_y)])
        self.zoom = (1 - ranges.scale) ** self._wander(1.0)
        self.shrink = float(rng.uniform(*ranges.shrink))
        self.feather = float(rng.uniform(*ranges.feather))
        self.ratio = float(rng.choice(ranges.ratios))
        self.outline = outline(ranges.parts[int(rng.integers(len(ranges.parts)))])
        self.seed = int(rng.integers(2**31))  # of the bending fields, whose size follows the frames

    def _wander(self, reach: float, width: int = 1) -> Floats:
        """Return values in [-reach, reach], (T, width), that drift half a wave over the clip."""
        centre, phase = self.rng.uniform(-1, 1, width), self.rng.uniform(0, 2 * math.pi, width)
        swing = np.sin(math.pi * self.passed[:, None] + phase) - np.sin(phase)
        return np.asarray(reach * np.clip(centre + self.ranges.drift * swing, -1, 1))


def self_blend(
    frames: Pixels, points: Floats, rng: np.random.Generator, ranges: Ranges | None = None
) -> Blended:
    """Return a clip blended with itself; a still is a clip of one frame.

    frames: RGB, (T, H, W, 3) uint8. points: of the face of each frame, (T, 5, 2).

    Raises MediaError "too-small" for a face below 12 pixels.
    """
    draw = _Draw(rng, ranges or Ranges(), len(frames))
    places = [_similarity(POINTS, shown) for shown in points]
    side_px = float(np.median([abs(place.turn) for place in places]))
    if side_px < SMALLEST_SIDE:
        raise MediaError("too-small", f"a face of {side_px:.0f} pixels cannot be blended")
    size = (frames.shape[2], frames.shape[1])
    bends = _bends(draw, size, MARGIN * side_px)
    fakes, genuine = np.empty_like(frames), np.empty_like(frames)
    masks = np.empty(frames.shape[:3], np.float32)
    for n, (frame, place) in enumerate(zip(frames, places, strict=True)):
        altered = _altered(frame, draw, n)
        top, genuine[n] = (altered, frame) if draw.on_top else (frame, altered)
        moved = _affine(draw, n, place, MARGIN * side_px)
        corners = place.at(draw.outline) @ moved[:, :2].T + moved[:, 2]
        masks[n] = _mask(draw, corners, _bend(draw, bends, n), MARGIN * side_px)
        top = cv2.warpAffine(top, moved, size, borderMode=cv2.BORDER_REFLECT)
        weight = masks[n][:, :, None]
        fakes[n] = np.rint(weight * top + (1 - weight) * genuine[n])
    return Blended(fakes, genuine, masks)


def points_of(box: tuple[float, float, float, float]) -> Floats:
    """Return where the five points of an upright face lie in its box, (5, 2).

    box: (left, top, right, bottom) in pixels.
    """
    left, top, right, bottom = box
    return np.asarray(np.array([left, top]) + POINTS * np.array([right - left, bottom - top]))


def points_of_crops(count: int, side_px: int, margin: float = MARGIN) -> Floats:
    """Return the points of faces cut with `margin` times their box, (count, 5, 2)."""
    edge = side_px * (1 - 1 / margin) / 2
    return np.repeat(points_of((edge, edge, side_px - edge, side_px - edge))[None], count, 0)


def outline(part: Part) -> Floats:
    """Return the convex outline of a part of the face, (K, 2), where its box is [0, 1]."""
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    x, y = np.sin(turn), -np.cos(turn)
    if part == "inner":
        return np.column_stack([0.5 + 0.36 * x, 0.6 + 0.33 * y])
    y = 0.46 + np.where(y < 0, 0.46, 0.54) * y
    start = {"whole": 0.0, "face": 0.26, "lower": 0.52}[part]
    corners = np.column_stack([0.5 + 0.45 * x, np.maximum(y, start)])
    return np.asarray(cv2.convexHull(corners.astype(np.float32))[:, 0], np.float64)


def _similarity(source: Floats, target: Floats) -> _Place:
    """Return the turn, scale and shift that map source points best to target points."""
    z, w = (p[:, 0] + 1j * p[:, 1] for p in (source, target))
    centred = z - z.mean()
    turn = np.vdot(centred, w - w.mean()) / np.vdot(centred, centred)
    return _Place(complex(turn), complex(w.mean() - turn * z.mean()))


def _altered(frame: Pixels, draw: _Draw, n: int) -> Pixels:
    """Return the frame in other colours, and coarser or sharper."""
    coloured = frame * (1 + draw.contrast[n]) + (255 * draw.brightness[n] + draw.shift[n])
    picture: Pixels = np.clip(np.rint(coloured), 0, 255).astype(np.uint8)
    size = (frame.shape[1], frame.shape[0])
    if draw.coarser:
        small = tuple(max(1, edge // draw.coarser) for edge in size)
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_NEAREST)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))
    soft = cv2.blur(picture, (3, 3), borderType=cv2.BORDER_REFLECT)
    # Nine times the deviation from a 3 x 3 mean is the kernel with 8 in its centre and -1 around.
    weight = 9 * draw.sharpen
    return np.asarray(cv2.addWeighted(picture, 1 + weight, soft, -weight, 0))


def _affine(draw: _Draw, n: int, place: _Place, crop_px: float) -> Floats:
    """Return how the copy on top moves, (2, 3): scaled about the face's centre and shifted."""
    zoom = float(draw.zoom[n, 0])
    shift = place.at(np.array([[0.5, 0.5]]))[0] * (1 - zoom) + draw.move[n] * crop_px
    return np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]])


def _mask(
    draw: _Draw, corners: Floats, bend: NDArray[np.float32], crop_px: float
) -> NDArray[np.float32]:
    """Return the feathered mask in [0, 1], (H, W). corners: (K, 2); bend: (2, H, W), in pixels."""
    _, height, width = bend.shape
    mask = np.zeros((height, width), np.float32)
    cv2.fillConvexPoly(mask, np.rint(16 * corners).astype(np.int32), 1.0, cv2.LINE_8, 4)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    mask = cv2.remap(mask, x + bend[0], y + bend[1], cv2.INTER_LINEAR)
    inside = (_blurred(mask, draw.shrink * crop_px) > 0.999).astype(np.float32)
    soft = _blurred(inside, draw.feather * crop_px)
    peak = float(soft.max())  # 0 when the face lies outside the frame
    return np.asarray(soft * (draw.ratio / peak if peak > 0 else 0), np.float32)


def _blurred(mask: NDArray[np.float32], radius_px: float) -> NDArray[np.float32]:
    """Return the mean over a square window; outside the frame the mask is empty."""
    side = 2 * max(1, round(radius_px)) + 1
    return np.asarray(cv2.blur(mask, (side, side), borderType=cv2.BORDER_CONSTANT))


def _bends(draw: _Draw, size: tuple[int, int], crop_px: float) -> NDArray[np.float32]:
    """Return two smooth fields of displacement in pixels, (2, 2, H, W)."""
    ranges, rng = draw.ranges, np.random.default_rng(draw.seed)
    cell_px = max(1.0, ranges.bend_reach * crop_px / 2)  # half the reach: smooth when enlarged
    columns, rows = (math.ceil(edge / cell_px) + 1 for edge in size)
    noise = rng.normal(0, 1, (4, rows, columns)).astype(np.float32)
    fields = [cv2.resize(cv2.GaussianBlur(field, (0, 0), 2.0), size) for field in noise]
    bends = np.stack(fields).reshape(2, 2, size[1], size[0])
    spread = float(bends.std()) or 1.0
    return np.asarray(bends * (ranges.bend * crop_px / spread), np.float32)


def _bend(draw: _Draw, bends: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return frame `n`'s displacement, (2, H, W): a clip turns slowly from one field to another."""
    swing = math.pi * draw.ranges.drift * draw.passed[n]
    return np.asarray(math.cos(swing) * bends[0] + math.sin(swing) * bends[1])
