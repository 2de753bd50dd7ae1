"""Disturbs bona fide pictures in ways that copy no attack, so that the unknown can be learned.

    picture -> where: all of it, the face, an ellipse, a half or a sheet -> one to three changes

A detector that knows only prints and screens learns their traits and misses masks. Disturbances
are drawn from what any reproduction may do to light: it smooths, adds grain or a grating, changes
tone and shading, is resampled, has an edge. They are attacks in training, and never measured on.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from verilens.media.faces import Face
from verilens.media.perturb.draw import Pixels, Reals
from verilens.media.presentation import scene
from verilens.media.presentation.scene import Rng, between

Change = Callable[[Reals, Rng], Reals]
WHERE = ("all", "face", "ellipse", "half", "sheet")
SHARES = (0.3, 0.25, 0.1, 0.1, 0.25)


def disturbed(picture: Pixels, face: Face, rng: Rng) -> Pixels:
    """Return the picture with a part of it changed. picture: RGB, (H, W, 3) uint8."""
    light = scene.light(picture)
    where = str(rng.choice(WHERE, p=SHARES))
    cover = place(where, picture.shape[:2], face, rng)
    changed = light
    for number in rng.permutation(len(CHANGES))[: int(rng.integers(1, 4))]:
        changed = CHANGES[number](changed, rng)
    around = light
    if where == "sheet" and rng.random() < 0.7:
        around = scene.room(picture, rng)
    found = changed * cover[..., None] + around * (1 - cover[..., None])
    if where != "all" and rng.random() < 0.6:
        found = found * (1 + between(rng, -0.5, 0.3) * edge(cover, rng)[..., None])
    if rng.random() < 0.5 and where in ("all", "sheet"):
        return scene.recaptured(np.clip(found, 0, 1), rng, float(rng.random()))
    return scene.picture_of(np.clip(found, 0, 1))


def place(where: str, shape: tuple[int, int], face: Face, rng: Rng) -> Reals:
    """Return how far each pixel belongs to what is changed, in [0, 1], (H, W)."""
    height, width = shape
    left, top, right, bottom = face.box
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    half = np.array([right - left, bottom - top]) / 2
    softness = float(np.exp(between(rng, np.log(0.5), np.log(0.08 * face.side + 1))))
    if where == "face":
        return scene.inside(shape, scene.ring(middle, half * rng.uniform(0.8, 1.3, 2)), softness)
    if where == "ellipse":
        centre = middle + rng.uniform(-0.8, 0.8, 2) * half
        return scene.inside(shape, scene.ring(centre, half * rng.uniform(0.2, 0.7, 2)), softness)
    if where == "sheet":
        reach = between(rng, 0.9, 2.4)
        square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half * reach
        outline = middle + square * rng.uniform(0.85, 1.15, (4, 2))
        return scene.inside(shape, outline.astype(np.float32), softness)
    if where == "half":
        turn = between(rng, 0, 2 * np.pi)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        off = (columns - middle[0]) * np.cos(turn) + (rows - middle[1]) * np.sin(turn)
        far = off + between(rng, -0.8, 0.8) * face.side / 2
        return np.asarray(1 / (1 + np.exp(-np.clip(far / softness, -30, 30))), np.float32)
    return np.ones(shape, np.float32)


def edge(cover: Reals, rng: Rng) -> Reals:
    """Return where the cover begins and ends, in [0, 1], (H, W)."""
    found = np.abs(
        cv2.Laplacian(cv2.GaussianBlur(cover, (0, 0), between(rng, 0.7, 2.0)), cv2.CV_32F)
    )
    return np.asarray(found / (found.max() + 1e-6), np.float32)


def smoothed(light: Reals, rng: Rng) -> Reals:
    """Return light without fine detail."""
    if rng.random() < 0.5:
        reach = between(rng, 0.05, 0.3)
        for _ in range(int(rng.integers(1, 4))):
            light = cv2.bilateralFilter(np.ascontiguousarray(light), 7, reach, between(rng, 1.5, 4))
        return light
    return np.asarray(cv2.GaussianBlur(light, (0, 0), between(rng, 0.6, 2.0)), np.float32)


def grained(light: Reals, rng: Rng) -> Reals:
    """Return light with grain, fine or coarse, grey or coloured."""
    cell, shape = float(np.exp(between(rng, 0, np.log(6)))), light.shape[:2]
    planes = 1 if rng.random() < 0.6 else 3
    grain = np.stack([scene.smooth_noise(shape, cell, rng) for _ in range(planes)], 2)
    return np.asarray(light + between(rng, 0.01, 0.06) * grain, np.float32)


def grated(light: Reals, rng: Rng) -> Reals:
    """Return light under one to three gratings, finer than pixels or coarser."""
    shape = light.shape[:2]
    rows, columns = scene.grid(shape)
    weight = np.ones((*shape, 3), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        turn, period = between(rng, 0, np.pi), float(np.exp(between(rng, 0, np.log(6))))
        along = (columns * np.float32(np.cos(turn)) + rows * np.float32(np.sin(turn))) / period
        shifts = rng.uniform(0, 1, 3) if rng.random() < 0.5 else np.full(3, rng.random())
        sharp, depth = between(rng, 0.5, 4), between(rng, 0.05, 0.35)
        for plane, shift in enumerate(shifts):
            wave = np.tanh(sharp * np.cos(2 * np.pi * (along - np.float32(shift))))
            weight[..., plane] *= 1 + depth * scene.averaged(wave.astype(np.float32), shape)
    return np.asarray(light * weight, np.float32)


def toned(light: Reals, rng: Rng) -> Reals:
    """Return light of another tone curve, range and number of colours."""
    grey = light.mean(2, keepdims=True)
    light = grey + between(rng, 0.5, 1.2) * (light - grey)
    low, high = between(rng, 0, 0.15), between(rng, 0.75, 1.0)
    tint = rng.uniform(0.88, 1.12, 3).astype(np.float32)
    curve = np.clip(light, 0, 1) ** between(rng, 0.7, 1.5)
    return np.asarray((low + (high - low) * curve) * tint, np.float32)


def flattened(light: Reals, rng: Rng) -> Reals:
    """Return light drawn towards its mean or towards few steps."""
    if rng.random() < 0.7:
        share = between(rng, 0.1, 0.45)
        return np.asarray(light * (1 - share) + share * light.mean((0, 1)), np.float32)
    steps = between(rng, 10, 32)
    return np.asarray(np.rint(light * steps) / steps, np.float32)


def shaded(light: Reals, rng: Rng) -> Reals:
    """Return light with shading that falls off smoothly, and a soft highlight."""
    shape = light.shape[:2]
    size = between(rng, 0.3, 1.5) * min(shape)
    shade = 1 + between(rng, 0.1, 0.35) * scene.smooth_noise(shape, size, rng)
    bright = np.clip(scene.smooth_noise(shape, between(rng, 0.1, 0.5) * min(shape) + 2, rng), 0, 1)
    return np.asarray(light * shade[..., None] + between(rng, 0, 0.3) * bright[..., None] ** 2)


def resampled(light: Reals, rng: Rng) -> Reals:
    """Return light scaled down and up again."""
    height, width = light.shape[:2]
    scale = between(rng, 0.4, 0.85)
    ways = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    down = cv2.resize(light, small, interpolation=ways[rng.integers(3)])
    up = cv2.resize(down, (width, height), interpolation=ways[rng.integers(1, 4)])
    return np.asarray(np.clip(up, 0, 1), np.float32)


CHANGES: tuple[Change, ...] = (
    smoothed,
    grained,
    grated,
    toned,
    flattened,
    shaded,
    resampled,
)
