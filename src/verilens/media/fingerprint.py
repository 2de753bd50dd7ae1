"""What tells one file from another: its digest, a perceptual hash, size and format.

The hash is that of Zauner 2010: the 8 x 8 lowest frequencies of a 32 x 32 picture, each bit whether
one lies above their median. Copies that were scaled or compressed differ in few of the 64 bits.
Looking at a file again is free while its size and time of change stay: `Looked` keeps a log.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from threading import Lock, local

import cv2
import numpy as np

from verilens.errors import MediaError
from verilens.media.sandbox import Decoder
from verilens.records import View

_VIEW = View(size=128, fit="contain", frames=1)
_BATCH = 256
_PLAIN = 2.0  # deviation of grey below which a picture has no hash: all flat pictures look alike
_BANDS, _BITS = 4, 16
_CROWD = 64  # members of a band that one hash is compared with


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of one file. error: a MediaErrorKind, then the rest says nothing.

    hash: 64 bits, None for a picture without structure. seconds, frames: 0 for a still.
    quality: of a JPEG's tables, 0 for none.
    """

    error: str = ""
    message: str = ""
    sha256: str = ""
    hash: int | None = None
    format: str = ""
    width: int = 0
    height: int = 0
    frames: int = 0
    seconds: float = 0.0
    quality: int = 0


def look(decoder: Decoder, path: Path) -> Look:
    """Return what one file is; a file that cannot be read is a `Look` with an error."""
    try:
        opened = decoder.open(path, [_VIEW])
    except MediaError as error:
        return Look(error=error.kind, message=error.message)
    media = opened.media
    return Look(
        sha256=media.sha256,
        hash=perceptual_hash(opened.clips[_VIEW].frames[0]),
        format=media.codec or media.format if media.kind == "video" else media.format,
        width=media.width,
        height=media.height,
        frames=media.frames or 0,
        seconds=media.duration_s or 0.0,
        quality=media.quality.jpeg_quality or 0,
    )


def perceptual_hash(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int | None:
    """Return 64 bits of a picture's lowest frequencies; None when it has no structure.

    frame: RGB, (H, W, 3) uint8.
    """
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < _PLAIN:
        return None
    lowest = cv2.dct(small)[:8, :8].ravel()
    bits = lowest > np.median(lowest[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


class Alike:
    """Finds hashes that differ in at most three bits; the cost does not grow with their number.

    Sixteen bits of a band must agree, which three differing bits cannot prevent in all four bands.
    Where more than 64 hashes share a band, a hash is compared with the last 64 of them.
    """

    def __init__(self) -> None:
        self._bands: list[dict[int, list[int]]] = [{} for _ in range(_BANDS)]
        self._hashes: list[int] = []

    def add(self, value: int) -> int | None:
        """Return the number of an earlier hash that is alike, None if there is none; keep it."""
        number = len(self._hashes)
        found = None
        for band, members in enumerate(self._bands):
            key = value >> (band * _BITS) & ((1 << _BITS) - 1)
            own = members.setdefault(key, [])
            if found is None:
                near = (n for n in own[-_CROWD:] if (self._hashes[n] ^ value).bit_count() < _BANDS)
                found = next(near, None)
            own.append(number)
        self._hashes.append(value)
        return found


class Looked:
    """Looks at files in several processes and keeps what it saw in a log, for the next time.

    log: JSON Lines, appended to; None keeps nothing. A context manager.
    """

    def __init__(self, log: Path | None, jobs: int) -> None:
        self._known: dict[str, Look] = {}
        self._log = log
        self._local, self._decoders, self._lock = local(), list[Decoder](), Lock()
        self._pool = ThreadPoolExecutor(jobs)
        if log is not None and log.exists():
            self._read(log)

    def __enter__(self) -> "Looked":
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for decoder in self._decoders:
            decoder.close()

    def looks(self, paths: Iterator[Path]) -> Iterator[Look]:
        """Yield what each file is, in their order."""
        while batch := list(islice(paths, _BATCH)):
            yield from self._batch(batch)

    def _batch(self, paths: list[Path]) -> Iterator[Look]:
        keys = [_key(path) for path in paths]
        seen = list(self._pool.map(self._one, paths, keys))
        fresh = [(k, s) for k, s in zip(keys, seen, strict=True) if k and k not in self._known]
        self._known.update(fresh)
        if self._log is not None and fresh:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("a", encoding="utf-8") as log:
                log.writelines(json.dumps({"key": k, **asdict(s)}) + "\n" for k, s in fresh)
        return iter(seen)

    def _one(self, path: Path, key: str) -> Look:
        if known := self._known.get(key):
            return known
        decoder: Decoder | None = getattr(self._local, "decoder", None)
        if decoder is None:
            decoder = self._local.decoder = Decoder()
            with self._lock:
                self._decoders.append(decoder)
        return look(decoder, path)

    def _read(self, log: Path) -> None:
        with log.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    fields = json.loads(line)
                    key = fields.pop("key")
                    self._known[key] = Look(**fields)
                except (ValueError, TypeError, KeyError, AttributeError):
                    continue  # a line that a kill cut short


def _key(path: Path) -> str:
    """Return path, size and time of change as one string; "" when there is no such file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ""
    return f"{os.path.abspath(path)}\0{status.st_size}\0{status.st_mtime_ns}"


Looker = Callable[[Iterator[Path]], Iterator[Look]]
