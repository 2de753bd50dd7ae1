"""A face on a screen: what pixels, light and glass do to it.

Pixels. A screen pixel is three stripes, red, green and blue, with dark gaps. The second camera
samples this grid with its own; where both agree nearly, they beat, and slow coloured bands appear
(moire). The pattern is computed at points finer than the camera's pixels and averaged over them,
so the beat is that of the two grids and not painted on.

Light. A screen's black glows, its white is cool, its tone curve is steep, and it flickers: a
rolling shutter sees that as bands. Glass in front mirrors windows and lamps. Around all of it is a
bezel, and the room.
"""

import cv2
import numpy as np

from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels, Reals
from verilens.media.presentation import scene
from verilens.media.presentation.scene import Rng, between

GAP = 0.75  # share of a screen pixel's height that shines
TURN_RAD = (-0.15, 0.15)  # of the screen against the sensor
PITCH = (0.85, 2.6)  # camera pixels from one screen pixel to the next


def replayed(picture: Pixels, face: Face, rng: Rng, strength: float) -> Pixels:
    """Return the face shown on a screen, photographed. strength: in [0, 1]."""
    shape = picture.shape[:2]
    shown = glowing(scene.light(picture), rng) * pixels(shape, rng, strength)
    shown = shown * bands(shape, rng, strength) + reflections(shape, rng, strength)
    shown = np.clip(shown, 0, 1)
    if rng.random() < 0.55:
        shown = _device(shown, picture, face, rng)
    return scene.recaptured(shown, rng, strength)


def glowing(values: Reals, rng: Rng) -> Reals:
    """Return a screen's light for pixel values in [0, 1]: steeper, cooler, never quite black."""
    power = between(rng, 0.85, 1.35)
    black = between(rng, 0.015, 0.07)
    white = np.array([between(rng, 0.86, 1.0), between(rng, 0.92, 1.0), 1.0], np.float32)
    return np.asarray(black + (1 - black) * values**power * white, np.float32)


def pixels(shape: tuple[int, int], rng: Rng, strength: float) -> Reals:
    """Return how a grid of sub-pixels weighs each channel, (H, W, 3), mean 1.

    The channels' stripes lie a third of a pixel apart; rows are parted by dark gaps.
    """
    pitch, turn = between(rng, *PITCH), between(rng, *TURN_RAD)
    depth = 0.25 + 0.45 * strength * rng.random() + 0.25 * rng.random()
    rows, columns = scene.grid(shape)
    along = (columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))) / pitch
    across = (rows * np.float32(np.cos(turn)) - columns * np.float32(np.sin(turn))) / pitch
    gap = (np.abs(across % 1 - 0.5) < GAP / 2).astype(np.float32) / np.float32(GAP)
    weight = np.empty((*shape, 3), np.float32)
    for channel in range(3):
        stripe = 1 + np.cos(2 * np.pi * (along - channel / 3)).astype(np.float32)
        weight[..., channel] = scene.averaged(stripe * gap, shape)
    return np.asarray(1 + depth * (weight / weight.mean((0, 1)) - 1), np.float32)


def bands(shape: tuple[int, int], rng: Rng, strength: float) -> Reals:
    """Return the bands that a flickering light leaves in a rolling shutter, (H, W, 1)."""
    if rng.random() < 0.35:
        return np.ones((*shape, 1), np.float32)
    rows = np.arange(shape[0], dtype=np.float32)[:, None, None]
    period = between(rng, 0.15, 1.2) * shape[0]
    wave = np.tanh(2 * np.sin(2 * np.pi * rows / period + between(rng, 0, 6.3)))
    depth = between(rng, 0.02, 0.08) + 0.1 * strength * rng.random()
    return np.asarray(np.broadcast_to(1 + depth * wave, (*shape, 1)), np.float32)


def reflections(shape: tuple[int, int], rng: Rng, strength: float) -> Reals:
    """Return what the glass mirrors: a veil and soft, bright windows, (H, W, 3)."""
    height, width = shape
    veil = np.clip(scene.smooth_noise(shape, max(shape) / 1.5, rng), 0, 1) * between(rng, 0, 0.12)
    total = np.repeat(veil[..., None], 3, 2)
    for _ in range(int(rng.integers(0, 3))):
        middle = rng.uniform(0, 1, 2) * (width, height)
        half = rng.uniform(0.05, 0.25, 2) * min(shape)
        lean = rng.uniform(-0.4, 0.4, (4, 2)) * half
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        window = scene.inside(shape, (middle + square + lean).astype(np.float32), 0.03 * min(shape))
        tint = rng.uniform(0.85, 1.0, 3).astype(np.float32)
        total = total + between(rng, 0.05, 0.2 + 0.3 * strength) * window[..., None] * tint
    return np.asarray(total, np.float32)


def _device(shown: Reals, picture: Pixels, face: Face, rng: Rng) -> Reals:
    """Return the screen as part of a device with a bezel, in front of a room."""
    shape = picture.shape[:2]
    outline = scene.corners(picture, face, between(rng, 1.4, 2.6), rng)
    glass = scene.inside(shape, outline, 0.5)[..., None]
    around = outline.mean(0) + (outline - outline.mean(0)) * between(rng, 1.04, 1.2)
    body = scene.inside(shape, around, 0.5)[..., None]
    shade = np.float32(between(rng, 0.02, 0.15) if rng.random() < 0.8 else between(rng, 0.7, 0.9))
    room = scene.room(picture, rng)
    glow = cv2.GaussianBlur(glass[..., 0], (0, 0), 0.05 * min(shape) + 1)[..., None] * 0.06
    device = shown * glass + shade * (1 - glass)
    return np.asarray(device * body + np.clip(room + glow, 0, 1) * (1 - body), np.float32)
