"""A face under a mask: what a moulded, painted surface has instead of skin.

Albedo. Skin is mottled by pores, blood and hair; resin, silicone and painted paper are smooth, of
fewer colours and often a little pale. Small detail is taken away where the mask lies, and colours
move towards their mean.

Surface. The mask is one smooth bulge, so its shading is that of an ellipsoid, and its gloss has the
width of its material: narrow for resin, wide for silicone (Blinn and Phong's lobe). Living eyes
look through holes whose rims cast shadows; mouth and outer rim are seams. There is one camera only,
so nothing is photographed twice.
"""

import cv2
import numpy as np

from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels, Reals
from verilens.media.presentation import scene
from verilens.media.presentation.scene import Rng, between


def masked(picture: Pixels, face: Face, rng: Rng, strength: float) -> Pixels:
    """Return the face under a mask of its own likeness. strength: in [0, 1]."""
    shape = picture.shape[:2]
    outer, holes, mouth = _outlines(face, rng)
    cover = scene.inside(shape, outer, 0.02 * face.side + 0.5)
    open_ = np.zeros(shape, np.float32)
    for hole in holes:
        open_ = np.maximum(open_, scene.inside(shape, hole, 0.6))
    skin = moulded(scene.light(picture), cover, rng, strength)
    lit = skin * relief(shape, face, rng, strength) + gloss(shape, face, rng, strength)
    worn = cover * (1 - open_)
    light = lit * worn[..., None] + scene.light(picture) * (1 - worn[..., None])
    seams = _seams(shape, [outer, *holes], face, rng)
    if rng.random() < 0.7:
        seams = np.maximum(seams, _seams(shape, [mouth], face, rng))
    depth = between(rng, 0.25, 0.45) + 0.35 * strength
    return scene.picture_of(np.clip(light * (1 - depth * seams[..., None]), 0, 1))


def moulded(values: Reals, cover: Reals, rng: Rng, strength: float) -> Reals:
    """Return light without the fine detail and the many colours of skin, (H, W, 3)."""
    smooth = values
    reach = between(rng, 0.08, 0.14) + 0.1 * strength
    for _ in range(2):
        smooth = cv2.bilateralFilter(np.ascontiguousarray(smooth), 7, reach, 3.0)
    inside = cover > 0.5
    mean = smooth[inside].mean(0) if inside.any() else smooth.mean((0, 1))
    flat = between(rng, 0.15, 0.35) + 0.2 * strength
    paint = mean * rng.uniform(0.9, 1.15, 3).astype(np.float32)
    return np.asarray(smooth * (1 - flat) + paint * flat, np.float32)


def relief(shape: tuple[int, int], face: Face, rng: Rng, strength: float) -> Reals:
    """Return the shading of a matte ellipsoid the size of the face, (H, W, 1), about 1."""
    normals = _normals(shape, face)
    lit = np.clip(normals @ _direction(rng), 0, 1)
    share = between(rng, 0.15, 0.35) + 0.25 * strength
    middle = lit[normals[..., 2] > 0.3].mean() if (normals[..., 2] > 0.3).any() else 1.0
    return np.asarray(1 + share * (lit - middle), np.float32)[..., None]


def gloss(shape: tuple[int, int], face: Face, rng: Rng, strength: float) -> Reals:
    """Return the mask's highlight, (H, W, 1): (n . h)^k with the half vector h of light and eye."""
    normals = _normals(shape, face)
    half = _direction(rng) + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    exponent = float(np.exp(between(rng, np.log(6), np.log(60))))
    lobe = np.clip(normals @ half, 0, 1) ** exponent
    uneven = 1 + 0.3 * scene.smooth_noise(shape, face.side / 4 + 2, rng)
    height = between(rng, 0.06, 0.2) + 0.25 * strength
    return np.asarray(height * lobe * uneven, np.float32)[..., None]


def _normals(shape: tuple[int, int], face: Face) -> Reals:
    """Return unit normals of an ellipsoid under the face, towards the camera, (H, W, 3)."""
    left, top, right, bottom = face.box
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x = (columns - (left + right) / 2) / (0.62 * (right - left) + 1)
    y = (rows - (top + bottom) / 2) / (0.66 * (bottom - top) + 1)
    z = np.sqrt(np.clip(1 - x * x - y * y, 0.05, 1))
    found = np.stack([x, y, z], 2)
    return np.asarray(found / np.linalg.norm(found, axis=2, keepdims=True), np.float32)


def _direction(rng: Rng) -> Reals:
    """Return where light comes from: from above, in front, somewhat aside."""
    found = np.array([between(rng, -0.8, 0.8), between(rng, -0.9, 0.2), between(rng, 0.6, 1.2)])
    return np.asarray(found / np.linalg.norm(found), np.float32)


def _outlines(face: Face, rng: Rng) -> tuple[Reals, list[Reals], Reals]:
    """Return the outline of the mask, of its two eye holes and of its mouth, each (N, 2)."""
    left, top, right, bottom = face.box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    half = np.array([right - left, bottom - top]) / 2
    outer = scene.ring(middle, half * rng.uniform(0.98, 1.15, 2))
    eyes, corners = face.points[:2], face.points[3:]
    apart = float(np.linalg.norm(eyes[1] - eyes[0])) + 1
    opening = apart * np.array([between(rng, 0.22, 0.34), between(rng, 0.12, 0.2)])
    wide = float(np.linalg.norm(corners[1] - corners[0])) / 2 + 1
    mouth = scene.ring(corners.mean(0), np.array([wide * 1.1, wide * between(rng, 0.25, 0.5)]))
    return outer, [scene.ring(eye, opening) for eye in eyes], mouth


def _seams(shape: tuple[int, int], outlines: list[Reals], face: Face, rng: Rng) -> Reals:
    """Return the dark line along outlines, in [0, 1], (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    thick = max(1, round(between(rng, 0.01, 0.035) * face.side))
    for outline in outlines:
        points = np.rint(outline).astype(np.int32)[:, None]
        cv2.polylines(canvas, [points], True, 255, thick, cv2.LINE_AA)
    soft = cv2.GaussianBlur(canvas, (0, 0), 0.3 * thick + 0.3)
    return np.asarray(soft, np.float32) / np.float32(255)
