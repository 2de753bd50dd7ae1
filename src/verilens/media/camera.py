"""Frames of a camera, or of a film played as if it were one.

    for time_s, rgb in frames("0"): ...

A number is a camera of this machine, anything else a file. OpenCV decodes in this process: give it
cameras and films of your own; a stranger's file belongs to `verilens scan`, which decodes apart.
"""

import os
import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from verilens.errors import MediaError

Pixels = NDArray[np.uint8]
RATE = 30.0  # of films that state none


def frames(source: str) -> Iterator[tuple[float, Pixels]]:
    """Yield seconds since the start and a frame, RGB (H, W, 3) uint8, until there are no more.

    source: a camera's number or a file. MediaError when it cannot be opened or shows nothing.
    """
    is_camera = source.isdecimal()
    if not is_camera and not os.path.isfile(source):
        raise MediaError("missing", f"{source}: no such file, and no number of a camera")
    taken = cv2.VideoCapture(int(source) if is_camera else source)
    try:
        if not taken.isOpened():
            what = f"camera {source}" if is_camera else source
            raise MediaError("unsupported", f"{what} cannot be opened as a stream of pictures")
        yield from _read(taken, source, is_camera)
    finally:
        taken.release()


def _read(taken: cv2.VideoCapture, source: str, is_camera: bool) -> Iterator[tuple[float, Pixels]]:
    rate = taken.get(cv2.CAP_PROP_FPS)
    step_s = 1 / rate if 0 < rate < 1000 else 1 / RATE
    begun, number = time.monotonic(), 0
    while True:
        is_there, frame = taken.read()
        if not is_there:
            break
        time_s = time.monotonic() - begun if is_camera else number * step_s
        yield time_s, np.ascontiguousarray(frame[..., ::-1])
        number += 1
    if not number:
        raise MediaError("no-frames", f"{source} gave no picture")
