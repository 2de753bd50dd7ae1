"""A movement on a simple shaded body: rounded limbs, a trunk, a head, hands with fingers.

Light comes from the upper left. Parts farther from the viewer are drawn first where there is depth.
A part is drawn in the frames in which both of its ends were seen; nothing is made up.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from verilens.poses.draw import FINE
from verilens.poses.look import MARGIN, Layout, View, layouts, shown
from verilens.poses.make import same_kind
from verilens.records import Pose

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

PAPER, CLOTH, SKIN, HAIR = (238, 240, 243), (46, 74, 110), (224, 172, 140), (70, 52, 44)
LAYERS = 6  # of shading, from the dark rim to the light
FACE = ("mesh_", "face_", "nose", "left_eye", "right_eye", "left_ear", "right_ear")
FINGERS = ("hand_wrist", "thumb", "index", "middle", "ring", "pinky")
TRUNK = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
ARM, FINGER, NECK = 0.19, 0.075, 0.22  # thickness, in widths of the shoulders
HEAD = (0.36, 0.48)  # half axes of a head whose outline is not seen
HAIRLINE, HAIR_SIZE = 0.22, 1.08  # how much higher and larger hair is, in half axes and heads

Colour = tuple[int, int, int]
Points = NDArray[np.float32]


class Limb(NamedTuple):
    """A rounded part between two joints. thickness: in widths of the shoulders."""

    ends: tuple[int, int]
    thickness: float
    colour: Colour


class Head(NamedTuple):
    """middle, half: pixels, (2,). face: the joints that are seen of it."""

    middle: Points
    half: Points
    face: list[int]


def pictures(
    poses: Sequence[Pose], view: View = "front", size: int = 480
) -> Iterator["Image.Image"]:
    """Yield each frame of a clip as an RGB picture whose longer side is about `size` pixels."""
    from PIL import Image, ImageDraw

    same_kind(poses)
    persons, (width, height) = layouts(poses, view, size * FINE)
    above = round(max(_above(*one, size * FINE) for one in zip(poses, persons, strict=True)))
    persons = [
        Layout(person.points + np.array([0, above], np.float32), person.seen) for person in persons
    ]
    height += above
    finer = max(FINE, max(width, height) / size)
    fitted = (int(width / finer) // 2 * 2, int(height / finer) // 2 * 2)
    depths = [joints[..., 2] for joints in shown(poses)]
    for frame in range(len(poses[0])):
        picture = Image.new("RGB", (width, height), PAPER)
        pen = ImageDraw.Draw(picture)
        for pose, person, depth in zip(poses, persons, depths, strict=True):
            unit = _unit(pose, person.points, person.seen, size * FINE)
            _body(pen, pose, person.points[frame], person.seen[frame], unit)
            for limb in sorted(limbs(pose), key=lambda part: _behind(part, depth[frame])):
                a, b = limb.ends
                if person.seen[frame][a] and person.seen[frame][b]:
                    ends = person.points[frame][[a, b]]
                    capsule(pen, ends, limb.thickness * unit, limb.colour)
        yield picture.resize(fitted)


def limbs(pose: Pose) -> list[Limb]:
    """Return the rounded parts of a skeleton: arms, legs and fingers, not the face or the trunk."""
    names = pose.skeleton.joints
    found = []
    for a, b in pose.skeleton.edges:
        both = (names[a], names[b])
        if any(name.startswith(FACE) for name in both) or set(both) <= set(TRUNK):
            continue
        is_hand = all(any(part in name for part in FINGERS) for name in both)
        found.append(Limb((a, b), FINGER if is_hand else ARM, SKIN if is_hand else CLOTH))
    return found


def _behind(limb: Limb, depth: NDArray[np.float32]) -> tuple[bool, float]:
    """Return what limbs are sorted by: hands last, since their depth counts from their wrist."""
    return limb.colour == SKIN, -float(depth[list(limb.ends)].mean())


def capsule(pen: "ImageDraw.ImageDraw", ends: Points, thickness: float, colour: Colour) -> None:
    """Draw a rounded part, (2, 2) pixels, from its dark rim to where the light falls."""
    for layer in range(LAYERS):
        share = layer / (LAYERS - 1)
        width = thickness * (1 - 0.75 * share)
        moved = ends - np.float32(thickness * 0.12 * share)
        fill = _lit(colour, share)
        (ax, ay), (bx, by) = moved.tolist()
        pen.line([ax, ay, bx, by], fill=fill, width=max(1, round(width)))
        for x, y in moved.tolist():
            r = width / 2
            pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)


def _body(
    pen: "ImageDraw.ImageDraw", pose: Pose, points: Points, seen: NDArray[np.bool_], unit: float
) -> None:
    """Draw the trunk, the neck and the head."""
    trunk = _trunk(pose)
    corners = [n for n in trunk if seen[n]]
    if len(corners) == len(TRUNK):
        middle = points[corners].mean(0)
        for layer in range(LAYERS):
            share = layer / (LAYERS - 1)
            shape = middle + (points[corners] - middle) * (1.12 - 0.3 * share) - 0.06 * unit * share
            pen.polygon([tuple(p) for p in shape.tolist()], fill=_lit(CLOTH, share))
    head = _head(pose, points, seen, unit)
    if head is None:
        return
    capsule(pen, np.stack([points[trunk[:2]].mean(0), head.middle]), NECK * unit, SKIN)
    _ball(pen, head.middle - (0, head.half[1] * HAIRLINE), head.half * HAIR_SIZE, HAIR)
    _ball(pen, head.middle, head.half, SKIN)
    size = max(1.0, unit * 0.012)
    for x, y in points[head.face].tolist() if len(head.face) > 5 else []:
        pen.ellipse((x - size, y - size, x + size, y + size), fill=_lit(SKIN, -0.9))


def _trunk(pose: Pose) -> list[int]:
    """Return which joints are the trunk's, shoulders first; fewer where a skeleton lacks some."""
    names = pose.skeleton.joints
    return [names.index(name) for name in TRUNK if name in names]


