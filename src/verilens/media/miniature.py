"""Tiny real media for miniatures of data sets: small enough to write dozens in a moment.

What a file shows follows from its path below the root, so a miniature is the same everywhere and
no two files in it look alike. Forged media carry a coarse grid that a small network learns.
"""

import json
import zlib
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from verilens.errors import MissingExtra

SIZE = 64
GRID = 2  # pixels of a cell of the grid that marks what is forged
Pixels = NDArray[np.uint8]


class Miniature:
    """Writes files below `root`; folders are made as needed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def picture(self, below: str, forged: bool = False, size: int = SIZE) -> None:
        """Write a picture; the suffix says how it is stored."""
        pixels = _scene(below, size, forged)
        _save(pixels, self._path(below))

    def frames(self, below: str, count: int = 8, forged: bool = False, suffix: str = "png") -> None:
        """Write a video as `count` pictures 000, 001, ... in the folder `below`."""
        for n, pixels in enumerate(_moments(below, count, forged)):
            _save(pixels, self._path(f"{below}/{n:03d}.{suffix}"))

    def video(self, below: str, count: int = 8, forged: bool = False) -> None:
        """Write an H.264 video of `count` frames at 8 frames a second."""
        _encode(_moments(below, count, forged), self._path(below))

    def mask(self, below: str, count: int = 0) -> None:
        """Write a mask: a white square in the middle, as large as the forged region.

        count: frames of a mask that is a video; 0 writes a picture.
        """
        pixels = np.zeros((SIZE, SIZE, 3), np.uint8)
        pixels[_middle(SIZE)] = 255
        if count:
            _encode([pixels] * count, self._path(below))
        else:
            _save(pixels[..., 0], self._path(below))

    def bands(self, below: str, count: int, forged: bool = False) -> None:
        """Write a MATLAB file of `count` further bands, "var" (H, W, count) in [0, 1]."""
        try:
            from scipy.io import savemat
        except ImportError as error:
            hint = "pip install 'verilens[train]'"
            raise MissingExtra(f"MATLAB files need scipy: {hint}") from error
        pages = [_scene(f"{below}/{n}", SIZE, forged)[..., 0] for n in range(count)]
        values = np.stack(pages, 2).astype(np.float32) / 255
        savemat(self._path(below), {"var": values}, do_compression=True)

    def text(self, below: str, *lines: str) -> None:
        """Write a list, one item a line."""
        self._path(below).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def json(self, below: str, content: object) -> None:
        """Write a JSON file."""
        text = json.dumps(content, indent=1, ensure_ascii=False)
        self._path(below).write_text(text + "\n", encoding="utf-8")

    def _path(self, below: str) -> Path:
        path = self.root / below
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _save(pixels: Pixels, path: Path) -> None:
    Image.fromarray(pixels).save(path, quality=90)


def _encode(frames: list[Pixels], path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"preset": "ultrafast"})
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _scene(name: str, size: int, forged: bool) -> Pixels:
    """Return soft blobs of colour with a little noise, (size, size, 3)."""
    chance = np.random.default_rng(zlib.crc32(name.encode()))
    coarse = Image.fromarray(chance.integers(0, 256, (6, 6, 3), np.uint8))
    scene = np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)).astype(np.int16)
    scene = scene + chance.integers(-6, 7, scene.shape, np.int16)
    if forged:
        cells = np.indices((size, size)) // GRID
        grid = np.where((cells[0] + cells[1]) % 2, 24, -24).astype(np.int16)[..., None]
        scene[_middle(size)] += grid[_middle(size)]
    clipped: Pixels = scene.clip(0, 255).astype(np.uint8)
    return clipped


def _moments(name: str, count: int, forged: bool) -> list[Pixels]:
    """Return the frames of a camera that glides over one scene."""
    wide = _scene(name, SIZE + count, forged)
    return [np.ascontiguousarray(wide[n : n + SIZE, n : n + SIZE]) for n in range(count)]


def _middle(size: int) -> tuple[slice, slice]:
    return slice(size // 4, -(size // 4)), slice(size // 4, -(size // 4))
