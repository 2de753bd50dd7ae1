"""Decoded pixels kept in a folder of bounded size, so that an epoch decodes nothing again.

What fits is kept and never evicted: an epoch visits everything once, so any eviction would throw
away what comes next. Files are mapped, not read: a crop costs its own pixels, and the system keeps
in memory what it has room for. A folder below /dev/shm makes it a cache in memory.
"""

import hashlib
import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np

from verilens.records import Clip, View

FREE_SHARE = 0.5  # of the disk's free space that may be used, whatever the budget


class PixelCache:
    """Clips by file and view. Several threads and processes may share a folder."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        room = os.statvfs(folder)
        self.folder = folder
        used = sum(path.stat().st_size for path in folder.glob("??/*.px"))
        free = int(room.f_bavail * room.f_frsize * FREE_SHARE)
        self.left_bytes = max(0, min(budget_bytes - used, free))
        self.hits = self.misses = 0
        self._lock = threading.Lock()

    def get(self, key: str, view: View) -> Clip | None:
        """Return what was kept under `key`, its frames mapped from the file; None if nothing."""
        try:
            with self._path(key).open("rb") as file:
                times_s, boxes, size = (np.lib.format.read_array(file) for _ in range(3))
                frames = _mapped(file.name, file.tell())
        except FileNotFoundError:
            with self._lock:
                self.misses += 1
            return None
        with self._lock:
            self.hits += 1
        width, height = map(int, size)
        return Clip(frames=frames, times_s=times_s, boxes=boxes, size=(width, height), view=view)

    def put(self, key: str, clip: Clip) -> None:
        """Keep a clip if it fits."""
        with self._lock:
            if clip.frames.nbytes + 4096 > self.left_bytes:
                return
            self.left_bytes -= clip.frames.nbytes + 4096
        path = self._path(key)
        path.parent.mkdir(exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        with partial.open("wb") as file:
            for array in (clip.times_s, clip.boxes, np.array(clip.size), clip.frames):
                np.lib.format.write_array(file, np.ascontiguousarray(array))
        os.replace(partial, path)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.px"


def key_of(place: str, stamp: tuple[int, int], view: View) -> str:
    """Return the key of a file's pixels. stamp: its size and time of change."""
    return hashlib.sha256(json.dumps([place, stamp, asdict(view)]).encode()).hexdigest()


def _mapped(path: str, offset: int) -> "np.memmap[tuple[int, ...], np.dtype[np.uint8]]":
    with open(path, "rb") as file:
        file.seek(offset)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        # Copy on write: torch takes no array that may not be written.
        return np.memmap(path, kind, "c", file.tell(), shape)
