"""Tone and colour: what editors, filters and displays do to every pixel alike.

Each function draws what it needs once and returns a filter of one frame, RGB (H, W, 3) uint8.
"""

import operator
from collections.abc import Sequence
from functools import partial

import cv2
import numpy as np

from verilens.media.perturb.draw import Draw, Filter, Pixels, blended, table, to_bytes

# The natural-image axes of colour that AlexNet's augmentation uses: rows are eigenvectors.
_COLOUR_AXES = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
_COLOUR_VALUES = np.array([0.2175, 0.0188, 0.0045])
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)


def _curve(values: Pixels) -> Filter:
    return lambda frame: values[frame]


def _shifted(shifts: Sequence[float]) -> Filter:
    """Return a filter that adds one number to each channel."""
    curves = [table(partial(operator.add, shift)) for shift in shifts]
    return lambda frame: np.stack([curve[frame[..., c]] for c, curve in enumerate(curves)], -1)


def brightness(draw: Draw, share: float) -> Filter:
    """Add or take `share` of the full range."""
    shift = draw.sign() * share * 255
    return _curve(table(lambda level: level + shift))


def contrast(draw: Draw, factor: float) -> Filter:
    """Pull every value towards mid-grey."""
    return _curve(table(lambda level: 128 + (level - 128) * factor))


def gamma(draw: Draw, exponent: float) -> Filter:
    """Raise to `exponent`, or to its inverse."""
    power = exponent if draw.sign() > 0 else 1 / exponent
    return _curve(table(lambda level: 255 * (level / 255) ** power))


def hue(draw: Draw, degrees: float) -> Filter:
    """Turn the hue by `degrees` one way or the other."""
    return _turned(draw.sign() * degrees)


def _turned(degrees: float) -> Filter:
    turn = round(degrees / 2) % 180  # 8-bit hue counts in steps of 2 degrees

    def turned(frame: Pixels) -> Pixels:
        values = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV)
        values[..., 0] = (values[..., 0].astype(np.int16) + turn) % 180
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_HSV2RGB), np.uint8)

    return turned


def saturation(draw: Draw, factor: float) -> Filter:
    """Scale the colour differences about grey."""
    return lambda frame: blended(_grey(frame), frame, factor)


def grayscale(draw: Draw) -> Filter:
    """Keep luma only, in three equal channels."""
    return _grey


def rgb_shift(draw: Draw, levels: float) -> Filter:
    """Shift each channel by its own amount of at most `levels`; one of them by all of it."""
    shifts = draw.rng.uniform(-levels, levels, 3)
    shifts[draw.rng.integers(3)] = draw.sign() * levels
    return _shifted(shifts.tolist())


def channel_shuffle(draw: Draw) -> Filter:
    """Put the channels in another order."""
    orders = [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    order = list(orders[draw.rng.integers(len(orders))])
    return lambda frame: np.ascontiguousarray(frame[..., order])


def channel_dropout(draw: Draw, share: float) -> Filter:
    """Take `share` of one channel away."""
    weights = np.ones(3, np.float32)
    weights[draw.rng.integers(3)] = 1 - share
    return lambda frame: to_bytes(frame * weights)


def sepia(draw: Draw, share: float) -> Filter:
    """Tone like an old print."""
    return lambda frame: blended(frame, np.minimum(frame @ _SEPIA.T, 255), share)


def clahe(draw: Draw, clip: float) -> Filter:
    """Equalise luma in 8 x 8 tiles, contrast limited to `clip`."""

    def equalised(frame: Pixels) -> Pixels:
        values = cv2.cvtColor(frame, cv2.COLOR_RGB2LAB)
        tool = cv2.createCLAHE(clipLimit=clip, tileGridSize=(8, 8))
        values[..., 0] = tool.apply(np.ascontiguousarray(values[..., 0]))
        return np.asarray(cv2.cvtColor(values, cv2.COLOR_LAB2RGB), np.uint8)

    return equalised


def equalize(draw: Draw, share: float) -> Filter:
    """Equalise the histogram of luma."""

    def equalised(frame: Pixels) -> Pixels:
        values = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)
        values[..., 0] = cv2.equalizeHist(np.ascontiguousarray(values[..., 0]))
        return blended(frame, cv2.cvtColor(values, cv2.COLOR_YCrCb2RGB), share)

    return equalised


def posterize(draw: Draw, bits: float) -> Filter:
    """Keep the upper `bits` of every value."""
    mask = 0xFF & ~((1 << (8 - int(bits))) - 1)
    return lambda frame: frame & np.uint8(mask)


def solarize(draw: Draw, threshold: float) -> Filter:
    """Invert what is at least `threshold`."""
    return _curve(table(lambda level: np.where(level >= threshold, 255 - level, level)))


def fancy_pca(draw: Draw, deviation: float) -> Filter:
    """Shift all colours along the axes in which natural images vary (AlexNet's augmentation)."""
    amounts = draw.rng.normal(0, deviation, 3) * _COLOUR_VALUES
    shifts = _COLOUR_AXES @ amounts * 255
    return _shifted(shifts.tolist())


def colour_jitter(draw: Draw, strength: float) -> Filter:
    """Change one of brightness, contrast, saturation and hue by at most `strength`.

    Convention: as GenVideo's colour attack: a factor in [1 - s, 1 + s], hue in [-s, s] turns.
    """
    which, change = draw.rng.integers(4), draw.within(-strength, strength)
    if which == 0:
        return _curve(table(lambda level: level * (1 + change)))
    if which == 1:
        return lambda frame: to_bytes(
            float(_grey(frame).mean()) * -change + frame.astype(np.float32) * (1 + change)
        )
    if which == 2:
        return lambda frame: blended(_grey(frame), frame, 1 + change)
    return _turned(change * 360)


def flicker(draw: Draw, share: float) -> Filter:
    """Change the brightness of every frame anew, by at most `share`."""
    return lambda frame: to_bytes(frame * np.float32(1 + draw.within(-share, share)))


def _grey(frame: Pixels) -> Pixels:
    luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return np.repeat(luma[..., None], 3, -1)
