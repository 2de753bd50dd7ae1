"""Cost of looking for faces: CPU-milliseconds a frame, on one thread, and what following costs.

    python benchmarks/faces.py

The scene is the astronaut of scikit-image (NASA, public domain) in an empty room.
"""

import resource
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image
from skimage import data

from verilens.media import faces, tracks
from verilens.media.sample import Moment, sampled
from verilens.records import View

SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
FACE = View(size=256, frames=8, fit="face")
PLAIN = View(size=256, frames=8, fit="resize")


def scene(size: tuple[int, int], has_face: bool = True) -> Image.Image:
    """Return a room of `size` (width, height), with a person in it or without."""
    patches = np.random.default_rng(0).integers(40, 216, (3, 5, 3), dtype=np.uint8)
    room = cv2.resize(patches, size, interpolation=cv2.INTER_CUBIC)
    side = size[1] * 2 // 3
    if has_face:
        person = cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_AREA)
        room[-side:, size[0] // 3 : size[0] // 3 + side] = person
    return Image.fromarray(np.asarray(room, np.uint8))


def spent_ms(job: Callable[[], object], rounds: int = 5) -> float:
    """Return the least processor time of a job."""
    job()
    costs = []
    for _ in range(rounds):
        before = time.process_time()
        job()
        costs.append(time.process_time() - before)
    return 1e3 * min(costs)


def main() -> None:
    cv2.setNumThreads(1)
    rows: list[tuple[str, float, str]] = []
    for name, size in SIZES.items():
        full, empty = scene(size), scene(size, has_face=False)
        rows.append((f"finding, {name}", spent_ms(lambda p=full: faces.find(p)), "CPU-ms a frame"))
        closer = spent_ms(lambda p=empty: faces.find(p, is_still=True))
        rows.append((f"a still without a face, {name}", closer, "CPU-ms"))
    picture = scene(SIZES["720p"])
    found = faces.find(picture)
    looked = spent_ms(lambda: tracks.look(0.0, picture, found))
    rows.append(("colours of one face and its scene", looked, "CPU-ms a frame"))
    moments = [Moment(float(n), lambda: picture) for n in range(8)]
    for name, view in (("without", PLAIN), ("with", FACE)):
        cut = spent_ms(lambda v=view: sampled([v], moments, SIZES["720p"]), 3)
        rows.append((f"8 moments of 720p cut, {name} faces", cut, "CPU-ms"))
    looks = [tracks.look(float(n), picture, found * 8) for n in range(64)]
    rows.append(
        ("following 8 faces over 64 moments", spent_ms(lambda: tracks.followed(looks)), "ms")
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("peak memory of this process", peak, "MiB"))
    sys.stdout.write("| figure | value | unit |\n|---|---|---|\n")
    for name, value, unit in rows:
        sys.stdout.write(f"| {name} | {value:.4g} | {unit} |\n")


if __name__ == "__main__":
    main()
