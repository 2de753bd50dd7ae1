"""Noise of sensors and channels. Every frame gets its own: a sensor does not repeat itself.

Each function returns a filter of one frame, RGB (H, W, 3) uint8, that draws on at every call.
"""

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, to_bytes


def gaussian_noise(draw: Draw, variance: float) -> Filter:
    """Add independent normal noise; variance of values in [0, 1]."""
    deviation = np.float32(255 * variance**0.5)
    return lambda frame: to_bytes(
        frame + draw.rng.standard_normal(frame.shape, np.float32) * deviation
    )


def multiplicative_noise(draw: Draw, deviation: float) -> Filter:
    """Multiply every value by 1 + normal noise (speckle)."""
    return lambda frame: to_bytes(
        frame * (1 + draw.rng.standard_normal(frame.shape, np.float32) * np.float32(deviation))
    )


def shot_noise(draw: Draw, photons: float) -> Filter:
    """Count photons: Poisson noise where white is `photons`."""
    return lambda frame: to_bytes(draw.rng.poisson(frame * (photons / 255)) * (255 / photons))


def iso_noise(draw: Draw, strength: float) -> Filter:
    """Imitate a high ISO speed: photon noise in luma and coarser colour noise.

    strength: 1 leaves about 15 photons at white and colour noise of 30 levels.
    """
    photons = 15 / strength**2

    def noisy(frame: Pixels) -> Pixels:
        values = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
        values[..., 0] = draw.rng.poisson(values[..., 0] * (photons / 255)) * (255 / photons)
        stains = draw.rng.standard_normal((*frame.shape[:2], 2), np.float32) * (60 * strength)
        values[..., 1:] += cv2.blur(stains, (2, 2))
        return np.asarray(cv2.cvtColor(to_bytes(values), cv2.COLOR_YCrCb2RGB), np.uint8)

    return noisy


def impulse_noise(draw: Draw, share: float) -> Filter:
    """Turn `share` of the pixels black or white (salt and pepper)."""

    def peppered(frame: Pixels) -> Pixels:
        lots = draw.rng.random(frame.shape[:2], np.float32)
        out = frame.copy()
        out[lots < share / 2] = 0
        out[lots > 1 - share / 2] = 255
        return out

    return peppered
