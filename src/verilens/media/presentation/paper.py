"""A face on paper: what ink, sheet and hand do to it.

Ink. Printers mix four inks as dots of growing size on grids turned against each other (15, 75, 0
and 45 degrees for cyan, magenta, yellow and black). Real inks absorb where they should not, and
paper is neither white nor black, so the printable gamut is smaller than a camera's. Dots finer than
the second camera's pixels alias instead of vanishing.

Sheet. Fibres scatter light unevenly, a sheet in a hand is bent into part of a cylinder: its picture
is squeezed and its brightness follows the angle to the light. Its border, and the shadow of it on
what is behind, are straight edges where a head has none.
"""

import cv2
import numpy as np

from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels, Reals
from verilens.media.presentation import scene
from verilens.media.presentation.scene import Rng, between

ANGLES_RAD = np.deg2rad([15.0, 75.0, 0.0, 45.0])  # cyan, magenta, yellow, black
# What each ink lets through of red, green and blue where it covers the paper; no ink is pure.
INKS = np.array(
    [[0.12, 0.60, 0.82], [0.80, 0.16, 0.50], [0.95, 0.87, 0.22], [0.16, 0.15, 0.15]], np.float32
)
_TURN = np.linspace(0, 2 * np.pi, 128, endpoint=False)
_CELL = 0.5 - 0.25 * (np.cos(_TURN) + np.cos(_TURN)[:, None])
# TONE: the threshold that a share 0, 1/64 ... 1 of a dot's cell stays below.
SOFT = 0.2  # of a dot's edge, in the threshold's units: ink spreads
TONE = np.quantile(_CELL, np.linspace(0, 1, 65)) * (1 + SOFT) - SOFT / 2
PAPER = np.array([0.95, 0.94, 0.90], np.float32)
EYE_HOLES = 0.32  # of the distance between the eyes: half the width of a hole


def printed(picture: Pixels, face: Face, rng: Rng, strength: float) -> Pixels:
    """Return the face printed on a sheet, held up and photographed. strength: in [0, 1]."""
    return scene.recaptured(_held(picture, face, rng, strength), rng, strength)


def cut_out(picture: Pixels, face: Face, rng: Rng, strength: float) -> Pixels:
    """Return the face on a sheet with holes at the eyes, through which living eyes look."""
    sheet = _held(picture, face, rng, strength)
    behind = scene.light(picture) * np.float32(between(rng, 0.6, 0.95))
    shape = picture.shape[:2]
    holes = np.zeros(shape, np.float32)
    apart = float(np.linalg.norm(face.points[1] - face.points[0])) + 1
    for eye in face.points[:2]:
        reach = apart * np.array([EYE_HOLES, EYE_HOLES * between(rng, 0.45, 0.8)])
        centre = eye + rng.normal(0, 0.03, 2) * apart
        holes = np.maximum(holes, scene.inside(shape, scene.ring(centre, reach), 0.6))
    edge = np.clip(scene.shadow(holes, (0, 0), 1.2) - holes, 0, 1)  # the thickness of the paper
    dimmed = scene.shadow(1 - holes, (0.04 * apart, 0.06 * apart), 0.05 * apart + 0.5)
    seen = behind * (1 - 0.5 * dimmed[..., None])
    light = sheet * (1 - holes[..., None]) + seen * holes[..., None]
    return scene.recaptured(np.clip(light + 0.35 * edge[..., None], 0, 1), rng, strength)


def _held(picture: Pixels, face: Face, rng: Rng, strength: float) -> Reals:
    """Return the light of a printed sheet before a room; the sheet may fill the picture."""
    flat = inked(scene.light(picture), rng, strength) * paper(picture.shape[:2], rng, strength)
    bent = bend(flat, rng, between(rng, 0.02, 0.1) * (0.5 + strength))
    if rng.random() < 0.4:
        return bent
    shape = picture.shape[:2]
    outline = scene.corners(picture, face, between(rng, 1.3, 2.6), rng)
    cover = scene.inside(shape, outline, 0.7)
    room = scene.room(picture, rng)
    thrown = scene.shadow(cover, (between(rng, -6, 6), between(rng, 0, 8)), 4.0)
    room = room * (1 - 0.45 * thrown[..., None])
    if rng.random() < 0.5:  # the printer's white margin
        margin = between(rng, 0.88, 0.97)
        core = scene.inside(shape, outline.mean(0) + (outline - outline.mean(0)) * margin, 0.7)
        bent = bent * core[..., None] + PAPER * (1 - core[..., None])
    return bent * cover[..., None] + room * (1 - cover[..., None])


