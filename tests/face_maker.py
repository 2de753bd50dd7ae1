"""Pictures and films of people: the astronaut of scikit-image (NASA, public domain), recoloured."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
SHARE = 0.42  # the face's height as found, of a figure's height
HEAD = (0.49, 0.42)  # the face's centre in a figure, as shares of its sides


@cache
def figure(turn: int = 0) -> Pixels:
    """Return head and shoulders, (280, 260, 3); another `turn` of hues makes another person."""
    from skimage import data

    rgb = np.asarray(data.astronaut())[:280, 95:355]
    if not turn:
        return rgb
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + turn) % 180
    hsv[..., 1] = np.minimum(hsv[..., 1].astype(int) + 60, 255)
    mirrored = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[:, ::-1]
    return np.ascontiguousarray(mirrored, dtype=np.uint8)


def room(size: tuple[int, int], seed: int = 0) -> Pixels:
    """Return an empty room of `size` (width, height): soft patches of colour."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(40, 216, (3, 5, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def put(scene: Pixels, who: Pixels, face: tuple[float, float], face_px: float) -> Pixels:
    """Return the scene with a figure whose face is centred at a place; what juts out is cut off."""
    height = face_px / SHARE
    width = height * who.shape[1] / who.shape[0]
    size = (max(1, round(width)), max(1, round(height)))
    small = cv2.resize(who, size, interpolation=cv2.INTER_AREA)
    left, top = round(face[0] - HEAD[0] * width), round(face[1] - HEAD[1] * height)
    result = scene.copy()
    x0, y0 = max(0, left), max(0, top)
    x1 = min(scene.shape[1], left + size[0])
    y1 = min(scene.shape[0], top + size[1])
    if x0 < x1 and y0 < y1:
        result[y0:y1, x0:x1] = small[y0 - top : y1 - top, x0 - left : x1 - left]
    return result


def save(path: Path, pixels: Pixels) -> Path:
    """Write a picture without loss."""
    Image.fromarray(pixels).save(path)
    return path


def film(
    path: Path, shown: Callable[[float], Pixels], seconds: float, rate: int = 10, rotation: int = 0
) -> Path:
    """Write a film; `shown` gives the picture at a time in seconds."""
    return write(path, [shown(n / rate) for n in range(round(seconds * rate))], rate, rotation)


def write(path: Path, frames: Sequence[Pixels], rate: int = 10, rotation: int = 0) -> Path:
    """Write frames as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path