def _head(pose: Pose, points: Points, seen: NDArray[np.bool_], unit: float) -> Head | None:
    """Return where the head of a frame is; None where no face or no shoulders are seen."""
    names = pose.skeleton.joints
    face = [n for n, name in enumerate(names) if name.startswith(FACE) and seen[n]]
    if not face or sum(bool(seen[n]) for n in _trunk(pose)[:2]) < 2:
        return None
    low, high = points[face].min(0), points[face].max(0)
    outline = (high - low) / 2 * np.array([1.1, 1.15], np.float32)
    half = np.maximum(outline, unit * np.array(HEAD, np.float32) * 0.6)
    return Head((low + high) / 2, half, face)


def _above(pose: Pose, person: Layout, size: int) -> float:
    """Return how far heads, which are larger than the faces seen, stick out of the picture."""
    unit = _unit(pose, person.points, person.seen, size)
    tops = [0.0]
    for points, seen in zip(*person, strict=True):
        head = _head(pose, points, seen, unit)
        if head is not None:
            tops.append(float(head.half[1] * (HAIRLINE + HAIR_SIZE) - head.middle[1]))
    highest = max(tops)
    return highest + MARGIN * size if highest else 0.0


def _ball(pen: "ImageDraw.ImageDraw", middle: Points, half: Points, colour: Colour) -> None:
    for layer in range(LAYERS):
        share = layer / (LAYERS - 1)
        radii = half * (1 - 0.6 * share)
        at = middle - half * 0.15 * share
        pen.ellipse((*(at - radii).tolist(), *(at + radii).tolist()), fill=_lit(colour, share))


def _lit(colour: Colour, share: float) -> Colour:
    """Return a colour between its shade (0) and its light (1)."""
    factor = 0.72 + 0.42 * share
    r, g, b = (max(0, min(255, round(part * factor))) for part in colour)
    return r, g, b


def _unit(pose: Pose, points: Points, seen: NDArray[np.bool_], size: int) -> float:
    """Return the width of the shoulders in pixels, a quarter of the picture where none are seen."""
    names = pose.skeleton.joints
    if not set(TRUNK[:2]) <= set(names):
        return size / 4
    a, b = (names.index(name) for name in TRUNK[:2])
    both = seen[:, a] & seen[:, b]
    if not both.any():
        return size / 4
    return float(np.median(np.linalg.norm(points[both, a] - points[both, b], axis=-1)))