def inked(values: Reals, rng: Rng, strength: float) -> Reals:
    """Return the light that comes back from dots of four inks on paper, (H, W, 3).

    values: what is printed, in [0, 1]. Black takes over `removed` of what the three others share.
    """
    removed = between(rng, 0.5, 0.9)
    coloured = 1 - values
    black = removed * coloured.min(2)
    rest = (coloured - black[..., None]) / np.maximum(1 - black[..., None], 1e-3)
    coverage = np.concatenate([rest, black[..., None]], 2)
    period = between(rng, 1.2, 2.2) + 1.4 * strength * rng.random()  # pixels from dot to dot
    light = np.broadcast_to(PAPER, values.shape).astype(np.float32)
    for ink in range(4):
        dots = halftone(coverage[..., ink], period, ANGLES_RAD[ink], rng)
        share = between(rng, 0.35, 0.6) + 0.4 * strength  # of the dots that optics leave visible
        covered = share * dots + (1 - share) * coverage[..., ink]
        light = light * (1 - covered[..., None] * (1 - INKS[ink]))
    return light


def halftone(coverage: Reals, period: float, angle_rad: float, rng: Rng) -> Reals:
    """Return dots on a turned grid whose share of the area is `coverage`, both (H, W) in [0, 1].

    A dot grows where coverage exceeds a threshold that rises from the middle of its cell. TONE
    makes up for how often each threshold occurs, as a printer's curve does.
    """
    coverage = np.interp(coverage, np.linspace(0, 1, len(TONE)), TONE).astype(np.float32)
    rows, columns = scene.grid(coverage.shape)
    phase = rng.uniform(0, 2 * np.pi, 2)
    along = columns * np.float32(np.cos(angle_rad)) + rows * np.float32(np.sin(angle_rad))
    across = rows * np.float32(np.cos(angle_rad)) - columns * np.float32(np.sin(angle_rad))
    step = np.float32(2 * np.pi / period)
    threshold = 0.5 - 0.25 * (np.cos(along * step + phase[0]) + np.cos(across * step + phase[1]))
    fine = cv2.resize(coverage, threshold.shape[::-1], interpolation=cv2.INTER_LINEAR)
    dots = np.clip((fine - threshold) / SOFT + 0.5, 0, 1)
    return scene.averaged(dots.astype(np.float32), coverage.shape)


def paper(shape: tuple[int, int], rng: Rng, strength: float) -> Reals:
    """Return how much light a sheet gives back because of its fibres and gloss, (H, W, 1)."""
    fibres = scene.smooth_noise(shape, 2.0, rng) + 0.7 * scene.smooth_noise(shape, 5.0, rng)
    gloss = np.clip(scene.smooth_noise(shape, min(shape) / 2, rng), 0, 1)
    tone = 1 + (0.015 + 0.03 * strength) * fibres + between(rng, 0.0, 0.18) * gloss
    return np.asarray(tone, np.float32)[..., None]


def bend(values: Reals, rng: Rng, depth: float) -> Reals:
    """Return a sheet bent into part of a cylinder: squeezed along an axis, shaded by its angle.

    depth: of the bow over the sheet's width.
    """
    height, width = values.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    turn = between(rng, -0.4, 0.4) + (np.pi / 2 if rng.random() < 0.3 else 0)
    place = (columns / width - 0.5) * np.cos(turn) + (rows / height - 0.5) * np.sin(turn)
    moved = np.float32(depth) * np.sin(2 * np.pi * place).astype(np.float32)
    x = columns + moved * width * np.float32(np.cos(turn))
    y = rows + moved * height * np.float32(np.sin(turn))
    bent = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    slope = np.float32(depth * 2 * np.pi) * np.cos(2 * np.pi * (place + between(rng, 0, 0.5)))
    shade = 1 + between(rng, 0.3, 0.9) * slope.astype(np.float32)
    return np.asarray(np.clip(bent * shade[..., None], 0, 1), np.float32)
